import type { Choices } from './choices.js'
import { allTypes, type Column, declared, literal, quote, type Schemas, type Table, type Type } from './model.js'

export const tableNames = ['users', 'orders', 'items', 'notes', 'user', 'Order Lines', 'straße'] as const
export const columnNames = [
  'name',
  'title',
  'body',
  'state',
  'amount',
  'ref',
  'flag',
  'made',
  'tags',
  'users',
  'order',
  'Mixed',
  'größe',
  'value',
] as const

// Most names have one type wherever they stand, so that USING and NATURAL joins work.
const usualType: { readonly [name: string]: Type } = {
  amount: 'numeric',
  ref: 'int',
  flag: 'bool',
  made: 'date',
  tags: 'array',
  value: 'int',
}

/** Two to four tables with overlapping column names. */
export function generateTables(choices: Choices, schemas: Schemas): readonly Table[] {
  const tables: Table[] = []
  choices.list(2, 4, (index) => {
    const schema = index === 0 ? schemas.main : choices.pick([schemas.main, schemas.main, schemas.other])
    const taken = (name: string) => tables.some((table) => table.name === name && table.schema === schema)
    const name = choices.pickAny(tableNames.filter((candidate) => !taken(candidate))) ?? `t${index}`
    tables.push({ schema, name, columns: generateColumns(choices) })
  })
  return tables
}

function generateColumns(choices: Choices): readonly Column[] {
  const columns: Column[] = [{ name: choices.pick(['id', 'id', 'id', 'key']), type: 'int' }]
  for (const name of choices.some(columnNames, 40)) {
    const odd = choices.chance(10)
    columns.push({ name, type: odd ? choices.pick(allTypes) : (usualType[name] ?? 'text') })
  }
  return columns.length > 1 ? columns : [...columns, { name: 'name', type: 'text' }]
}

/** The SQL that makes the tables, with keys, indexes and a few rows. */
export function tablesSql(choices: Choices, schemas: Schemas, tables: readonly Table[]): string {
  // Names of keys and indexes are distinct, so that every table can move to any schema.
  const statements = Object.values(schemas).map((schema) => `CREATE SCHEMA ${schema}`)
  for (const [index, table] of tables.entries()) {
    const target = `${table.schema}.${quote(table.name)}`
    const [key, ...rest] = table.columns
    const columns = [
      `${quote(key?.name ?? '')} integer DEFAULT 1000 CONSTRAINT pk_${index} PRIMARY KEY`,
      ...rest.map((column) => `${quote(column.name)} ${declared[column.type]}${constraint(choices, column)}`),
    ]
    statements.push(`CREATE TABLE ${target} (${columns.join(', ')})`)
    const rows = choices.list(3, 6, (row) => [
      String(row + 1),
      ...rest.map((column) => (choices.chance(20) ? 'DEFAULT' : literal(choices, column.type))),
    ])
    statements.push(`INSERT INTO ${target} VALUES ${rows.map((row) => `(${row.join(', ')})`).join(', ')}`)
    const indexed = choices.pickAny(rest.filter((column) => column.type === 'text'))
    if (indexed !== undefined && choices.chance(40)) {
      statements.push(`CREATE INDEX ix_${index} ON ${target} (lower(${quote(indexed.name)}))`)
    }
  }
  return statements.join(';\n')
}

function constraint(choices: Choices, column: Column): string {
  switch (choices.below(10)) {
    case 8:
      return column.type === 'text' ? ` NOT NULL DEFAULT 'd'` : ''
    case 9:
      return column.type === 'int' ? ` CHECK (${quote(column.name)} < 1000)` : ''
    default:
      return ''
  }
}
