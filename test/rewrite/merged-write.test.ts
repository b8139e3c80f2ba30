import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readRuleFile } from '../../src/config/load-rules.js'
import { formatProblem } from '../../src/config/problem.js'
import { readText } from '../../src/rewrite/computed.js'
import type { RelationMapping } from '../../src/rewrite/mapping.js'
import { type PlannedStep, planStep } from '../../src/rewrite/plan-step.js'
import { createRewriter } from '../../src/rewrite/rewriter.js'
import { fromByteString, toByteString } from '../../src/sql/byte-string.js'
import { loadParser } from '../../src/sql/parse.js'
import { bindRules } from '../../src/switch/bind-rules.js'
import { ruleOfStep } from '../../src/switch/rule-of-step.js'
import { createDatabase, type TestDatabase } from '../support/database.js'
import { introspectDatabase } from '../support/introspect-database.js'
import { withTextQuery } from '../support/text-query.js'
import { readRewriteFixtures } from './rewrite-fixture.js'

// `title` stays a column, and `name` and `sort` are made of it or of `first` and `last`.
const before = `
  CREATE SEQUENCE tickets;
  CREATE TABLE users (id integer PRIMARY KEY, first varchar(9), last text DEFAULT 'Doe', title numeric(4,1), age integer, tags text[], low integer, high integer NOT NULL DEFAULT 5);
  INSERT INTO users VALUES (1, 'Ada', 'Love', 1.5, 36, '{a}', 1, 2), (2, 'Bob', 'Bee', NULL, 20, NULL, 3, 4);
  CREATE TABLE src (id integer, title text, n integer);
  INSERT INTO src VALUES (1, 'Max', 7), (5, 'Eva', 8);`

const migration = `
  ALTER TABLE users ADD name text, ADD sort text, ADD span text;
  UPDATE users SET name = concat(first, ' ', last), sort = last || coalesce(' ' || title, ''), span = concat(low, '-', high);
  ALTER TABLE users DROP first, DROP last, DROP low, DROP high, ALTER span SET NOT NULL;
  ALTER TABLE users RENAME title TO rank;
  ALTER TABLE users RENAME TO people`

const rules = `
tables:
  users:
    to: people
    columns:
      first: { type: varchar(9), read: "nullif(split_part(name, ' ', 1), '')::varchar(9)" }
      last: { type: text, read: "nullif(split_part(name, ' ', 2), '')", default: "'Doe'" }
      title: rank
      low: { type: integer, read: "nullif(split_part(span, '-', 1), '')::integer" }
      high: { type: integer, read: "split_part(span, '-', 2)::integer" }
    write:
      name: "concat(first, ' ', last)"
      sort: "last || coalesce(' ' || title, '')"
      span: "concat(low, '-', high)"
    same_meaning: true
`

let old: TestDatabase
let now: TestDatabase
let rewritten: (sql: string) => { readonly told: string; readonly text: string | undefined }
let contents: string
let plan: (yaml: string) => Promise<PlannedStep>

beforeAll(async () => {
  const parser = await loadParser()
  old = await createDatabase(before)
  now = await createDatabase(before)
  const oldCatalog = await introspectDatabase(now.url)
  await now.run(migration)
  const newCatalog = await introspectDatabase(now.url)
  plan = async (yaml) => {
    const file = readRuleFile('1.yaml', yaml, parser)
    if (!file.ok) throw new Error(file.problems.map(formatProblem).join('\n'))
    const bound = await withTextQuery(now.url, (query) => bindRules(query, oldCatalog, newCatalog, file.value, parser))
    if (!bound.ok) throw new Error(bound.problems.map(formatProblem).join('\n'))
    return planStep(oldCatalog, newCatalog, bound.value)
  }
  const { mapping, differences } = await plan(rules)
  expect(differences).toEqual([])
  const oid = oldCatalog.byName.get('public')?.get('users')?.oid ?? 0
  contents = contentsOf(mapping.relations.get(oid) as RelationMapping)
  // What `migrate --save` writes says the same.
  const saved = (await plan(ruleOfStep(mapping))).mapping.relations.get(oid)
  expect(mergedIn(saved)).toEqual(mergedIn(mapping.relations.get(oid)))
  const versions = [oldCatalog, newCatalog].map((catalog, index) => ({ name: `v${index}`, catalog }))
  const rewriter = createRewriter({ number: 1, versions, steps: [{ mapping }] }, { parser })
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

/** Whether a default stands in brackets says nothing. */
function mergedIn(change: RelationMapping | undefined) {
  return change?.merged?.map(({ column, expression, defaults }) => {
    const given = [...defaults].map(([name, text]) => [name, text.replace(/^\((.*)\)$/, '$1')])
    return { column, expression, given }
  })
}

/** The new table as the old version sees it, and what was made of its columns. */
function contentsOf({ after, columns }: RelationMapping): string {
  const items = [...columns].map(([name, column]) =>
    column.kind === 'computed' ? `${readText(column, '')} AS ${name}` : `${column.name} AS ${name}`,
  )
  return `SELECT ${items.join(', ')}, name, sort, span FROM ${after.name} ORDER BY id`
}

const fixtures = readRewriteFixtures('merged-write')

test.each(fixtures)('$rule: $sql', ({ sql, expected }) => {
  expect(rewritten(sql).told).toBe(expected)
})

test('what they become does what they did, and makes of the old columns what the migration made', async () => {
  const made = `SELECT id, first, last, title, age, tags, low, high, concat(first, ' ', last) AS name,
    last || coalesce(' ' || title, '') AS sort, concat(low, '-', high) AS span FROM users ORDER BY id`
  const wrong: unknown[] = []
  for (const { sql } of fixtures) {
    const { text } = rewritten(sql)
    if (text === undefined) continue
    const [expected, got] = await Promise.all([answerOf(old.url, sql, made), answerOf(now.url, text, contents)])
    if (JSON.stringify(expected) !== JSON.stringify(got)) wrong.push({ sql, text, expected, got })
  }
  expect(wrong).toEqual([])
})

test.each([
  [
    'two old columns that are both written to one new column are told of the rule that says how',
    [
      [
        `first: { type: varchar(9), read: "nullif(split_part(name, ' ', 1), '')::varchar(9)" }`,
        'first: { type: varchar(9), read: "name::varchar(9)", write: { name: value } }',
      ],
      [
        `last: { type: text, read: "nullif(split_part(name, ' ', 2), '')", default: "'Doe'" }`,
        'last: { type: text, read: name, write: { name: value } }',
      ],
      [/ {6}(name|sort): .*\n/g, ''],
    ],
    { column: 'last', hint: expect.stringContaining('write: { name: "an expression over first and last" } } }') },
  ],
  [
    'a merged column to which an old one is written besides',
    [
      [
        'high: { type: integer, read: "split_part(span, \'-\', 2)::integer" }',
        'high: { type: integer, read: "1", write: { span: "value::text" } }',
      ],
    ],
    {
      column: 'high',
      what: expect.stringContaining('it is written to the new column "span", and so is what the "write"'),
    },
  ],
  [
    'read_only of a column that is written',
    [['2)::integer" }', '2)::integer", read_only: true }']],
    { column: 'high', what: expect.stringContaining('it is read_only, but the "write" of its table uses it') },
  ],
  [
    'a default that calls a function and stands twice',
    [['default: "\'Doe\'"', "default: \"'n' || nextval('tickets')\""]],
    { column: 'last', what: expect.stringContaining('would be evaluated more than once') },
  ],
] as const)('%s: refused', async (_, edits, difference) => {
  const yaml = edits.reduce((text, [from, to]) => {
    expect(text).toMatch(from)
    return text.replace(from, to)
  }, rules)
  expect((await plan(yaml)).differences).toEqual([expect.objectContaining(difference)])
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
