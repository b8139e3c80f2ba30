import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readText } from '../../src/rewrite/computed.js'
import type { ComputedColumn, Expression, RelationMapping } from '../../src/rewrite/mapping.js'
import { planStep } from '../../src/rewrite/plan-step.js'
import { createRewriter } from '../../src/rewrite/rewriter.js'
import { fromByteString, toByteString } from '../../src/sql/byte-string.js'
import { loadParser } from '../../src/sql/parse.js'
import { createDatabase, type TestDatabase } from '../support/database.js'
import { introspectDatabase } from '../support/introspect-database.js'
import { readRewriteFixtures } from './rewrite-fixture.js'

const before = `
  CREATE SEQUENCE tickets;
  CREATE TABLE users (id serial PRIMARY KEY, name text, zip varchar(5), legacy varchar(3), age integer UNIQUE, total integer);
  INSERT INTO users (name, zip, legacy, age, total) VALUES ('Ada Love', '12345', NULL, 36, 5), ('Bob Bee', '999', 'x', 20, 6);
  CREATE TABLE src (id integer, title text, n integer);
  INSERT INTO src VALUES (1, 'Max Moritz', 7), (5, 'Eva Ex', 8);`

const migration = `
  ALTER TABLE users RENAME TO people;
  ALTER TABLE people ADD first text, ADD last text, ADD twice integer;
  UPDATE people SET first = split_part(name, ' ', 1), last = split_part(name, ' ', 2), twice = total * 2;
  ALTER TABLE people DROP name, DROP legacy, DROP total, ALTER zip TYPE integer USING zip::integer, ALTER age TYPE bigint`

const value = { column: 'value' }

function computed(type: string, read: Expression, writes: Record<string, Expression>): ComputedColumn {
  return {
    kind: 'computed',
    type,
    read,
    writes: Object.entries(writes).map(([column, expression]) => ({ column, expression })),
  }
}

const rules = new Map([
  [
    'name',
    computed('text', [{ column: 'first' }, " || ' ' || ", { column: 'last' }], {
      first: ['split_part(', value, ", ' ', 1)"],
      last: ['split_part(', value, ", ' ', 2)"],
    }),
  ],
  ['zip', computed('character varying(5)', ['(', { column: 'zip' }, ')::text'], { zip: ['(', value, ')::integer'] })],
  ['legacy', computed('character varying(3)', ['NULL'], {})],
  ['total', computed('integer', [{ column: 'twice' }, ' / 2'], { twice: [value, ' + ', value] })],
])

let old: TestDatabase
let now: TestDatabase
let rewritten: (sql: string) => { readonly told: string; readonly text: string | undefined }
let contents: string

beforeAll(async () => {
  old = await createDatabase(before)
  now = await createDatabase(before)
  const oldCatalog = await introspectDatabase(now.url)
  await now.run(migration)
  const newCatalog = await introspectDatabase(now.url)
  const oid = oldCatalog.byName.get('public')?.get('users')?.oid ?? 0
  // No old column has a default, and neither has a new one.
  const same = { relation: false, columns: new Set(rules.keys()) }
  const { mapping, differences } = planStep(
    oldCatalog,
    newCatalog,
    new Map([[oid, { insert: [], columns: rules, same }]]),
  )
  expect(differences).toEqual([])
  contents = contentsOf(mapping.relations.get(oid) as RelationMapping)
  const versions = [oldCatalog, newCatalog].map((catalog, index) => ({ name: `v${index}`, catalog }))
  const rewriter = createRewriter({ number: 1, versions, steps: [{ mapping }] }, { parser: await loadParser() })
  rewritten = (sql) => {
    const session = { path: ['pg_catalog', 'public'], temporary: [], clientEncoding: 'UTF8', version: 0 }
    const outcome = rewriter.rewrite({ ...session, text: toByteString(sql), standardConformingStrings: true })
    if (outcome.kind === 'refused') {
      return { told: `refused ${outcome.refusal.sqlstate} ${outcome.refusal.message}`, text: undefined }
    }
    const text = outcome.kind === 'unchanged' ? sql : (fromByteString(outcome.text) ?? '')
    return { told: text, text }
  }
})
afterAll(async () => {
  await Promise.all([old.drop(), now.drop()])
})

/** The new table as the old version sees it, without what is discarded. */
function contentsOf({ after, columns }: RelationMapping): string {
  const items = [...columns].flatMap(([name, column]) => {
    if (name === 'legacy') return []
    return [column.kind === 'computed' ? `${readText(column, '')} AS ${name}` : `${column.name} AS ${name}`]
  })
  return `SELECT ${items.join(', ')} FROM ${after.name} ORDER BY id`
}

const fixtures = readRewriteFixtures('computed-write')

test.each(fixtures)('$rule: $sql', ({ sql, expected }) => {
  expect(rewritten(sql).told).toBe(expected)
})

test('what they become does what they did', async () => {
  const wrong: unknown[] = []
  for (const { sql } of fixtures) {
    const { text } = rewritten(sql)
    if (text === undefined) continue
    const [expected, got] = await Promise.all([
      answerOf(old.url, sql, 'SELECT id, name, zip, age, total FROM users ORDER BY id'),
      answerOf(now.url, text, contents),
    ])
    if (JSON.stringify(expected) !== JSON.stringify(got)) wrong.push({ sql, text, expected, got })
  }
  expect(wrong).toEqual([])
})

/** What a statement answers and leaves behind, in a transaction that is rolled back; the types of its parameters. */
async function answerOf(url: string, sql: string, contents: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('BEGIN')
    const name = /\$\d/.test(sql) ? 'PREPARE statement AS ' : ''
    const { command, rowCount, rows } = await client.query({ text: name + sql, rowMode: 'array' })
    const left = await client.query({ text: contents, rowMode: 'array' })
    const types = await client.query('SELECT parameter_types::text FROM pg_prepared_statements')
    const numbers = await client.query('SELECT last_value, is_called FROM tickets')
    return { command, rowCount, rows, left: left.rows, types: types.rows, numbers: numbers.rows }
  } catch (error) {
    if (error instanceof pg.DatabaseError) return error.code
    throw error
  } finally {
    await client.end()
  }
}
