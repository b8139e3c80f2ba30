import { choicesOf } from './choices.js'
import { numberParameters } from './expression.js'
import { type Column, type Schemas, spell, type Table } from './model.js'
import { generateModification } from './modification.js'
import { generateQuery } from './query.js'
import { type Build, deeper } from './scope.js'

/** A statement over the old tables, with the values of its parameters. */
export interface GeneratedStatement {
  readonly sql: string
  readonly parameters: readonly string[]
  /** True where the order of its rows is certain. */
  readonly ordered: boolean
}

/** The statement that the numbers decide upon; shorter lists and smaller numbers give simpler statements. */
export function generateStatement(
  numbers: readonly number[],
  schemas: Schemas,
  tables: readonly Table[],
): GeneratedStatement {
  const parameters: string[] = []
  const build: Build = { choices: choicesOf(numbers), schemas, tables, ctes: [], parameters, depth: 2 }
  const { sql, ordered } = outermost(build)
  return { ...numberParameters(sql, parameters), ordered: ordered === true }
}

function outermost(build: Build): { sql: string; ordered?: boolean } {
  const { choices } = build
  if (choices.chance(30)) return generateModification(build)
  if (!choices.chance(25)) return generateQuery(build, [], { outermost: true })
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
    return `${spell(choices, name)}${list} AS (${body.sql})`
  })
  const main: { sql: string; ordered?: boolean } = choices.chance(15)
    ? generateModification({ ...build, ctes })
    : generateQuery({ ...build, ctes }, [], { outermost: true })
  return { ...main, sql: `WITH ${definitions.join(', ')} ${main.sql.startsWith('COPY') ? 'SELECT 1' : main.sql}` }
}

/** What returns nothing cannot be read from. */
function modifying(build: Build): { sql: string; columns: readonly Column[] } {
  const made = generateModification(build)
  return made.returns.length === 0 ? generateQuery(build, [], {}) : { sql: made.sql, columns: made.returns }
}
