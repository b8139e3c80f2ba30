import { expect, test } from 'vitest'
import { CATALOG_NAMES, readsCatalog } from '../../src/rewrite/catalog-query.js'
import { mentions } from '../../src/sql/mentions.js'
import { nameTable } from '../../src/sql/name-table.js'

test.each([
  'SELECT column_name FROM information_schema.columns WHERE table_name = $1',
  'SELECT a.attname, t.typname FROM pg_catalog.pg_attribute a JOIN pg_type t ON t.oid = a.atttypid',
  "SELECT relname FROM Pg_Class WHERE relkind = 'r'",
  'SELECT 1 FROM "pg_tables"',
])('a look at tables: %s', (sql) => {
  expect(readsCatalog(sql, {})).toBe(true)
  expect(mentions(sql, nameTable(CATALOG_NAMES))).toBe(true)
})

test.each([
  'SELECT oid, typname FROM pg_type WHERE typname = $1',
  'SELECT t.oid FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid LEFT JOIN pg_range r ON r.rngtypid = t.oid',
  "SELECT enumlabel FROM pg_enum WHERE enumtypid = 'mood'::regtype",
  'SELECT class, attribute FROM users',
  'SELECT 1 -- pg_class',
])('no look at tables: %s', (sql) => {
  expect(readsCatalog(sql, {})).toBe(false)
})
