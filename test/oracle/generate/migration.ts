import type { RuleFileInput } from '../../../src/config/rule-schema.js'
import type { Choices } from './choices.js'
import { allTypes, type Column, declared, literal, quote, type Schemas, type Table } from './model.js'
import { columnNames, tableNames } from './schema.js'

/** One step: its SQL, and what its rule file says of the tables. */
export interface GeneratedStep {
  readonly sql: string
  readonly tables: RuleFileInput['tables']
}

/** One to three steps of renames (with swaps and reuse), additions and moves. */
export function generateSteps(choices: Choices, schemas: Schemas, tables: readonly Table[]): readonly GeneratedStep[] {
  let current = tables
  return choices.list(1, 3, () => {
    const { step, tables: next } = generateStep(choices, schemas, current)
    current = next
    return step
  })
}

function generateStep(
  choices: Choices,
  schemas: Schemas,
  tables: readonly Table[],
): { readonly step: GeneratedStep; readonly tables: readonly Table[] } {
  const sql: string[] = []
  const rules: { [table: string]: RuleFileInput['tables'][string] } = {}
  const next: Table[] = []
  for (const table of tables) {
    const target = `${table.schema}.${quote(table.name)}`
    const columns = renameColumns(choices, table.columns)
    // By way of names that nothing has, so that swaps and rings need no order.
    table.columns.forEach((column, index) => {
      if (column.name !== columns[index]?.name)
        sql.push(`ALTER TABLE ${target} RENAME ${quote(column.name)} TO tmp_${index}`)
    })
    table.columns.forEach((column, index) => {
      const name = columns[index]?.name ?? column.name
      if (column.name !== name) sql.push(`ALTER TABLE ${target} RENAME tmp_${index} TO ${quote(name)}`)
    })
    const inserts: { [column: string]: string } = {}
    for (const { column, constraint, insert } of addColumns(choices, columns)) {
      sql.push(`ALTER TABLE ${target} ADD ${quote(column.name)} ${declared[column.type]} ${constraint}`)
      if (insert !== undefined) {
        sql.push(`ALTER TABLE ${target} ALTER ${quote(column.name)} DROP DEFAULT`)
        inserts[column.name] = insert
      }
      columns.push(column)
    }
    if (Object.keys(inserts).length > 0) rules[`${table.schema}.${quote(table.name)}`] = { insert: inserts }
    next.push({ ...renameTable(choices, schemas, table, next), columns })
  }
  tables.forEach((table, index) => {
    sql.push(`ALTER TABLE ${table.schema}.${quote(table.name)} RENAME TO tmp_${index}`)
    sql.push(`ALTER TABLE ${table.schema}.tmp_${index} SET SCHEMA ${schemas.third}`)
  })
  next.forEach((table, index) => {
    sql.push(`ALTER TABLE ${schemas.third}.tmp_${index} SET SCHEMA ${table.schema}`)
    sql.push(`ALTER TABLE ${table.schema}.tmp_${index} RENAME TO ${quote(table.name)}`)
  })
  return { step: { sql: sql.join(';\n'), tables: rules }, tables: next }
}

/** New names for some columns; a name that another column leaves may be taken. */
function renameColumns(choices: Choices, columns: readonly Column[]): Column[] {
  const kept = columns.map((column) => (choices.chance(35) ? undefined : column.name))
  const taken = new Set(kept)
  return columns.map((column, index) => {
    const name = kept[index] ?? freeName(choices, [...columns.map((c) => c.name), ...columnNames], taken)
    taken.add(name)
    return { ...column, name }
  })
}

function addColumns(
  choices: Choices,
  columns: readonly Column[],
): { readonly column: Column; readonly constraint: string; readonly insert?: string }[] {
  const taken = new Set<string | undefined>(columns.map((column) => column.name))
  return choices.list(0, 3, () => {
    const name = freeName(choices, ['id', ...columnNames], taken)
    taken.add(name)
    const column = { name, type: choices.pick(allTypes) }
    const value = literal(choices, column.type)
    switch (choices.below(4)) {
      case 2:
        return { column, constraint: `DEFAULT ${value}` }
      case 3:
        return { column, constraint: `NOT NULL DEFAULT ${value}`, insert: literal(choices, column.type) }
      default:
        return { column, constraint: '' }
    }
  })
}

function renameTable(
  choices: Choices,
  schemas: Schemas,
  table: Table,
  before: readonly Table[],
): Pick<Table, 'schema' | 'name'> {
  const schema = choices.chance(25) ? choices.pick([schemas.main, schemas.other, schemas.third]) : table.schema
  const taken = new Set<string | undefined>(before.filter((t) => t.schema === schema).map((t) => t.name))
  if (!choices.chance(50) && !taken.has(table.name)) return { schema, name: table.name }
  return { schema, name: freeName(choices, tableNames, taken) }
}

function freeName(choices: Choices, names: readonly string[], taken: ReadonlySet<string | undefined>): string {
  const free = names.filter((name) => !taken.has(name))
  return choices.pickAny(free) ?? `n${taken.size}`
}
