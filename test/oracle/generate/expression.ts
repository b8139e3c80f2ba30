import type { Column } from './model.js'
import { generateQuery } from './query.js'
import { type Build, columnReferences, deeper, type Scope } from './scope.js'
import {
  allTypes,
  castName,
  comparand,
  declared,
  isDomain,
  literal,
  literalName,
  literalOf,
  type Type,
  value,
} from './types.js'

/** An expression with the name that its unaliased output column has. */
export interface Expression {
  readonly sql: string
  readonly type: Type
  readonly name: string
}

const unnamed = '?column?'

/** An expression of the type; a column where there is one and nothing else is chosen. */
export function generateExpression(build: Build, scope: Scope, type: Type, depth = 2): Expression {
  const { choices } = build
  const made = (sql: string, name = unnamed): Expression => ({ sql, type, name })
  const sub = (of: Type) => generateExpression(build, scope, of, depth - 1).sql
  // What a dropped column is given must be what its rule says.
  const isGone = type === 'goneBool' || type === 'goneText'
  const column = isGone ? undefined : choices.pickAny(columnReferences(build, scope, type))
  const simple = () => column ?? made(literal(choices, type), literalName(type))
  if (isGone) return simple()
  if (depth <= 0) return simple()
  switch (choices.below(14)) {
    case 5:
      return made(literal(choices, type), literalName(type))
    case 6:
      return made(`coalesce(${sub(type)}, ${literal(choices, type)})`, 'coalesce')
    case 7: {
      const otherwise = generateExpression(build, scope, type, depth - 1)
      // A CASE is named by its ELSE, where that has a name (parse_target.c, FigureColnameInternal).
      return made(
        `CASE WHEN ${generateCondition(build, scope, depth - 1)} THEN ${sub(type)} ELSE ${otherwise.sql} END`,
        otherwise.name === unnamed ? 'case' : otherwise.name,
      )
    }
    case 8: {
      const inner = generateExpression(build, scope, type, depth - 1)
      return made(`(${inner.sql})::${declared(type)}`, inner.name === unnamed ? castName(type) : inner.name)
    }
    case 9:
    case 10:
      if (isDomain(type)) return simple()
      return operation(build, scope, type, sub, made)
    case 11:
      return scalarSubquery(build, scope, type) ?? simple()
    case 12:
      return choices.chance(40)
        ? made(`${writtenParameter(build, { type })}::${declared(type)}`, castName(type))
        : made(`(${simple().sql})`, simple().name)
    default:
      return simple()
  }
}

function operation(
  build: Build,
  scope: Scope,
  type: Type,
  sub: (type: Type) => string,
  made: (sql: string, name?: string) => Expression,
): Expression {
  const { choices } = build
  switch (type) {
    case 'int':
      return choices.pick([
        () => made(`${sub('int')} + ${literal(choices, 'int')}`),
        () => made(`length(${sub('text')})`, 'length'),
        () => made(`cardinality(${sub('array')})`, 'cardinality'),
        () => made(`- ${sub('int')}`),
        () => made(`(${sub('ints')})[1]`),
        () => made(`extract(day FROM ${sub('stamp')})::integer`, 'extract'),
      ])()
    case 'big':
      return choices.pick([() => made(`${sub('big')} + ${sub('int')}`), () => made(`abs(${sub('big')})`, 'abs')])()
    case 'text':
      return choices.pick([
        () => made(`upper(${sub('text')})`, 'upper'),
        () => made(`${sub('text')} || ${sub('text')}`),
        () => made(`(${sub('array')})[1]`),
        () => made(`concat(${sub('int')}, ${sub('text')})`, 'concat'),
        () => made(`(${sub(choices.pick(allTypes))})::text`, 'text'),
        ...wholeRows(build, scope).map((row) => () => made(`row_to_json(${row})::text`, 'row_to_json')),
      ])()
    case 'numeric':
      return choices.pick([
        () => made(`${sub('numeric')} * 2`),
        () => made(`abs(${sub('numeric')})`, 'abs'),
        () => made(`${sub('numeric')} + ${sub('big')}`),
      ])()
    case 'bool':
      return made(`(${generateCondition(build, scope, 1)})`)
    case 'date':
      return choices.pick([
        () => made(`greatest(${sub('date')}, ${literal(choices, 'date')})`, 'greatest'),
        () => made(`(${sub('stamp')})::date`, 'date'),
      ])()
    case 'stamp':
      return choices.pick([
        () => made(`${sub('stamp')} + interval '1 day'`),
        () => made(`(${sub('stamptz')} AT TIME ZONE 'UTC')`, 'timezone'),
      ])()
    case 'array':
      return choices.pick([
        () => made(`array_append(${sub('array')}, ${sub('text')})`, 'array_append'),
        () => made(`ARRAY[${sub('text')}, ${literal(choices, 'text')}]`, 'array'),
      ])()
    case 'ints':
      return choices.pick([
        () => made(`array_append(${sub('ints')}, ${sub('int')})`, 'array_append'),
        () => made(`${sub('ints')} || ${sub('ints')}`),
      ])()
    default:
      return made(`(${sub(type)})`)
  }
}

/** A condition; comparisons with columns, subqueries, parameters. */
export function generateCondition(build: Build, scope: Scope, depth = 2): string {
  const { choices } = build
  const type = choices.pick<Type>(['int', 'text', ...allTypes])
  const left = generateExpression(build, scope, type, depth - 1)
  const constant = () => literalOf(type, comparand(choices, type))
  switch (choices.below(18)) {
    case 4:
      return `${left.sql} IS NOT NULL`
    case 5:
      return `${left.sql} <> ${constant()}`
    case 6:
      return depth <= 0
        ? `${left.sql} IS NULL`
        : `(${generateCondition(build, scope, depth - 1)} OR NOT (${generateCondition(build, scope, depth - 1)}))`
    case 7:
      return depth <= 0
        ? 'true'
        : `${generateCondition(build, scope, depth - 1)} AND ${generateCondition(build, scope, depth - 1)}`
    case 8:
      return `${left.sql} = ${parameter(build, type)}`
    case 9:
      return subqueryCondition(build, scope, type, left.sql) ?? `${left.sql} IS NOT NULL`
    case 10:
      return `${left.sql} ${choices.pick(['', 'NOT '])}IN (${constant()}, ${choices.chance(40) ? parameter(build, type) : constant()})`
    case 11:
      return `(${left.sql}, ${generateExpression(build, scope, 'int', depth - 1).sql}) IS DISTINCT FROM (${constant()}, 1)`
    case 12:
      return `${left.sql} ${choices.pick(['=', '<', '>=', '>', '<=', 'IS NOT DISTINCT FROM'])} ${constant()}`
    case 13:
      return `${parameter(build, type)} ${choices.pick(['=', '<=', '>'])} ${left.sql}`
    case 14:
      return `${left.sql} BETWEEN ${constant()} AND ${choices.chance(40) ? parameter(build, type) : constant()}`
    case 15:
      return declared(type).endsWith('[]')
        ? `${left.sql} && ${constant()}`
        : `${left.sql} = ANY (${arrayParameter(build, type)})`
    case 16: {
      const range = choices.pickAny(scope[0]?.ranges.filter((one) => one.table !== undefined) ?? [])
      const alone = scope[0]?.ranges.filter((one) => one.name === range?.name).length === 1
      return range === undefined || !alone
        ? `${left.sql} IS NULL`
        : `"${range.name}".${choices.pick(['ctid', 'xmin', 'tableoid'])} IS NOT NULL`
    }
    default:
      return `${left.sql} ${choices.pick(['>=', '=', '<'])} ${generateExpression(build, scope, type, depth - 1).sql}`
  }
}

/** A mark for a parameter with a value that fits; `numberParameters` turns the marks that are used into $n. */
function parameter(build: Build, type: Type): string {
  return markOf(build, comparand(build.choices, type))
}

/** A parameter for what is written: within the domain. */
export function writtenParameter(build: Build, { type, notNull }: Pick<Column, 'type' | 'notNull'>): string {
  return markOf(build, notNull !== true && build.choices.chance(15) ? null : value(build.choices, type))
}

/** An array of comparands, with its type where it could be another. */
function arrayParameter(build: Build, type: Type): string {
  const items = build.choices.list(0, 3, () => `"${comparand(build.choices, type)}"`)
  return `${markOf(build, `{${items.join(',')}}`)}${build.choices.chance(50) ? '' : `::${declared(type)}[]`}`
}

function markOf(build: Build, text: string | null): string {
  build.parameters.push(text)
  return `\u0000${build.parameters.length - 1}\u0000`
}

/** Gives the marked parameters of a statement their numbers, by first appearance. */
export function numberParameters(
  sql: string,
  values: readonly (string | null)[],
): { sql: string; parameters: (string | null)[] } {
  const numbers = new Map<string, number>()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL marks a parameter, as it cannot stand in SQL
  const numbered = sql.replace(/\u0000(\d+)\u0000/g, (_, index: string) => {
    numbers.set(index, numbers.get(index) ?? numbers.size + 1)
    return `$${numbers.get(index)}`
  })
  return { sql: numbered, parameters: [...numbers.keys()].map((index) => values[Number(index)] ?? null) }
}

function subqueryCondition(build: Build, scope: Scope, type: Type, left: string): string | undefined {
  if (build.depth <= 0) return undefined
  const inner = deeper(build)
  return build.choices.pick([
    () => `EXISTS (${generateQuery(inner, scope, {}).sql})`,
    () => `${left} IN (${generateQuery(inner, scope, { types: [type] }).sql})`,
    () => `${left} NOT IN (${generateQuery(inner, scope, { types: [type] }).sql})`,
    () => `${left} = ANY (${generateQuery(inner, scope, { types: [type] }).sql})`,
  ])()
}

/** An aggregate gives one row whatever the query finds. */
function scalarSubquery(build: Build, scope: Scope, type: Type): Expression | undefined {
  if (build.depth <= 0) return undefined
  const query = generateQuery(deeper(build), scope, { aggregate: type })
  return { sql: `(${query.sql})`, type, name: query.columns[0]?.name ?? unnamed }
}

/** Bare range variables of the innermost level whose name no column has. */
export function wholeRows(build: Build, scope: Scope): string[] {
  const level = scope[0]
  if (level === undefined) return []
  return level.ranges
    .filter((range) => range.table !== undefined)
    .filter((range) => level.ranges.filter((other) => other.name === range.name).length === 1)
    .filter((range) => !scope.some((any) => any.visible.some((column) => column.name === range.name)))
    .map((range) => (build.choices.chance(30) ? `${quoteAlways(range.name)}.*` : quoteAlways(range.name)))
}

function quoteAlways(name: string): string {
  return `"${name}"`
}
