import { type Expression, generateCondition, generateExpression, wholeRows, writtenParameter } from './expression.js'
import { generateFrom } from './from.js'
import { type Column, spell } from './model.js'
import { type Build, columnReferences, deeper, type Level, qualifiers, type Scope } from './scope.js'
import { allTypes, declared, isDomain, type Type } from './types.js'

/** A query and its output columns. */
export interface Query {
  readonly sql: string
  readonly columns: readonly Column[]
  /** True where ORDER BY leaves nothing to chance. */
  readonly ordered?: boolean
}

/** What a query is wanted for. */
export interface Wanted {
  /** The types of its output columns. */
  readonly types?: readonly Type[]
  /** One aggregate of the type: always one row. */
  readonly aggregate?: Type
  /** Outermost: may have WITH, and ORDER BY that leaves nothing to chance. */
  readonly outermost?: boolean
  /** An arm of a set operation: no row locks. */
  readonly arm?: boolean
}

export function generateQuery(build: Build, outer: Scope, wanted: Wanted): Query {
  const { choices } = build
  if (wanted.aggregate !== undefined) return aggregateQuery(build, outer, wanted.aggregate)
  if (build.depth <= 0 || !choices.chance(12)) return generateSelect(build, outer, wanted)
  const first = generateSelect(build, outer, { ...wanted, arm: true })
  const types = first.columns.map((column) => column.type)
  const second = generateSelect(deeper(build), outer, { types })
  const operator = choices.pick(['UNION ALL', 'UNION', 'EXCEPT', 'INTERSECT', 'UNION DISTINCT'])
  const order = wanted.outermost === true && choices.chance(60) ? orderByAll(build, first, true) : ''
  return {
    sql: `${stripOrder(first.sql)} ${operator} ${stripOrder(second.sql)}${order}`,
    columns: first.columns,
    ordered: order !== '',
  }
}

function generateSelect(build: Build, outer: Scope, wanted: Wanted): Query {
  const { choices } = build
  const from = generateFrom(build, outer)
  const scope: Scope = [from.level, ...outer]
  const where = choices.chance(40) ? ` WHERE ${generateCondition(build, scope)}` : ''
  if (build.depth > 0 && choices.chance(15)) return groupedSelect(build, scope, from.sql + where, wanted)
  const items = outputItems(build, scope, wanted)
  const query = { sql: '', columns: items.columns }
  const outermost = wanted.outermost === true
  const key =
    outermost && choices.chance(6) ? choices.pickAny(columnReferences(build, [from.level], undefined)) : undefined
  const prefix = key !== undefined ? `DISTINCT ON (${key.sql}) ` : outermost && choices.chance(10) ? 'DISTINCT ' : ''
  const order =
    key !== undefined
      ? ` ORDER BY ${[key.sql, ...positions(query)].join(', ')}`
      : outermost && choices.chance(50)
        ? orderBy(build, scope, query, prefix !== '')
        : ''
  const limit = order !== '' && choices.chance(20) ? generateLimit(build) : ''
  const lock = outermost && wanted.arm !== true && prefix === '' ? rowLock(build, from.level, from.lockable) : ''
  return {
    sql: `SELECT ${prefix}${items.sql} FROM ${from.sql}${where}${order}${limit}${lock}`,
    columns: items.columns,
    ordered: order !== '',
  }
}

function generateLimit(build: Build): string {
  const { choices } = build
  const count = choices.chance(30)
    ? writtenParameter(build, { type: 'level', notNull: true })
    : String(1 + choices.below(3))
  return `${choices.chance(20) ? ' OFFSET 1' : ''} ${choices.chance(15) ? 'FETCH FIRST 2 ROWS ONLY' : `LIMIT ${count}`}`
}

function outputItems(build: Build, scope: Scope, wanted: Wanted): Query {
  const { choices } = build
  if (wanted.types !== undefined) {
    const items = wanted.types.map((type) => item(build, generateExpression(build, scope, type)))
    return { sql: items.map((i) => i.sql).join(', '), columns: items.map((i) => i.column) }
  }
  const items: { sql: string; columns: readonly Column[] }[] = choices.list(1, 4, () => {
    if (choices.chance(20)) return star(build, scope)
    if (choices.chance(6)) return windowItem(build, scope)
    if (wanted.outermost === true && choices.chance(8)) return typedItem(build, scope)
    const any = choices.pickAny(columnReferences(build, scope, undefined))
    const expression =
      any !== undefined && !choices.chance(35) ? any : generateExpression(build, scope, choices.pick(allTypes))
    const one = item(build, expression)
    return { sql: one.sql, columns: [one.column] }
  })
  return { sql: items.map((i) => i.sql).join(', '), columns: items.flatMap((i) => i.columns) }
}

function item(build: Build, expression: Expression): { sql: string; column: Column } {
  const { choices } = build
  const { sql, type, name } = expression
  if (!choices.chance(25)) return { sql, column: { name, type } }
  const alias = choices.pick(['x', 'name', 'id', 'title', 'users', 'Mixed', 'amount'])
  return { sql: `${sql} AS ${spell(choices, alias)}`, column: { name: alias, type } }
}

function star(build: Build, scope: Scope): Query {
  const level = scope[0] as Level
  const range = build.choices.pickAny(level.ranges)
  const qualifier = range === undefined ? undefined : build.choices.pickAny(qualifiers(build.choices, level, range))
  if (range === undefined || qualifier === undefined || !build.choices.chance(50)) {
    return { sql: '*', columns: level.visible }
  }
  return { sql: `${qualifier}.*`, columns: range.columns }
}

/** Outputs whose type or text shows what type their operands have; nothing else reads them. */
function typedItem(build: Build, scope: Scope): Query {
  const { choices } = build
  const any = () => generateExpression(build, scope, choices.pick(allTypes), 1).sql
  const number = () => generateExpression(build, scope, choices.pick(['int', 'small', 'big', 'level']), 0).sql
  const range = choices.pickAny(scope[0]?.ranges.filter((one) => one.table !== undefined) ?? [])
  const [qualifier] = range === undefined ? [] : qualifiers(choices, scope[0] as Level, range)
  const sql = choices.pick([
    `pg_typeof(${any()})`,
    `ROW(${any()}, ${any()})`,
    `to_jsonb(${any()})`,
    `${number()} + ${number()}`,
    `ARRAY[${number()}, ${number()}]`,
    `jsonb_build_object('x', ${any()})`,
    qualifier === undefined ? '1' : `${qualifier}.tableoid`,
    `sum(${number()}) OVER ()`,
  ])
  return { sql: `${sql} AS o`, columns: [{ name: 'o', type: 'text' }] }
}

/** Windows whose value does not hang on the order of equal rows. */
function windowItem(build: Build, scope: Scope): Query {
  const by = generateExpression(build, scope, 'text', 1).sql
  const order = generateExpression(build, scope, 'int', 1).sql
  const sql = build.choices.pick([
    `rank() OVER (ORDER BY ${order})`,
    `count(*) OVER (PARTITION BY ${by})`,
    `max(${order}) OVER (PARTITION BY ${by} ORDER BY ${order})`,
  ])
  return { sql: `(${sql})::integer AS w`, columns: [{ name: 'w', type: 'int' }] }
}

function groupedSelect(build: Build, scope: Scope, from: string, wanted: Wanted): Query {
  const { choices } = build
  const byKey = wanted.types === undefined && choices.chance(30) ? groupedByKey(build, scope) : undefined
  const types = wanted.types ?? choices.list(1, 3, () => choices.pick(allTypes))
  const grouping: string[] = byKey === undefined ? [] : [byKey.grouping]
  const items = types.map((type) => {
    if (!choices.chance(50)) return item(build, aggregate(build, scope, type))
    const reference = choices.pickAny(columnReferences(build, scope.slice(0, 1), type))
    if (reference === undefined || byKey !== undefined) return item(build, aggregate(build, scope, type))
    const one = item(build, reference)
    grouping.push(reference.sql)
    return one
  })
  const all = [...(byKey?.items ?? []), ...items, ...(wanted.outermost === true ? typedAggregates(build, scope) : [])]
  const groupBy = grouping.length === 0 ? '' : ` GROUP BY ${groupingOf(build, grouping, byKey !== undefined)}`
  const having = choices.chance(20) ? ` HAVING ${aggregate(build, scope, 'int').sql} >= 0` : ''
  const query = {
    sql: `SELECT ${all.map((i) => i.sql).join(', ')} FROM ${from}${groupBy}${having}`,
    columns: all.map((i) => i.column),
  }
  return wanted.outermost === true && choices.chance(50)
    ? { ...query, sql: query.sql + orderByAll(build, query, false), ordered: true }
    : query
}

/** Columns of a table of whose primary key the query makes its groups. */
function groupedByKey(build: Build, scope: Scope) {
  const { choices } = build
  const level = scope[0] as Level
  const range = choices.pickAny(level.ranges.filter(({ table }) => table !== undefined && table.parent === undefined))
  const qualifier = range === undefined ? undefined : choices.pickAny(qualifiers(choices, level, range))
  const [key, ...rest] = range?.columns ?? []
  if (qualifier === undefined || key === undefined) return undefined
  const reference = (column: Column) => `${qualifier}.${spell(choices, column.name)}`
  const items = choices.some(rest, 40).map((column) => ({ sql: reference(column), column }))
  return { grouping: reference(key), items }
}

function groupingOf(build: Build, grouping: readonly string[], alone: boolean): string {
  const plain = grouping.join(', ')
  if (alone) return plain
  switch (build.choices.below(12)) {
    case 9:
      return `ROLLUP (${plain})`
    case 10:
      return `GROUPING SETS ((${plain}), (${grouping[0]}), ())`
    case 11:
      return `CUBE (${grouping.slice(0, 3).join(', ')})${grouping.length > 3 ? `, ${grouping.slice(3).join(', ')}` : ''}`
    default:
      return plain
  }
}

/** Aggregates whose type tells that of their argument. */
function typedAggregates(build: Build, scope: Scope): { sql: string; column: Column }[] {
  const { choices } = build
  if (!choices.chance(30)) return []
  const argument = (type: Type) => generateExpression({ ...build, depth: 0 }, scope.slice(0, 1), type, 0).sql
  const number = choices.pick<Type>(['int', 'small', 'big', 'numeric', 'level'])
  const any = choices.pick(allTypes)
  const sql = choices.pick([
    () => `sum(${argument(number)})`,
    () => `avg(${argument(number)})`,
    () => {
      // Arrays may fail to be put into one, in words that hang on the order of the groups.
      const one = argument(declared(any).endsWith('[]') ? 'text' : any)
      return `array_agg(${one} ORDER BY ${one})`
    },
    () => `count(DISTINCT ${argument(any)})`,
    () => `sum(DISTINCT ${argument(number)}) FILTER (WHERE ${argument('bool')})`,
    () => `pg_typeof(max(${argument(any === 'bool' ? 'int' : any)}))`,
  ])()
  return [{ sql: `${sql} AS o`, column: { name: 'o', type: 'text' } }]
}

function aggregateQuery(build: Build, outer: Scope, type: Type): Query {
  const from = generateFrom(build, outer)
  const scope: Scope = [from.level, ...outer]
  const where = build.choices.chance(50) ? ` WHERE ${generateCondition(build, scope, 1)}` : ''
  // An aggregate over outer columns alone would belong to the outer query.
  const local = aggregate(build, [from.level], type)
  return { sql: `SELECT ${local.sql} FROM ${from.sql}${where}`, columns: [{ name: local.name, type }] }
}

function aggregate(build: Build, scope: Scope, type: Type): Expression {
  const { choices } = build
  const argument = generateExpression({ ...build, depth: 0 }, scope.slice(0, 1), type, 1).sql
  if (declared(type) === 'boolean') return { sql: `bool_or(${argument})`, type, name: 'bool_or' }
  if (isDomain(type)) return { sql: `max(${argument})`, type, name: 'max' }
  switch (type) {
    case 'int':
      return choices.pick([
        { sql: `max(${argument})`, type, name: 'max' },
        { sql: 'count(*)::integer', type, name: 'count' },
        ...wholeRows(build, scope).map((row) => ({ sql: `count(${row})::integer`, type, name: 'count' })),
      ])
    case 'text':
      return choices.pick([
        { sql: `min(${argument})`, type, name: 'min' },
        { sql: `string_agg(${argument}, ',' ORDER BY ${argument})`, type, name: 'string_agg' },
      ])
    default:
      return { sql: `max(${argument})`, type, name: 'max' }
  }
}

/** ORDER BY something of interest, then every output column: equal rows are equal throughout. */
function orderBy(build: Build, scope: Scope, query: Query, distinct: boolean): string {
  const { choices } = build
  const first = columnReferences(build, scope.slice(0, 1), undefined).filter(
    (reference) => query.columns.filter((column) => column.name === reference.name).length <= 1,
  )
  const key = distinct ? undefined : choices.pickAny(first)
  if (key === undefined) return orderByAll(build, query, false)
  const expression = key.type === 'text' && choices.chance(30) ? `lower(${key.sql})` : key.sql
  const direction = choices.pick(['', ' DESC', ' NULLS FIRST'])
  return ` ORDER BY ${[`${expression}${direction}`, ...positions(query)].join(', ')}`
}

function orderByAll(build: Build, query: Query, byName: boolean): string {
  const names = query.columns.map((column) => column.name)
  const named = build.choices.pickAny(names.filter((name) => names.filter((n) => n === name).length === 1))
  const first = named !== undefined && (byName || build.choices.chance(50)) ? [spell(build.choices, named)] : []
  return ` ORDER BY ${[...first, ...positions(query)].join(', ')}`
}

function positions(query: Query): string[] {
  return query.columns.map((_, index) => String(index + 1))
}

function rowLock(build: Build, level: Level, lockable: readonly string[]): string {
  if (lockable.length === 0 || lockable.length < level.ranges.length || !build.choices.chance(6)) return ''
  const of = build.choices.chance(50) ? ` OF ${spell(build.choices, lockable[0] ?? '')}` : ''
  return ` FOR ${build.choices.pick(['UPDATE', 'SHARE', 'NO KEY UPDATE'])}${of}`
}

/** An arm of a set operation that has an ORDER BY needs parentheses. */
function stripOrder(sql: string): string {
  return / ORDER BY /.test(sql) ? `(${sql})` : sql
}
