import { afterAll, expect, test } from 'vitest'
import { findRelation } from '../../src/catalog/catalog.js'
import { readRuleFile } from '../../src/config/load-rules.js'
import { type Checked, formatProblem } from '../../src/config/problem.js'
import type { ComputedColumn, Expression } from '../../src/rewrite/mapping.js'
import type { StepRules } from '../../src/rewrite/plan-step.js'
import { loadParser } from '../../src/sql/parse.js'
import { bindRules } from '../../src/switch/bind-rules.js'
import { createDatabase, type TestDatabase } from '../support/database.js'
import { introspectDatabase } from '../support/introspect-database.js'
import { withTextQuery } from '../support/text-query.js'

const schema = `
  CREATE SCHEMA app;
  CREATE TYPE app.mood AS ENUM ('good', 'bad');
  CREATE FUNCTION app.shout(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT upper($1)';
  CREATE FUNCTION lazy(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
  CREATE TABLE users (id int PRIMARY KEY, name text, zip varchar(10), legacy boolean, feeling app.mood, seen timestamp);
`
const migration = `
  ALTER TABLE users RENAME TO people;
  ALTER TABLE people ADD first text, ADD "Last" text, DROP name, DROP legacy, ALTER zip TYPE integer USING zip::integer,
    ADD mood integer, ALTER seen TYPE timestamptz USING seen AT TIME ZONE 'UTC';
`

const parser = await loadParser()
const databases: TestDatabase[] = []
afterAll(async () => {
  for (const database of databases) await database.drop()
})

async function migrated(sql: string) {
  const database = await createDatabase(schema)
  databases.push(database)
  const before = await introspectDatabase(database.url)
  await database.run(sql)
  return { database, before, after: await introspectDatabase(database.url) }
}

const step = await migrated(migration)

/** `columns` is what stands under `tables: users: columns:`. */
async function bind(columns: string, prelude: readonly string[] = []): Promise<Checked<StepRules>> {
  const file = readRuleFile('1.yaml', `tables: { users: { to: people, columns: ${columns} } }`, parser)
  if (!file.ok) return file
  return await withTextQuery(step.database.url, async (query) => {
    for (const sql of prelude) await query(sql)
    const bound = await bindRules(query, step.before, step.after, file.value, parser)
    // Nothing is left, and what was open is open still.
    expect(await query(`SELECT relname FROM pg_class WHERE relname LIKE 'hotswap%'`)).toEqual([])
    return bound
  })
}

async function columnOf(name: string, columns: string, prelude?: readonly string[]): Promise<ComputedColumn> {
  const bound = await bind(columns, prelude)
  if (!bound.ok) throw new Error(bound.problems.map(formatProblem).join('\n'))
  const oid = findRelation(step.before, ['public'], undefined, 'users')?.oid ?? 0
  const column = bound.value.get(oid)?.columns.get(name)
  if (column === undefined) throw new Error(`no rule for ${name}`)
  return column
}

const show = (expression: Expression | undefined) =>
  expression?.map((part) => (typeof part === 'string' ? part : `{${part.column}}`)).join('')

test('a split column is read from and written to several new ones, by pinned expressions', async () => {
  const column = await columnOf(
    'name',
    `{ name: { type: text, read: "first || ' ' || people.\\"Last\\"",
       write: { first: "split_part(value, ' ', 1)", Last: "app.shout(split_part(value, ' ', 2))" } } }`,
  )
  expect(column).toMatchObject({ kind: 'computed', type: 'text' })
  expect(column.key).toBeUndefined()
  expect(show(column.read)).toBe(
    `((({first} OPERATOR(pg_catalog.||) ' '::pg_catalog.text) OPERATOR(pg_catalog.||) {Last}))`,
  )
  expect(column.writes.map(({ column: name, expression }) => [name, show(expression)])).toEqual([
    ['first', `(pg_catalog.split_part({value}, ' '::pg_catalog.text, 1))`],
    ['Last', `(app.shout(pg_catalog.split_part({value}, ' '::pg_catalog.text, 2)))`],
  ])
})

test('a retyped column is held by one new column, with what is declared of it', async () => {
  const column = await columnOf('zip', '{ zip: { read: "zip::text", write: "value::integer", injective: true } }')
  expect(column).toMatchObject({
    type: 'character varying(10)',
    key: { column: 'zip', injective: true, total: false, monotone: false, comparable: false },
  })
  expect(show(column.read)).toBe('(({zip})::pg_catalog.text)')
  expect(show(column.key?.write)).toBe('(({value})::integer)')
})

test('a dropped column is read as a value of its old type, and what is written is discarded', async () => {
  const column = await columnOf('legacy', '{ legacy: { dropped: true, read: "false" } }')
  expect(column).toEqual({ kind: 'computed', type: 'boolean', read: ['(false)'], writes: [] })
})

test('a value map is read and written by its pairs, and what is outside of it is an error', async () => {
  const column = await columnOf('feeling', '{ feeling: { to: mood, values: { good: 1, bad: 2 } } }')
  expect(show(column.read)).toMatch(
    /^\(CASE\s+WHEN \(\{mood\} OPERATOR\(pg_catalog\.=\) 1\) THEN 'good'::app\.mood\s+WHEN .* 2\) THEN 'bad'::app\.mood\s+WHEN \(\{mood\} IS NULL\) THEN NULL::app\.mood\s+ELSE /,
  )
  expect(column.key).toMatchObject({ column: 'mood', injective: true, total: false, monotone: false })
  expect(show(column.key?.guard)).toContain('{value} OPERATOR(pg_catalog.=) ANY (')
})

test('two old values that became one are not injective, nor is a default for values outside of the map', async () => {
  const twice = await columnOf('feeling', '{ feeling: { to: mood, values: { good: 1, bad: 1 } } }')
  expect(twice.key?.injective).toBe(false)
  const outside = await columnOf('feeling', '{ feeling: { to: mood, values: { good: 1, bad: 2 }, outside: bad } }')
  expect(outside.key?.injective).toBe(false)
  const both = await columnOf(
    'feeling',
    '{ feeling: { to: mood, values: { good: 1, bad: 2 }, outside: { read: null, write: bad } } }',
  )
  expect(both.key?.injective).toBe(true)
})

test('a timestamp that became timestamptz is seen in the time zone of the rule', async () => {
  const column = await columnOf('seen', '{ seen: { type: timestamp, time_zone: UTC } }')
  expect(show(column.read)).toBe(`pg_catalog.timezone('UTC'::pg_catalog.text, {seen})`)
  expect(column.key).toMatchObject({ injective: true, total: true, monotone: true })
  const berlin = await columnOf('seen', '{ seen: { time_zone: Europe/Berlin } }')
  expect(berlin.key).toMatchObject({ injective: false, total: false, monotone: false })
})

test('a default and what means the same are told of plain columns too', async () => {
  const bound = await bind('{ zip: { same_meaning: true }, feeling: { default: "lower(\'GOOD\')::app.mood" } }')
  expect(bound.ok && [...bound.value.values()]).toEqual([
    {
      insert: [],
      columns: new Map(),
      defaults: new Map([['feeling', `((pg_catalog.lower('GOOD'::pg_catalog.text))::app.mood)`]]),
      same: { relation: false, columns: new Set(['zip']) },
    },
  ])
})

test('what several old columns became is written by an expression over the old row', async () => {
  const bound = await bind(
    '{ name: { read: first }, legacy: { read: "false" } }, write: { first: "users.name || legacy::text || zip" }',
  )
  const [rules] = bound.ok ? [...bound.value.values()] : []
  expect(rules?.columns.get('name')).toMatchObject({ writes: [], type: 'text' })
  expect(rules?.merged?.map(({ column, expression }) => [column, show(expression)])).toEqual([
    [
      'first',
      '((({name} OPERATOR(pg_catalog.||) ({legacy})::pg_catalog.text) OPERATOR(pg_catalog.||) ({zip})::pg_catalog.text))',
    ],
  ])
})

test.each([
  ['an unknown old column', '{}, write: { first: "nam" }', '1.yaml:1:61: column "nam" does not exist'],
  ['another type', '{}, write: { mood: "name" }', '1.yaml:1:60: expected an expression of type integer, got text'],
  ['an unknown new column', '{}, write: { frist: "name" }', '1.yaml:1:54: public.people has no column "frist"'],
  ['a volatile function', '{}, write: { first: "lazy(name)" }', 'expected an expression that is not volatile: lazy()'],
  ['no column at all', `{}, write: { first: "'x'::text" }`, 'expected an expression over the old columns'],
  ['a whole row', '{}, write: { first: "users::text" }', 'may not refer to whole rows'],
  [
    'a column that is read alone and not used',
    '{ name: { read: first }, legacy: { read: "false" } }, write: { first: name }',
    '1.yaml:1:66: the "write" of the table does not use "legacy"',
  ],
  ['a new column that it is', '{ name: { read: first, to: first } }, write: { first: name }', '"to" needs "write"'],
])('a merged column of %s is an error with its place', async (_, columns, message) => {
  const bound = await bind(columns)
  expect(bound.ok ? [] : bound.problems.map(formatProblem)).toEqual([expect.stringContaining(message)])
})

test('a literal without a type takes the wanted one', async () => {
  const column = await columnOf('feeling', `{ feeling: { read: "'bad'", write: { first: "NULL" } } }`)
  expect(show(column.read)).toBe(`('bad'::app.mood)`)
  expect(show(column.writes[0]?.expression)).toBe('(NULL::pg_catalog.text)')
})

test('functions are found by the search_path of the connection, and pinned to their schema', async () => {
  const column = await columnOf('name', '{ name: { read: "shout(first)", read_only: true } }', [
    'SET search_path = app',
  ])
  expect(show(column.read)).toBe('(app.shout({first}))')
  expect(column.writable).toBe(false)
})

test('rules are bound inside an open transaction too, which goes on', async () => {
  const bound = await bind(
    '{ legacy: { dropped: true, read: "nonsense" }, name: { read: "first", read_only: true } }',
    ['BEGIN', 'CREATE TEMPORARY TABLE mine (a int)'],
  )
  expect(bound.ok).toBe(false)
})

test.each([
  ['a syntax error', '{ name: { read: "first ||", read_only: true } }', '1.yaml:1:57: not an SQL expression'],
  ['two expressions', '{ name: { read: "first, id", read_only: true } }', 'expected exactly one SQL expression'],
  ['an unknown column', '{ name: { read: "frist", read_only: true } }', '1.yaml:1:57: column "frist" does not exist'],
  ['an unknown function', '{ name: { read: "foo(first)", read_only: true } }', 'function foo(text) does not exist'],
  [
    'a wrong type',
    '{ name: { read: "id", read_only: true } }',
    '1.yaml:1:57: expected an expression of type text, got integer; cast it: (id)::text',
  ],
  [
    'a wrong type of a write',
    '{ zip: { read: "zip::text", write: "value" } }',
    '1.yaml:1:76: expected an expression of type integer, got character varying',
  ],
  [
    'a literal of another type',
    `{ legacy: { dropped: true, read: "'x'" } }`,
    'invalid input syntax for type boolean: "x"',
  ],
  [
    'a volatile function',
    '{ name: { read: "lazy(first)", read_only: true } }',
    'expected an expression that is not volatile: lazy() may give another answer each time',
  ],
  ['a volatile write', '{ zip: { read: "zip::text", write: "value::int + random()::int" } }', 'random()'],
  ['an aggregate', '{ name: { read: "max(first)", read_only: true } }', 'may not hold an aggregate'],
  ['a window function', '{ name: { read: "lag(first) OVER ()", read_only: true } }', 'may not hold a window function'],
  [
    'a set',
    '{ name: { read: "unnest(ARRAY[first])", read_only: true } }',
    'may not hold a function that returns a set',
  ],
  ['a subquery', '{ name: { read: "(SELECT first)", read_only: true } }', 'may not hold a subquery'],
  ['a whole row', '{ name: { read: "people::text", read_only: true } }', 'may not refer to whole rows'],
  ['a system column', '{ name: { read: "ctid::text", read_only: true } }', 'may not refer to the system column "ctid"'],
  ['a parameter', '{ name: { read: "$1", read_only: true } }', 'may not refer to parameters'],
  ['a write over columns', '{ zip: { read: "zip::text", write: "zip" } }', 'may refer to "value" alone'],
  [
    'an unknown old column',
    '{ nmae: { read: "first", read_only: true } }',
    'public.users has no column "nmae"; did you mean "name"?',
  ],
  [
    'an unknown new column',
    '{ name: { read: "first", write: { frist: value } } }',
    '1.yaml:1:75: public.people has no column "frist"; did you mean "first"?',
  ],
  [
    'a type that the column did not have',
    '{ zip: { type: varchar(9) } }',
    '1.yaml:1:56: expected the type that the column had, character varying(10), got character varying(9)',
  ],
  ['an unknown type', '{ zip: { type: varchr } }', '1.yaml:1:56: type "varchr" does not exist'],
  ['what is no type', '{ zip: { type: "int, b int" } }', '1.yaml:1:56: expected a data type'],
  [
    'a value that is none',
    '{ feeling: { to: mood, values: { god: 1 } } }',
    'invalid input value for enum app.mood: "god"',
  ],
  ['a new value that is none', '{ feeling: { to: mood, values: { good: one } } }', 'for type integer: "one"'],
  ['a time zone that is none', '{ seen: { time_zone: Utopia } }', '1.yaml:1:62: time zone "Utopia" not recognized'],
  ['a time zone of what has none', '{ zip: { time_zone: UTC } }', 'time_zone is for timestamp'],
  ['a timestamp without a time zone', '{ seen: { injective: true } }', 'say in which time zone'],
  ['a read without a write', '{ name: { read: "first" } }', '"read" needs "write"'],
  ['a dropped column that is there', '{ zip: { dropped: true, read: "NULL" } }', 'but after the migration it is "zip"'],
])('%s is an error with its place', async (_, columns, message) => {
  const bound = await bind(columns)
  expect(bound.ok ? [] : bound.problems.map(formatProblem)).toEqual([expect.stringContaining(message)])
})
