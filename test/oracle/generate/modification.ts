import { type Expression, generateCondition, generateExpression, writtenParameter } from './expression.js'
import { tableItem } from './from.js'
import { type Column, spell, type Table } from './model.js'
import { generateQuery } from './query.js'
import { type Build, columnReferences, deeper, type Level, qualifiers, type Range, type Scope } from './scope.js'
import { literalOf, value } from './types.js'

/** The target of a statement that writes, as the rest of the statement sees it. */
interface Target {
  readonly sql: string
  readonly table: Table
  readonly range: Range
}

export interface Modification {
  readonly sql: string
  readonly returns: readonly Column[]
  /** Lines that follow as CopyData. */
  readonly copyData?: readonly string[]
}

/** INSERT, UPDATE, DELETE, MERGE and COPY. */
export function generateModification(build: Build): Modification {
  switch (build.choices.below(10)) {
    case 3:
    case 4:
    case 5:
      return generateUpdate(build)
    case 6:
    case 7:
      return generateDelete(build)
    case 8:
      return generateMerge(build)
    case 9:
      return generateCopy(build)
    default:
      return generateInsert(build)
  }
}

function generateInsert(build: Build): { sql: string; returns: readonly Column[] } {
  const { choices } = build
  const target = chooseTarget(build, 'AS ')
  const [key, ...rest] = target.table.columns
  if (key === undefined) throw new Error('a table has no columns')
  const fromQuery = build.depth > 0 && choices.chance(30)
  const listed = choices.chance(70)
  // Keys that a query gives would mostly exist.
  const columns = listed
    ? [...(choices.chance(40) && !fromQuery ? [key] : []), ...choices.some(rest, 60)]
    : target.table.columns.slice(0, 1 + choices.below(target.table.columns.length))
  const list =
    listed && columns.length > 0 ? ` (${columns.map((column) => spell(choices, column.name)).join(', ')})` : ''
  const sql = `INSERT INTO ${target.sql}${list} ${insertSource(build, columns, fromQuery)}`
  const returning = generateReturning(build, [target.range])
  const conflict = onConflict(build, target, key)
  // Of rows with the same key the first one is inserted.
  const order =
    conflict !== '' && fromQuery && columns.length > 0
      ? ` ORDER BY ${columns.map((_, index) => index + 1).join(', ')}`
      : ''
  return { sql: `${sql}${order}${conflict}${returning.sql}`, returns: returning.columns }
}

function insertSource(build: Build, columns: readonly Column[], fromQuery: boolean): string {
  const { choices } = build
  if (columns.length === 0) return 'DEFAULT VALUES'
  if (fromQuery) return generateQuery(deeper(build), [], { types: columns.map((column) => column.type) }).sql
  const rows = choices.list(1, 3, (row) =>
    columns.map((column, index) => {
      if (index === 0 && column.type === 'int')
        return choices.pick([String(100 + row), String(100 + row), '1', 'DEFAULT'])
      if (column.unique === true) return literalOf(column.type, String(choices.chance(30) ? row : 100 + row))
      if (choices.chance(10)) return 'DEFAULT'
      if (choices.chance(15)) return writtenParameter(build, column)
      return generateExpression(build, [], column.type, 1).sql
    }),
  )
  return `VALUES ${rows.map((row) => `(${row.join(', ')})`).join(', ')}`
}

function onConflict(build: Build, target: Target, key: Column): string {
  const { choices } = build
  if (!choices.chance(30)) return ''
  if (choices.chance(30)) return ' ON CONFLICT DO NOTHING'
  const keys: readonly [Column, ...Column[]] = [key, ...target.table.columns.filter((column) => column.unique === true)]
  const arbiter = ` ON CONFLICT (${spell(choices, choices.pick(keys).name)})`
  if (choices.chance(30)) return `${arbiter} DO NOTHING`
  const excluded: Range = { name: 'excluded', columns: target.table.columns }
  const scope: Scope = [levelOf([target.range, excluded])]
  const where = choices.chance(30) ? ` WHERE ${generateCondition(build, scope, 1)}` : ''
  return `${arbiter} DO UPDATE SET ${assignments(build, target.table, scope)}${where}`
}

function generateUpdate(build: Build): { sql: string; returns: readonly Column[] } {
  const { choices } = build
  const target = chooseTarget(build, choices.pick(['', 'AS ']))
  const source = choices.chance(30) ? tableItem(build, [target.range]) : undefined
  const ranges = [target.range, ...(source?.level.ranges ?? [])]
  const scope: Scope = [levelOf(ranges)]
  const from = source === undefined ? '' : ` FROM ${source.sql}`
  const where = joinCondition(build, scope, target, source?.level.ranges[0])
  const returning = generateReturning(build, ranges)
  return {
    sql: `UPDATE ${target.sql} SET ${assignments(build, target.table, scope)}${from}${where}${returning.sql}`,
    returns: returning.columns,
  }
}

function assignments(build: Build, table: Table, scope: Scope): string {
  const { choices } = build
  const [first, ...others] = table.columns.slice(1)
  if (first === undefined) throw new Error('a table has one column only')
  const picked = choices.some(others, 30)
  const columns = picked.length > 0 ? picked : [first]
  if (columns.length > 1 && choices.chance(25)) {
    const names = columns.map((column) => spell(choices, column.name)).join(', ')
    const values = columns.map((column) => generateExpression(build, scope, column.type, 1).sql).join(', ')
    return `(${names}) = ${choices.pick(['', 'ROW '])}(${values})`
  }
  return columns
    .map((column) => {
      if ((column.type === 'array' || column.type === 'ints') && choices.chance(30)) {
        const element = generateExpression(build, scope, column.type === 'array' ? 'text' : 'int', 1)
        return `${spell(choices, column.name)}[1] = ${element.sql}`
      }
      if (choices.chance(12)) return `${spell(choices, column.name)} = ${writtenParameter(build, column)}`
      const value = choices.chance(8) ? 'DEFAULT' : generateExpression(build, scope, column.type).sql
      return `${spell(choices, column.name)} = ${value}`
    })
    .join(', ')
}

/** A row of the target meets at most one of the source, else the first one found would win. */
function joinCondition(build: Build, scope: Scope, target: Target, source: Range | undefined): string {
  const { choices } = build
  const extra = choices.chance(60) ? [generateCondition(build, scope)] : []
  const key = source?.columns[0]
  if (source === undefined || key === undefined) return extra.length === 0 ? '' : ` WHERE ${extra[0]}`
  const level = levelOf([target.range, source])
  const qualifier = choices.pickAny(qualifiers(choices, level, target.range))
  const own = choices.pickAny(target.table.columns.filter((column) => column.type === 'int'))
  const sourceName = source.schema === undefined ? quoted(source.name) : `${source.schema}.${quoted(source.name)}`
  const value = qualifier === undefined || own === undefined ? '1' : `${qualifier}.${spell(choices, own.name)}`
  const join = `${sourceName}.${quoted(key.name)} = ${value}`
  return ` WHERE ${[join, ...extra].join(' AND ')}`
}

function generateDelete(build: Build): { sql: string; returns: readonly Column[] } {
  const { choices } = build
  const target = chooseTarget(build, choices.pick(['', 'AS ']))
  const source = choices.chance(30) ? tableItem(build, [target.range]) : undefined
  const ranges = [target.range, ...(source?.level.ranges ?? [])]
  const using = source === undefined ? '' : ` USING ${source.sql}`
  const where = joinCondition(build, [levelOf(ranges)], target, source?.level.ranges[0])
  const returning = generateReturning(build, ranges)
  return { sql: `DELETE FROM ${target.sql}${using}${where}${returning.sql}`, returns: returning.columns }
}

function generateMerge(build: Build): { sql: string; returns: readonly Column[] } {
  const { choices } = build
  const target = chooseTarget(build, choices.pick(['', 'AS ']))
  // Unlike UPDATE, MERGE does not take two schemas' tables of one name.
  const source = tableItem(build, [{ name: target.range.name, columns: target.range.columns }])
  const range = source.level.ranges[0] as Range
  // The conditions of MERGE know no system columns.
  const both: Scope = [
    levelOf(
      [target.range, range].map(({ name, schema, columns }) => ({
        name,
        columns,
        ...(schema === undefined ? {} : { schema }),
      })),
    ),
  ]
  const on = joinCondition({ ...build, choices: { ...choices, chance: () => false } }, both, target, range)
  const insertable = choices.some(target.table.columns.slice(1), 50)
  const columns = insertable.length > 0 ? insertable : target.table.columns.slice(1, 2)
  const names = columns.map((column) => spell(choices, column.name)).join(', ')
  const values = columns.map((column) => generateExpression(build, [source.level], column.type, 1).sql).join(', ')
  // Whether a value is free again when it is inserted hangs on the order of the rows.
  const mayDelete = columns.every((column) => column.unique !== true)
  const actions = [
    `WHEN MATCHED${choices.chance(30) ? ` AND ${generateCondition(build, both, 1)}` : ''} THEN UPDATE SET ${assignments(build, target.table, both)}`,
    ...(choices.chance(50) ? [`WHEN NOT MATCHED THEN INSERT (${names}) VALUES (${values})`] : []),
    ...(choices.chance(20) && mayDelete ? ['WHEN NOT MATCHED BY SOURCE THEN DELETE'] : []),
  ]
  const sql = `MERGE INTO ${target.sql} USING ${source.sql} ON ${on.slice(' WHERE '.length)} ${actions.join(' ')}`
  return { sql, returns: [] }
}

function generateCopy(build: Build): Modification {
  const { choices } = build
  const table = choices.pickAny(build.tables) as Table
  const some = choices.some(table.columns, 50)
  const list = some.length === 0 ? '' : ` (${some.map((column) => spell(choices, column.name)).join(', ')})`
  const options = choices.pick(['', ' WITH (FORMAT csv)', ' WITH (FORMAT csv, HEADER)'])
  const target = `${table.schema}.${spell(choices, table.name)}${list}`
  switch (choices.below(5)) {
    case 3: {
      const columns = some.length === 0 ? table.columns : some
      const copyData = choices.list(1, 2, (row) =>
        columns
          .map((column) => {
            if (column.unique === true) return String(200 + row)
            return column.notNull !== true && choices.chance(20) ? '\\N' : value(choices, column.type)
          })
          .join('\t'),
      )
      return { sql: `COPY ${target} FROM STDIN`, returns: [], copyData }
    }
    case 4:
      return {
        sql: `COPY (${generateQuery({ ...build, parameters: [] }, [], {}).sql.replaceAll(MARKS, 'NULL')}) TO STDOUT${options}`,
        returns: [],
      }
    default:
      return { sql: `COPY ${target} TO STDOUT${options}`, returns: [] }
  }
}

/** COPY takes no parameters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: NUL marks a parameter
const MARKS = /\u0000\d+\u0000/g

/** A target has no column list and is never a CTE. */
function chooseTarget(build: Build, as: '' | 'AS '): Target {
  const { choices } = build
  const table = choices.pickAny(build.tables) as Table
  const qualified = table.schema !== build.schemas.main || choices.chance(15)
  const name = `${qualified ? `${table.schema}.` : ''}${spell(choices, table.name)}`
  if (!choices.chance(40)) {
    const range = { name: table.name, schema: table.schema, columns: table.columns, table }
    return { sql: name, table, range }
  }
  const alias = choices.pick(['t', 'users', 'Target'])
  return { sql: `${name} ${as}${spell(choices, alias)}`, table, range: { name: alias, columns: table.columns, table } }
}

function generateReturning(build: Build, ranges: readonly Range[]): { sql: string; columns: readonly Column[] } {
  const { choices } = build
  if (!choices.chance(70)) return { sql: '', columns: [] }
  const level = levelOf(ranges)
  const target = ranges[0] as Range
  if (choices.chance(30)) return { sql: ' RETURNING *', columns: level.visible }
  const prefix = choices.chance(10) ? choices.pick(['old', 'new']) : undefined
  if (prefix !== undefined) {
    const columns = choices.some(target.columns, 50)
    const sql = columns.map((column) => `${prefix}.${spell(choices, column.name)}`).join(', ')
    return columns.length === 0
      ? { sql: ` RETURNING ${prefix}.*`, columns: target.columns }
      : { sql: ` RETURNING ${sql}`, columns }
  }
  const items: Expression[] = choices.list(1, 3, () => {
    const any = choices.pickAny(columnReferences(build, [level], undefined))
    return any ?? generateExpression(build, [level], 'int', 1)
  })
  return {
    sql: ` RETURNING ${items.map((item) => item.sql).join(', ')}`,
    columns: items.map(({ name, type }) => ({ name, type })),
  }
}

function levelOf(ranges: readonly Range[]): Level {
  return { ranges, visible: ranges.flatMap((range) => (range.name === 'excluded' ? [] : range.columns)) }
}

function quoted(name: string): string {
  return `"${name}"`
}
