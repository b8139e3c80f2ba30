import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../support/database.js'
import { type Trial, tryMigration } from './support.js'

const schema = `
  CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, email varchar(50) UNIQUE, age int);
  CREATE TABLE posts (id int PRIMARY KEY, author int REFERENCES users, title text, views int DEFAULT 0);
  CREATE VIEW adults AS SELECT id, name FROM users WHERE age >= 18;
  CREATE TABLE quiet (id int PRIMARY KEY, note text);
`

const roles = ['check_app', 'check_migrator', 'check_stranger']

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase(schema)
  for (const role of roles) {
    await database.run(`DO $$ BEGIN CREATE ROLE ${role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$`)
  }
  await database.run(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO check_app, check_stranger;
    GRANT check_app TO check_migrator; GRANT CREATE, USAGE ON SCHEMA public TO check_migrator`)
})
afterAll(() => database.drop())

async function check(trial: Trial) {
  const outcome = await tryMigration(database, trial)
  if (outcome.kind !== 'checked') throw new Error(outcome.reason)
  return outcome
}

const appStatements = [
  'SELECT id, name, email FROM users WHERE id = $1',
  "SELECT * FROM users WHERE email = 'ada@example.org'",
  'SELECT u.name, count(*) FROM users u JOIN posts p ON p.author = u.id GROUP BY u.name ORDER BY 2 DESC LIMIT 10',
  'INSERT INTO users (id, name, email) VALUES ($1, $2, $3) ON CONFLICT (email) DO UPDATE SET name = excluded.name',
  'UPDATE posts SET views = views + 1 WHERE id = $1 RETURNING views',
  'DELETE FROM posts WHERE author = $1',
  'SELECT name FROM adults',
]

test.each([
  ['renames', 'ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME name TO full_name'],
  ['a new column', 'ALTER TABLE users ADD country text'],
  ['a wider type', 'ALTER TABLE posts ALTER views TYPE bigint'],
  ['another schema', 'CREATE SCHEMA app; ALTER TABLE posts SET SCHEMA app'],
  [
    'columns that swap names',
    'ALTER TABLE posts RENAME id TO x; ALTER TABLE posts RENAME author TO id; ALTER TABLE posts RENAME x TO author',
  ],
  ['a new table and an index', 'CREATE TABLE fresh (id int); CREATE INDEX ON users (age)'],
  ['nothing', 'SELECT 1'],
])('%s: nothing breaks', async (_, sql) => {
  const { problems, unchecked } = await check({ spoken: appStatements, sql })
  expect({ problems, unchecked }).toEqual({ problems: [], unchecked: [] })
})

test('a dropped column with a rule: what reads it goes on', async () => {
  const { problems } = await check({
    spoken: appStatements,
    sql: 'ALTER TABLE users DROP age CASCADE',
    rules: 'tables: { users: { columns: { age: { dropped: true, read: "NULL" } }, order: [id, name, email, age] } }',
  })
  // The view that CASCADE dropped with it.
  expect(problems).toEqual([expect.stringMatching(/^initial: SELECT name FROM adults: .*42P01|would be refused/)])
})

test('a unique index that ON CONFLICT needs is missed by the planner', async () => {
  const { problems } = await check({ spoken: appStatements, sql: 'ALTER TABLE users DROP CONSTRAINT users_email_key' })
  expect(problems).toEqual([
    expect.stringMatching(/^initial: INSERT INTO users .*: 42P10 there is no unique or exclusion constraint/),
  ])
})

test('grants that the role of a statement loses are found, under that role', async () => {
  const spoken = [
    { text: 'SELECT id FROM users', role: 'check_app' },
    { text: 'DELETE FROM posts WHERE id = $1', role: 'check_app' },
    { text: 'SELECT id FROM users', role: 'postgres' },
  ]
  const { problems, unchecked } = await check({ spoken, sql: 'REVOKE SELECT ON users FROM check_app' })
  expect(problems).toEqual(['initial: SELECT id FROM users: 42501 permission denied for table users'])
  expect(unchecked).toEqual([])
})

test('a table made anew without its grants', async () => {
  const { problems } = await check({
    spoken: [{ text: 'SELECT id, note FROM quiet', role: 'check_app' }],
    sql: 'DROP TABLE quiet; CREATE TABLE quiet (id int PRIMARY KEY, note text)',
  })
  expect(problems).toEqual(['initial: SELECT id, note FROM quiet: 42501 permission denied for table quiet'])
})

test('a role that the migrator may not take on: what it loses is read from the catalogs', async () => {
  await database.run(
    'CREATE TABLE IF NOT EXISTS owned (id int); ALTER TABLE owned OWNER TO check_migrator; GRANT SELECT, DELETE ON owned TO check_stranger',
  )
  const { problems, unchecked } = await check({
    spoken: [{ text: 'SELECT id FROM owned', role: 'check_stranger' }],
    sql: 'ALTER TABLE owned ADD x int; REVOKE DELETE ON owned FROM check_stranger',
    migrator: 'check_migrator',
  })
  expect(problems).toEqual(['role "check_stranger" loses DELETE on public.owned'])
  expect(unchecked).toEqual([expect.stringContaining('role "check_stranger" were planned with the migrator\'s rights')])
})

test("a view whose columns' types changed", async () => {
  const { problems } = await check({
    spoken: ['SELECT name FROM adults'],
    sql: 'DROP VIEW adults; CREATE VIEW adults AS SELECT id::bigint AS id, upper(name)::varchar(10) AS name FROM users',
  })
  expect(problems).toEqual([])
})

test('a refusal is a problem, with its hint', async () => {
  const { problems } = await check({
    spoken: ['SELECT u FROM users u', 'SELECT id FROM users'],
    sql: 'ALTER TABLE users ADD country text',
  })
  expect(problems).toEqual([
    expect.stringMatching(/^initial: SELECT u FROM users u: it would be refused: 0A000 .*\(.+\)$/),
  ])
})

test('what was refused before is no news', async () => {
  const { problems } = await check({
    spoken: [{ text: 'SELECT u FROM users u', version: 'initial' }],
    earlier: [{ sql: 'ALTER TABLE users ADD country text' }],
    sql: 'ALTER TABLE users DROP country; ALTER TABLE users ADD planet text',
    rules:
      'tables: { users: { columns: { country: { dropped: true, read: "NULL" } }, order: [id, name, email, age, country] } }',
  }).finally(() => database.run('ALTER TABLE users DROP country'))
  expect(problems).toEqual([])
})
