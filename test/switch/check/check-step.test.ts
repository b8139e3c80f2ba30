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

test("a view whose columns' types changed is seen as it was", async () => {
  const { problems } = await check({
    spoken: ['SELECT id, name FROM adults'],
    sql: 'DROP VIEW adults; CREATE VIEW adults AS SELECT id::bigint AS id, name, age FROM users',
  })
  expect(problems).toEqual([])
})

test('another type of an output is a problem', async () => {
  const { problems } = await check({
    spoken: ["SELECT id, id || ' ' || note AS both FROM quiet", 'SELECT id FROM quiet'],
    sql: `ALTER TABLE quiet RENAME note TO body;
      CREATE FUNCTION glue(int, text) RETURNS int IMMUTABLE LANGUAGE sql AS $$ SELECT 1 $$;
      CREATE OPERATOR || (LEFTARG = int, RIGHTARG = text, FUNCTION = glue)`,
  })
  expect(problems).toEqual([
    'initial: SELECT id, id || NULL || note AS both FROM quiet: column 2 ("both") was of type text, now integer',
  ])
})

test('each of many breaking statements is found, whichever way it breaks, and no other', async () => {
  const kinds = [
    (at: number) => `SELECT id AS c${at} FROM users`,
    (at: number) =>
      `INSERT INTO users (id, name) VALUES ($1, $2) ON CONFLICT (email) DO NOTHING RETURNING id AS c${at}`,
    (at: number) => `SELECT u AS c${at} FROM users u`,
    (at: number) => `SELECT id || 'x' AS c${at} FROM users`,
    (at: number) => `SELECT name AS c${at} FROM adults`,
  ]
  const spoken = Array.from({ length: 60 }, (_, at) => kinds[at % kinds.length]?.(at) ?? '')
  const { problems } = await check({
    spoken,
    sql: `ALTER TABLE users DROP CONSTRAINT users_email_key; ALTER TABLE users ADD country text; DROP VIEW adults;
      CREATE FUNCTION glue(int, text) RETURNS int IMMUTABLE LANGUAGE sql AS $$ SELECT 1 $$;
      CREATE OPERATOR || (LEFTARG = int, RIGHTARG = text, FUNCTION = glue)`,
  })
  const found = problems.map((problem) => Number(/ c(\d+)/.exec(problem)?.[1])).sort((a, b) => a - b)
  expect(found).toEqual(spoken.flatMap((_, at) => (at % kinds.length === 0 ? [] : [at])))
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

test('statements of every version still served are checked, each against its own', async () => {
  const { problems, statements } = await check({
    spoken: [
      { text: 'SELECT name, email FROM users WHERE id = $1', version: 'initial' },
      { text: 'SELECT full_name, email FROM people WHERE id = $1', version: 'v1' },
      { text: 'SELECT p FROM people p', version: 'v1' },
    ],
    earlier: [{ sql: 'ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME name TO full_name' }],
    sql: 'ALTER TABLE people RENAME email TO mail; ALTER TABLE people ADD country text',
  }).finally(() => database.run('ALTER TABLE people RENAME full_name TO name; ALTER TABLE people RENAME TO users'))
  // The view that reads the table has a generated one for each version.
  expect(statements).toBe(5)
  expect(problems).toEqual([expect.stringMatching(/^v1: SELECT p FROM people p: it would be refused/)])
})

test('a relation that no recorded statement names is checked by generated ones, of every version', async () => {
  const { problems, statements } = await check({
    spoken: ['SELECT id FROM users'],
    sql: 'ALTER TABLE quiet RENAME note TO body; REVOKE SELECT ON posts FROM check_app',
    earlier: [{ sql: 'ALTER TABLE quiet ADD more text' }],
  }).finally(() => database.run('ALTER TABLE quiet DROP more'))
  // quiet and posts by SELECT, INSERT, UPDATE and DELETE, of initial and v1.
  expect(statements).toBe(16)
  expect(problems).toEqual([])
})

test('what could not be described before is listed, a temporary table among it', async () => {
  const { problems, unchecked } = await check({
    spoken: ['SELECT s.id FROM scratch s JOIN quiet q ON q.id = s.id', 'SELECT id FROM scratch'],
    sql: 'ALTER TABLE quiet RENAME note TO body',
  })
  expect(problems).toEqual([])
  expect(unchecked).toEqual([
    expect.stringMatching(
      /^initial: SELECT s.id FROM scratch .*: the server did not take it before the migration: 42P01 relation "scratch" does not exist/,
    ),
  ])
})

test('functions, triggers and policies that name something changed are listed', async () => {
  await database.run(`
    CREATE FUNCTION names_table() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM quiet); END $$;
    CREATE FUNCTION names_nothing() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'quietly'; END $$;
    CREATE FUNCTION on_write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := upper(NEW.note); RETURN NEW; END $$;
    CREATE TRIGGER upper_note BEFORE INSERT ON quiet FOR EACH ROW EXECUTE FUNCTION on_write();
    CREATE TRIGGER with_args BEFORE UPDATE ON quiet FOR EACH ROW EXECUTE FUNCTION on_write('note');
    CREATE POLICY by_row ON quiet USING (to_jsonb(quiet)->>'note' <> ''); CREATE POLICY by_column ON quiet USING (note <> '')`)
  const { problems, hidden } = await check({
    spoken: ['SELECT id FROM quiet'],
    sql: 'ALTER TABLE quiet RENAME note TO body; ALTER TABLE quiet RENAME TO silent',
  }).finally(() =>
    database.run(`DROP FUNCTION names_table, names_nothing; DROP FUNCTION on_write CASCADE;
      DROP POLICY by_row ON quiet; DROP POLICY by_column ON quiet`),
  )
  expect(problems).toEqual([])
  expect(hidden).toEqual([
    'function public.names_table names public.quiet in its text, which is not rewritten',
    'policy "by_row" of public.silent names a changed column in a string',
    'function public.on_write, which trigger "upper_note" of public.silent calls, names a changed column in its text',
    'function public.on_write, which trigger "with_args" of public.silent calls, names a changed column in its text',
    'trigger "with_args" of public.silent has a changed column among its arguments',
  ])
})

test('declared parameter types stand, and search_path decides what a bare name is', async () => {
  await database.run('CREATE SCHEMA tenant; CREATE TABLE tenant.quiet (id bigint, label text)')
  const { problems, unchecked } = await check({
    spoken: [
      { text: 'SELECT label FROM quiet WHERE id = $1', searchPath: 'tenant, public', types: [20] },
      { text: 'SELECT note FROM quiet WHERE id = $1 AND note = $2', types: [23, 0] },
      { text: 'SELECT label FROM quiet', searchPath: 'public' },
    ],
    sql: 'ALTER TABLE tenant.quiet RENAME label TO title; ALTER TABLE quiet RENAME note TO body',
  }).finally(() => database.run('DROP SCHEMA tenant CASCADE'))
  expect(problems).toEqual([])
  expect(unchecked).toEqual([expect.stringContaining('column "label" does not exist')])
})

test('past its budget it says so, and has no opinion', async () => {
  const outcome = await tryMigration(database, {
    spoken: appStatements,
    sql: 'ALTER TABLE users RENAME TO people',
    budgetMs: 1,
  })
  expect(outcome).toMatchObject({ kind: 'over budget' })
})

test('a book of 50 statements is checked within its budget of 500 ms', async () => {
  const spoken = Array.from(
    { length: 50 },
    (_, at) =>
      `SELECT u.id AS c${at}, u.name, p.title FROM users u JOIN posts p ON p.author = u.id WHERE u.id = $1 AND p.views > ${at}`,
  )
  const times: number[] = []
  for (let round = 0; round < 5; round++) {
    // And one for the view that reads the table.
    const { ms, statements, problems } = await check({
      spoken,
      sql: 'ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME name TO full_name',
    })
    expect({ statements, problems }).toEqual({ statements: 51, problems: [] })
    times.push(ms)
  }
  // Some 30 to 60 ms where nothing else runs on the machine.
  expect(Math.min(...times)).toBeLessThan(500)
})
