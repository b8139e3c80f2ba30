import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { formatDifference } from '../../src/catalog/difference.js'
import { planStep } from '../../src/rewrite/plan-step.js'
import { createRewriter } from '../../src/rewrite/rewriter.js'
import { fromByteString, toByteString } from '../../src/sql/byte-string.js'
import { loadParser } from '../../src/sql/parse.js'
import { createDatabase, type TestDatabase } from '../support/database.js'
import { introspectDatabase } from '../support/introspect-database.js'
import { readRewriteFixtures } from './rewrite-fixture.js'

const before = `
  CREATE TYPE shade AS ENUM ('dark', 'light');
  CREATE TABLE users (id int PRIMARY KEY, name text, email text UNIQUE, at timestamp, tint shade);
  CREATE TABLE orders (id int PRIMARY KEY, name text, email text);
  CREATE TABLE logs (id int, line text);
  CREATE TABLE notes (id int);
  CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2';
  INSERT INTO users VALUES (1, 'Ada', 'ada@example.org', '2020-01-01', 'dark');
  INSERT INTO orders VALUES (1, 'pen', NULL);`

const migration = `
  ALTER TABLE users RENAME TO people;
  ALTER TABLE people DROP email, ALTER at TYPE timestamptz, ALTER tint TYPE text;
  DROP TYPE shade; CREATE DOMAIN shade AS text;
  DROP TABLE logs, notes; CREATE VIEW logs AS SELECT 1 AS id;
  DROP FUNCTION twice; CREATE FUNCTION twice(text) RETURNS text LANGUAGE sql AS 'SELECT $1 || $1'`

let old: TestDatabase
let now: TestDatabase
let rewritten: (sql: string) => { readonly told: string; readonly text: string | undefined }
let differences: readonly string[]
let hintOf: (sql: string) => string | undefined

beforeAll(async () => {
  old = await createDatabase(before)
  now = await createDatabase(before)
  const oldCatalog = await introspectDatabase(now.url)
  await now.run(migration)
  const newCatalog = await introspectDatabase(now.url)
  const planned = planStep(oldCatalog, newCatalog)
  differences = planned.differences.map(formatDifference)
  const versions = [oldCatalog, newCatalog].map((catalog, index) => ({ name: `v${index}`, catalog }))
  const generation = { number: 1, versions, steps: [{ mapping: planned.mapping }] }
  const rewriter = createRewriter(generation, { parser: await loadParser() })
  const rewrite = (sql: string) => {
    const session = { path: ['pg_catalog', 'public'], temporary: [], clientEncoding: 'UTF8', version: 0 }
    return rewriter.rewrite({ ...session, text: toByteString(sql), standardConformingStrings: true })
  }
  rewritten = (sql) => {
    const outcome = rewrite(sql)
    if (outcome.kind === 'refused') {
      const { sqlstate, message, position } = outcome.refusal
      return { told: `refused ${sqlstate}${position === undefined ? '' : `@${position}`} ${message}`, text: undefined }
    }
    const text = outcome.kind === 'unchanged' ? sql : (fromByteString(outcome.text) ?? '')
    return { told: outcome.kind === 'unchanged' ? 'unchanged' : text, text }
  }
  hintOf = (sql) => {
    const outcome = rewrite(sql)
    return outcome.kind === 'refused' ? outcome.refusal.hint : undefined
  }
})
afterAll(async () => {
  await old?.drop()
  await now?.drop()
})

test('every loss is a difference', () => {
  expect(differences).toEqual([
    expect.stringContaining('public.users: the unique constraint "users_email_key" was dropped'),
    expect.stringContaining('public.logs: the table was dropped'),
    expect.stringContaining('public.notes: the table was dropped'),
    expect.stringContaining('public.shade: the enum was dropped'),
    expect.stringContaining('public.twice: the function was dropped'),
    expect.stringContaining('public.users.email: the column was dropped'),
    expect.stringContaining('public.users.at: its type changed from timestamp without time zone'),
    expect.stringContaining('public.users.tint: its type changed from public.shade, which is gone, to text'),
  ])
})

test('the hint names the rule file and what it has to say', () => {
  expect(hintOf('SELECT email FROM users')).toBe(
    'Clients of older versions can use it again when the rule file v1.yaml says what it is: say what old statements read: tables: { users: { columns: { email: { dropped: true, type: text, read: "NULL" } } } }. Then reload.',
  )
})

test('a name in a string that nothing has is left to the server', async () => {
  const sql = "SELECT 'notes'::regclass::text"
  expect(rewritten(sql).told).toBe('unchanged')
  expect(await rowsOf(now, sql)).toBe('42P01')
})

test.each(readRewriteFixtures('lost'))('$rule: $sql', async ({ sql, expected }) => {
  const { told, text } = rewritten(sql)
  expect(told).toBe(expected)
  if (text === undefined) return
  const [was, is] = [await rowsOf(old, sql), await rowsOf(now, text)]
  expect(is).toEqual(was)
})

/** Rows, or the error's SQLSTATE; nothing stays changed. */
async function rowsOf(database: TestDatabase, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  try {
    await client.query('BEGIN')
    return (await client.query(sql)).rows
  } catch (error) {
    return (error as { code: string }).code
  } finally {
    await client.query('ROLLBACK')
    await client.end()
  }
}
