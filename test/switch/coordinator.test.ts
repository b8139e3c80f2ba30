import { afterEach, expect, test } from 'vitest'
import { startTestHotswap, type TestHotswap, waitFor } from '../support/start-hotswap.js'

const schema = `
  CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, email text);
  CREATE TABLE posts (id int PRIMARY KEY, title text, body text);
  INSERT INTO users VALUES (1, 'Ada', 'ada@example.org');
  INSERT INTO posts VALUES (1, 'T', 'B');
`
const shortHold = { timeoutMs: 200, lockTimeoutMs: 100, retries: 3, checkMs: 500 }

let hotswap: TestHotswap | undefined
afterEach(async () => {
  await hotswap?.stop()
  hotswap = undefined
})

test('a running client keeps its old statements over a migration, by text and by prepared statement', async () => {
  hotswap = await startTestHotswap(schema)
  const client = await hotswap.connect()
  const prepared = { name: 'q', text: 'SELECT email, name FROM users WHERE id = $1', values: [1] }
  expect((await client.query(prepared)).rows).toEqual([{ email: 'ada@example.org', name: 'Ada' }])

  const { report, error } = await hotswap.migrate(
    '0001-people',
    'ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME name TO label; ALTER TABLE people ADD age int',
  )
  expect(error).toBeUndefined()
  expect(report).toMatchObject({
    ok: true,
    version: '0001-people',
    tries: 1,
    changed: ['public.users -> public.people'],
  })
  expect(report?.heldMs).toBeGreaterThan(0)
  expect(hotswap.versions.current().generation.versions.map(({ name }) => name)).toEqual(['initial', '0001-people'])

  expect((await client.query(prepared)).rows).toEqual([{ email: 'ada@example.org', name: 'Ada' }])
  expect((await client.query('SELECT * FROM users')).rows).toEqual([{ id: 1, name: 'Ada', email: 'ada@example.org' }])
})

test('a client that connects after the migration speaks the old version, unless it names the new one', async () => {
  hotswap = await startTestHotswap(schema)
  await hotswap.migrate('two', 'ALTER TABLE users RENAME TO people')
  const old = await hotswap.connect()
  expect((await old.query('SELECT id FROM users')).rows).toEqual([{ id: 1 }])
  const fresh = await hotswap.connect('-c hotswap.version=two')
  expect((await fresh.query('SELECT id FROM people')).rows).toEqual([{ id: 1 }])
})

test('columns that swap their names in a migration', async () => {
  hotswap = await startTestHotswap(schema)
  const client = await hotswap.connect()
  await hotswap.migrate(
    'swap',
    'ALTER TABLE posts RENAME title TO t; ALTER TABLE posts RENAME body TO title; ALTER TABLE posts RENAME t TO body',
  )
  expect((await client.query('SELECT * FROM posts')).rows).toEqual([{ id: 1, title: 'T', body: 'B' }])
})

test('two migrations one after the other make a chain', async () => {
  hotswap = await startTestHotswap(schema)
  const client = await hotswap.connect()
  await hotswap.migrate('one', 'ALTER TABLE users RENAME TO people')
  await hotswap.migrate('two', 'ALTER TABLE people RENAME email TO mail')
  expect(hotswap.versions.current().generation.versions.map(({ name }) => name)).toEqual(['initial', 'one', 'two'])
  expect((await client.query('SELECT email FROM users')).rows).toEqual([{ email: 'ada@example.org' }])
})

test('a NOT NULL addition takes its value from the rule that came with the migration', async () => {
  hotswap = await startTestHotswap(schema)
  const client = await hotswap.connect()
  const sql =
    "ALTER TABLE users ADD country text; UPDATE users SET country = 'FR'; ALTER TABLE users ALTER country SET NOT NULL"
  expect((await hotswap.migrate('bare', sql)).error?.detail).toContain('the new column is NOT NULL and has no default')
  const { error } = await hotswap.migrate('ruled', sql, `tables: { users: { insert: { country: "'DE'" } } }`)
  expect(error).toBeUndefined()
  await client.query("INSERT INTO users VALUES (2, 'Bo', NULL)")
  const fresh = await hotswap.connect('-c hotswap.version=ruled')
  expect((await fresh.query('SELECT country FROM users ORDER BY id')).rows).toEqual([
    { country: 'FR' },
    { country: 'DE' },
  ])
})

test('what old statements would not survive is rolled back, and listed', async () => {
  hotswap = await startTestHotswap(schema)
  const client = await hotswap.connect()
  const before = hotswap.versions.current()
  const { report, error } = await hotswap.migrate(
    'bad',
    'ALTER TABLE users DROP email; ALTER TABLE posts ALTER title SET NOT NULL; ALTER TABLE posts RENAME TO articles',
  )
  expect(error?.code).toBe('55000')
  expect(error?.detail?.split('\n')).toEqual([
    expect.stringContaining('public.posts.title: it became NOT NULL'),
    expect.stringContaining('public.users.email: the column was dropped'),
  ])
  expect(report).toMatchObject({ ok: false, tries: 1, differences: error?.detail?.split('\n') })
  expect(hotswap.versions.current()).toBe(before)
  expect((await client.query('SELECT email FROM users')).rows).toHaveLength(1)
})

test("an error of the file comes as the server says it, with the file's own position, and traffic goes on", async () => {
  hotswap = await startTestHotswap(schema)
  const client = await hotswap.connect()
  const { error } = await hotswap.migrate(
    'bad',
    'ALTER TABLE users RENAME TO people;\nSELECT nope FROM people',
    'tables: {}',
  )
  expect(error).toMatchObject({ code: '42703', position: '44' })
  expect((await client.query('SELECT id FROM users')).rows).toEqual([{ id: 1 }])
})

test.each([
  ['BEGIN; ALTER TABLE users RENAME TO people; COMMIT', '25001', 'a migration may not begin or end a transaction'],
  ['ROLLBACK', '25001', 'a migration may not begin or end a transaction'],
  [
    'SELECT 1; CREATE INDEX CONCURRENTLY i ON users (name)',
    '25001',
    'CREATE INDEX CONCURRENTLY cannot run in a migration',
  ],
  ['VACUUM users', '25001', 'VACUUM cannot run in a migration'],
  ['REINDEX TABLE CONCURRENTLY users', '25001', 'REINDEX CONCURRENTLY cannot run in a migration'],
  ['ALTER SYSTEM SET work_mem = 1', '25001', 'ALTER SYSTEM cannot run in a migration'],
  ['COPY users FROM STDIN', '0A000', 'COPY FROM STDIN cannot run in a migration'],
  ['ALTER TABEL users', '42601', 'syntax error at or near "TABEL"'],
  ['-- nothing', '42601', 'the migration holds no statement'],
])('%s is refused before anybody is held', async (sql, code, message) => {
  hotswap = await startTestHotswap(schema)
  const { report, error } = await hotswap.migrate('bad', sql)
  expect(error).toMatchObject({ code, message: expect.stringContaining(message) })
  expect(report).toBeUndefined()
})

test('a savepoint is no transaction control', async () => {
  hotswap = await startTestHotswap(schema)
  const { error } = await hotswap.migrate('sp', 'SAVEPOINT a; ALTER TABLE users RENAME TO x; ROLLBACK TO a; RELEASE a')
  expect(error).toBeUndefined()
})

test('a version name that exists, and rules that are wrong, are refused', async () => {
  hotswap = await startTestHotswap(schema)
  expect((await hotswap.migrate('initial', 'SELECT 1')).error?.message).toBe('there is a version "initial" already')
  expect((await hotswap.migrate('x', 'SELECT 1', 'tabels: {}')).error?.detail).toContain(
    'x.yaml:1:1: unknown key "tabels"',
  )
  const { error } = await hotswap.migrate(
    'x',
    'ALTER TABLE users RENAME TO people',
    'tables: { users: { to: persons } }',
  )
  expect(error?.detail).toBe(
    'x.yaml:1:24: the rule says that "users" becomes "persons", but the migration made it public.people',
  )
  expect(hotswap.versions.current().generation.number).toBe(1)
})

test('the migration gives way to an idle transaction, lists it, and succeeds when it has ended', async () => {
  hotswap = await startTestHotswap(schema, { config: { hold: shortHold } })
  const { migrate } = hotswap
  const blocker = await hotswap.connect()
  await blocker.query('BEGIN')
  await blocker.query("SELECT id FROM users WHERE name = 'secret'")
  const other = await hotswap.connect()

  const { report, error, notices } = await migrate('m', 'ALTER TABLE users RENAME TO people')
  expect(error?.code).toBe('55P03')
  expect(error?.detail).toMatch(
    /^backend \d+ of postgres: transaction for \d+ ms: SELECT id FROM users WHERE name = \?$/,
  )
  expect(report).toMatchObject({ ok: false, tries: 3, blockers: [{ state: 'transaction' }] })
  expect(notices[0]).toMatch(
    /^try 1 of 3: (?:transactions under way did not end within|a transaction is older than) \d+ ms/,
  )
  expect((await other.query('SELECT id FROM users')).rows).toEqual([{ id: 1 }])

  await blocker.query('COMMIT')
  expect((await migrate('m', 'ALTER TABLE users RENAME TO people')).report).toMatchObject({ ok: true })
  expect((await blocker.query('SELECT id FROM users')).rows).toEqual([{ id: 1 }])
})

test('a lock that is not to be had makes the migration give way, too', async () => {
  hotswap = await startTestHotswap(schema, { config: { hold: shortHold } })
  const direct = hotswap.database
  const { Client } = (await import('pg')).default
  const outsider = new Client({ connectionString: direct.url })
  await outsider.connect()
  await outsider.query('BEGIN; SELECT * FROM users')
  const { report, error } = await hotswap.migrate('m', 'ALTER TABLE users RENAME TO people')
  await outsider.end()
  expect(error).toMatchObject({ code: '55P03', message: expect.stringContaining('a lock was not to be had in time') })
  expect(report).toMatchObject({ ok: false, tries: 3 })
})

test('a file that runs too long is cancelled and rolled back at once', async () => {
  hotswap = await startTestHotswap(schema, { config: { hold: shortHold } })
  const { report, error } = await hotswap.migrate('m', 'ALTER TABLE users RENAME TO people; SELECT pg_sleep(30)')
  expect(error?.message).toMatch(/^the migration ran longer than the \d+ ms that traffic may be held for it$/)
  expect(report).toMatchObject({ ok: false, tries: 1 })
  const client = await hotswap.connect()
  expect((await client.query('SELECT id FROM users')).rows).toEqual([{ id: 1 }])
})

test('new transactions wait while a migration runs, and none fails', async () => {
  hotswap = await startTestHotswap(schema)
  const clients = await Promise.all(Array.from({ length: 8 }, () => hotswap?.connect()))
  let stop = false
  let queries = 0
  const work = clients.map(async (client) => {
    while (!stop) {
      expect((await client?.query('SELECT name FROM users WHERE id = $1', [1]))?.rows).toEqual([{ name: 'Ada' }])
      queries++
    }
  })
  await waitFor(() => queries > 100)
  const { report } = await hotswap.migrate(
    'm',
    'ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME name TO label',
  )
  const after = queries
  await waitFor(() => queries > after + 100)
  stop = true
  await Promise.all(work)
  expect(report?.ok).toBe(true)
})

test('one migration runs at a time', async () => {
  hotswap = await startTestHotswap(schema, { config: { hold: { ...shortHold, timeoutMs: 2000 } } })
  const blocker = await hotswap.connect()
  await blocker.query('BEGIN')
  const first = hotswap.migrate('first', 'SELECT 1')
  // Connected is not enough: the second could come before the first has sent its file.
  const running = () => hotswap?.proxy.sessions().some(({ kind, state }) => kind === 'migrator' && state === 'active')
  await waitFor(() => running() ?? false)
  expect((await hotswap.migrate('second', 'SELECT 1')).error?.code).toBe('55006')
  await blocker.query('ROLLBACK')
  expect((await first).report?.ok).toBe(true)
})

test('a migration whose client leaves is rolled back, and traffic goes on', async () => {
  hotswap = await startTestHotswap(schema)
  const migrator = await hotswap.connect('-c hotswap.migrate=gone')
  const sent = migrator.query('ALTER TABLE users RENAME TO people; SELECT pg_sleep(0.9)').catch(() => undefined)
  const { Client } = (await import('pg')).default
  const direct = new Client({ connectionString: hotswap.database.url })
  await direct.connect()
  const sleeping = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'ALTER%pg_sleep%' AND wait_event = 'PgSleep'"
  await waitFor(async () => (await direct.query(sleeping)).rows.length > 0)
  // The socket of `pg` is no part of its types.
  ;(migrator as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
  await sent
  const client = await hotswap.connect()
  expect((await client.query('SELECT id FROM users')).rows).toEqual([{ id: 1 }])
  await direct.end()
  expect((await hotswap.migrate('next', 'ALTER TABLE users RENAME TO people')).report?.ok).toBe(true)
})
