import type { Choices } from './choices.js'
import { type Column, quote, type Schemas, type Table } from './model.js'
import { allTypes, declared, literal, literalOf, type Type, types } from './types.js'

export const tableNames = ['users', 'orders', 'items', 'notes', 'user', 'Order Lines', 'straße'] as const

// Most names have one type wherever they stand, so that USING and NATURAL joins work.
const usualTypes = {
  name: 'text',
  title: 'varchar',
  body: 'text',
  state: 'code',
  amount: 'numeric',
  ref: 'int',
  flag: 'bool',
  made: 'date',
  tags: 'array',
  users: 'text',
  order: 'digits',
  Mixed: 'pair',
  größe: 'small',
  value: 'int',
  total: 'big',
  at: 'stamp',
  seen: 'stamptz',
  marks: 'ints',
  rank: 'level',
  old: 'goneBool',
  gone: 'goneText',
  first: 'word',
  last: 'word',
} as const satisfies { readonly [name: string]: Type }

export const columnNames = Object.keys(usualTypes) as (keyof typeof usualTypes)[]

/** Two to four tables with overlapping column names; the last may inherit from the first. */
export function generateTables(choices: Choices, schemas: Schemas): readonly Table[] {
  const tables: Table[] = []
  choices.list(2, 4, (index) => {
    const schema = index === 0 ? schemas.main : choices.pick([schemas.main, schemas.main, schemas.other])
    const taken = (name: string) => tables.some((table) => table.name === name && table.schema === schema)
    const name = choices.pickAny(tableNames.filter((candidate) => !taken(candidate))) ?? `t${index}`
    const parent = tables[0]
    if (index > 1 && parent !== undefined && choices.chance(25)) {
      // Keys are not inherited.
      const columns = parent.columns.map((column) => ({ ...column, unique: false }))
      tables.push({ schema, name, columns, parent: 0 })
    } else tables.push({ schema, name, columns: generateColumns(choices) })
  })
  return tables
}

function generateColumns(choices: Choices): readonly Column[] {
  const key = choices.pick(['id', 'id', 'id', 'key'])
  const columns: Column[] = [{ name: key, type: 'int', notNull: true, unique: true, fixed: true, fallback: '1000' }]
  for (const name of choices.some(columnNames, 35)) {
    const odd = choices.chance(10)
    columns.push(generateColumn(choices, name, odd ? choices.pick(allTypes) : usualTypes[name]))
  }
  return columns.length > 1 ? columns : [...columns, { name: 'name', type: 'text' }]
}

function generateColumn(choices: Choices, name: string, type: Type): Column {
  const fallback = literalOf(type, types[type].values[0])
  if (type === 'goneBool' || type === 'goneText' || type === 'word') return { name, type, notNull: true, fallback }
  switch (choices.below(10)) {
    case 6:
      return { name, type, fallback }
    case 7:
      return { name, type, notNull: true, fallback }
    case 8:
      return type === 'int' || type === 'digits' || type === 'big' ? { name, type, unique: true } : { name, type }
    case 9:
      return type === 'int' ? { name, type, fixed: true } : { name, type }
    default:
      return { name, type }
  }
}

/** The SQL that makes the tables, with keys, indexes and a few rows. */
export function tablesSql(choices: Choices, schemas: Schemas, tables: readonly Table[]): string {
  // Names of keys and indexes are distinct, so that every table can move to any schema.
  const statements = Object.values(schemas).map((schema) => `CREATE SCHEMA ${schema}`)
  for (const [index, table] of tables.entries()) {
    const target = nameOf(table)
    const parent = table.parent === undefined ? undefined : tables[table.parent]
    statements.push(
      parent === undefined
        ? `CREATE TABLE ${target} (${table.columns.map((column, at) => definition(column, `${index}_${at}`, at === 0)).join(', ')})`
        : `CREATE TABLE ${target} () INHERITS (${nameOf(parent)})`,
    )
    const rows = choices.list(3, 6, (row) =>
      table.columns.map((column, at) => {
        if (at === 0) return String(row + 1 + (parent === undefined ? 0 : 20 * index))
        if (column.unique === true) return literalOf(column.type, String(row))
        const left = column.fallback === undefined ? 'NULL' : 'DEFAULT'
        return choices.chance(20) ? left : literal(choices, column.type)
      }),
    )
    statements.push(`INSERT INTO ${target} VALUES ${rows.map((row) => `(${row.join(', ')})`).join(', ')}`)
    const indexed = choices.pickAny(table.columns.filter((column) => column.type === 'text'))
    if (indexed !== undefined && choices.chance(40)) {
      statements.push(`CREATE INDEX ix_${index} ON ${target} (lower(${quote(indexed.name)}))`)
    }
  }
  return statements.join(';\n')
}

export function nameOf({ schema, name }: Pick<Table, 'schema' | 'name'>): string {
  return `${schema}.${quote(name)}`
}

function definition({ name, type, notNull, fallback, unique, fixed }: Column, mark: string, key: boolean): string {
  return [
    quote(name),
    declared(type),
    ...(fallback === undefined ? [] : [`DEFAULT ${fallback}`]),
    ...(key ? [`CONSTRAINT pk_${mark} PRIMARY KEY`] : notNull === true ? ['NOT NULL'] : []),
    ...(unique === true && !key ? [`CONSTRAINT once_${mark} UNIQUE`] : []),
    ...(fixed === true && !key ? [`CONSTRAINT small_${mark} CHECK (${quote(name)} < 1000)`] : []),
  ].join(' ')
}
