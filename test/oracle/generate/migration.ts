import type { ColumnRuleInput, RuleFileInput } from '../../../src/config/rule-schema.js'
import type { Choices } from './choices.js'
import { changeColumn, merge, mergeable } from './mapping.js'
import { type Column, quote, type Schemas, type Table } from './model.js'
import { columnNames, nameOf, tableNames } from './schema.js'
import { declared, freeTypes, literal } from './types.js'

/** One step: its SQL, and what its rule file says of the tables. */
export interface GeneratedStep {
  readonly sql: string
  readonly tables: RuleFileInput['tables']
}

/** One to `most` steps of every kind of change: names (with swaps and reuse), places, additions, and columns that are computed. */
export function generateSteps(
  choices: Choices,
  schemas: Schemas,
  tables: readonly Table[],
  most: number,
): readonly GeneratedStep[] {
  let current = tables
  return choices.list(1, most, () => {
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
    const above = table.parent === undefined ? undefined : next[table.parent]
    const changed = above === undefined ? changeColumns(choices, table) : { sql: [], rule: {}, columns: above.columns }
    sql.push(...changed.sql)
    if (Object.keys(changed.rule).length > 0) rules[nameOf(table)] = changed.rule
    next.push({ ...table, ...renameTable(choices, schemas, table, next), columns: changed.columns })
  }
  tables.forEach((table, index) => {
    sql.push(`ALTER TABLE ${nameOf(table)} RENAME TO tmp_${index}`)
    sql.push(`ALTER TABLE ${table.schema}.tmp_${index} SET SCHEMA ${schemas.third}`)
  })
  next.forEach((table, index) => {
    sql.push(`ALTER TABLE ${schemas.third}.tmp_${index} SET SCHEMA ${table.schema}`)
    sql.push(`ALTER TABLE ${table.schema}.tmp_${index} RENAME TO ${quote(table.name)}`)
  })
  return { step: { sql: sql.join(';\n'), tables: rules }, tables: next }
}

interface ChangedColumns {
  readonly sql: readonly string[]
  readonly rule: RuleFileInput['tables'][string]
  readonly columns: readonly Column[]
}

function changeColumns(choices: Choices, table: Table): ChangedColumns {
  const target = nameOf(table)
  const sql: string[] = []
  const renamed = renameColumns(choices, table.columns)
  // By way of names that nothing has, so that swaps and rings need no order.
  table.columns.forEach((column, index) => {
    if (column.name !== renamed[index]?.name) {
      sql.push(`ALTER TABLE ${target} RENAME ${quote(column.name)} TO tmp_${index}`)
    }
  })
  table.columns.forEach((column, index) => {
    const name = renamed[index]?.name ?? column.name
    if (column.name !== name) sql.push(`ALTER TABLE ${target} RENAME tmp_${index} TO ${quote(name)}`)
  })
  const taken = new Set<string | undefined>(renamed.map((column) => column.name))
  const freshName = () => {
    const name = freeName(choices, ['id', ...columnNames], taken)
    taken.add(name)
    return name
  }
  const rules: { [column: string]: ColumnRuleInput } = {}
  const [columns, more]: [Column[], Column[]] = [[], []]
  const words = choices.chance(50) ? mergeable(renamed) : undefined
  const oldName = (column: Column) => table.columns[renamed.indexOf(column)]?.name ?? ''
  const merged = words && merge(words, [oldName(words[0]), oldName(words[1])], freshName())
  if (merged !== undefined) {
    sql.push(...merged.sql(target))
    Object.assign(rules, merged.rules)
    more.push(merged.left)
  }
  renamed.forEach((column, index) => {
    if (words?.includes(column)) return
    const change = changeColumn(choices, column, freshName)
    if (change === undefined) {
      columns.push(column)
      return
    }
    sql.push(...change.sql(target))
    if (change.rule !== undefined) rules[table.columns[index]?.name ?? ''] = change.rule
    // A column that is another type now keeps its place.
    if (change.left.length === 1) columns.push(...change.left)
    else more.push(...change.left)
  })
  const inserts: { [column: string]: string } = {}
  for (const { column, constraint, insert } of addColumns(choices, freshName)) {
    sql.push(`ALTER TABLE ${target} ADD ${quote(column.name)} ${declared(column.type)} ${constraint}`)
    if (insert !== undefined) {
      sql.push(`ALTER TABLE ${target} ALTER ${quote(column.name)} DROP DEFAULT`)
      inserts[column.name] = insert
    }
    more.push(column)
  }
  const rule = {
    ...(Object.keys(rules).length > 0 ? { columns: rules } : {}),
    ...(Object.keys(inserts).length > 0 ? { insert: inserts } : {}),
    ...(merged === undefined ? {} : { write: merged.write }),
  }
  return { sql, rule, columns: [...columns, ...more] }
}

/** New names for some columns; a name that another column leaves may be taken. */
function renameColumns(choices: Choices, columns: readonly Column[]): Column[] {
  const kept = columns.map((column) => (choices.chance(25) ? undefined : column.name))
  const taken = new Set(kept)
  return columns.map((column, index) => {
    const name = kept[index] ?? freeName(choices, [...columns.map((c) => c.name), ...columnNames], taken)
    taken.add(name)
    return { ...column, name }
  })
}

function addColumns(
  choices: Choices,
  freshName: () => string,
): { readonly column: Column; readonly constraint: string; readonly insert?: string }[] {
  return choices.list(0, 2, () => {
    const type = choices.pick(freeTypes)
    const fallback = literal(choices, type)
    const column: Column = { name: freshName(), type }
    switch (choices.below(4)) {
      case 2:
        return { column: { ...column, fallback }, constraint: `DEFAULT ${fallback}` }
      case 3:
        return {
          column: { ...column, notNull: true },
          constraint: `NOT NULL DEFAULT ${fallback}`,
          insert: literal(choices, type),
        }
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
  if (free.length > 0) return choices.pickAny(free) ?? ''
  let number = taken.size
  while (taken.has(`n${number}`)) number += 1
  return `n${number}`
}
