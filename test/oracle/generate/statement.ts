import { choicesOf } from './choices.js'
import { numberParameters } from './expression.js'
import { type Column, type Schemas, spell, type Table } from './model.js'
import { generateModification, type Modification } from './modification.js'
import { generateQuery } from './query.js'
import { type Build, deeper } from './scope.js'

/** A statement over the old tables, with the values of its parameters. */
export interface GeneratedStatement {
  readonly sql: string
  readonly parameters: readonly (string | null)[]
  readonly copyData: readonly string[]
  /** True where the order of its rows is certain. */
  readonly ordered: boolean
}

/** The statement that the numbers decide upon; shorter lists and smaller numbers give simpler statements. */
export function generateStatement(
  numbers: readonly number[],
  schemas: Schemas,
  tables: readonly Table[],
): GeneratedStatement {
  const parameters: (string | null)[] = []
  const build: Build = { choices: choicesOf(numbers), schemas, tables, ctes: [], parameters, depth: 2 }
  const { sql, ordered, copyData } = outermost(build)
  const numbered = numberParameters(sql, parameters)
  const result = { ...numbered, copyData: copyData ?? [], ordered: ordered === true }
  return numbered.parameters.length === 0 && copyData === undefined
    ? { ...result, sql: wrapped(build, sql, ordered === true) }
    : result
}

interface Outermost {
  readonly sql: string
  readonly ordered?: boolean
  readonly copyData?: readonly string[]
}

/** Statements around a statement. */
function wrapped({ choices }: Build, sql: string, ordered: boolean): string {
  if (!choices.chance(10) || sql.startsWith('COPY')) return sql
  const query = /^(?:SELECT|WITH\b(?!.*\b(?:INSERT|UPDATE|DELETE|MERGE)\b))/s.test(sql)
  return choices.pick([
    () => `PREPARE p AS ${sql}; EXECUTE p`,
    () => `EXPLAIN ${sql}`,
    ...(query && !/ FOR (?:UPDATE|SHARE|NO KEY)/.test(sql)
      ? [
          () => `DECLARE c CURSOR FOR ${sql}; ${ordered ? 'FETCH 3 FROM c; ' : ''}FETCH ALL FROM c`,
          () => `CREATE TEMP TABLE made AS ${sql}; SELECT * FROM made`,
          () => `CREATE TEMP VIEW shown AS ${sql}; SELECT * FROM shown`,
          () => `SELECT 1; ${sql}; SELECT 2`,
        ]
      : []),
  ])()
}

function outermost(build: Build): Outermost {
  const { choices } = build
  if (choices.chance(30)) return generateModification(build)
  if (!choices.chance(25)) return generateQuery(build, [], { outermost: true })
  if (choices.chance(12)) return recursive(build)
  const ctes: { name: string; columns: readonly Column[] }[] = []
  const definitions = choices.list(1, 2, () => {
    const inner = { ...deeper(build), ctes: [...ctes] }
    const free = ['cte', ...build.tables.map((table) => table.name), 'name'].filter(
      (name) => !ctes.some((cte) => cte.name === name),
    )
    const name = choices.pickAny(free) ?? `cte${ctes.length}`
    const body = choices.chance(15) ? modifying(inner) : generateQuery(inner, [], {})
    const renamed = choices.chance(20) ? ['k', 'name'].slice(0, body.columns.length) : []
    const columns = body.columns.map((column, index) => ({ ...column, name: renamed[index] ?? column.name }))
    ctes.unshift({ name, columns })
    const list = renamed.length === 0 ? '' : ` (${renamed.join(', ')})`
    const how = choices.pick(['', '', ' MATERIALIZED', ' NOT MATERIALIZED'])
    return `${spell(choices, name)}${list} AS${how} (${body.sql})`
  })
  const main: Outermost = choices.chance(15)
    ? generateModification({ ...build, ctes })
    : generateQuery({ ...build, ctes }, [], { outermost: true })
  return { ...main, sql: `WITH ${definitions.join(', ')} ${main.sql.startsWith('COPY') ? 'SELECT 1' : main.sql}` }
}

/** Rows of a table, one after the other by their keys. */
function recursive(build: Build): Outermost {
  const { choices } = build
  const table = choices.pickAny(build.tables) as Table
  const [key, ...rest] = table.columns
  const shown = choices.some(rest, 40)
  const target = `${table.schema}.${spell(choices, table.name)}`
  const list = (prefix: string) =>
    [`${prefix}"${key?.name}"`, ...shown.map((column) => `${prefix}${spell(choices, column.name)}`)].join(', ')
  const names = ['n', ...shown.map((_, index) => `c${index}`)]
  const sql = `WITH RECURSIVE r (${names.join(', ')}) AS (SELECT ${list('')} FROM ${target} WHERE "${key?.name}" = 1 UNION ALL SELECT ${list('t.')} FROM ${target} t JOIN r ON t."${key?.name}" = r.n + 1) SELECT * FROM r ORDER BY 1`
  return { sql, ordered: true }
}

/** What returns nothing cannot be read from. */
function modifying(build: Build): { sql: string; columns: readonly Column[] } {
  const made: Modification = generateModification(build)
  return made.returns.length === 0 ? generateQuery(build, [], {}) : { sql: made.sql, columns: made.returns }
}
