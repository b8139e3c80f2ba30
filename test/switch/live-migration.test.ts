import pg from 'pg'
import { afterEach, expect, test } from 'vitest'
import { startTestHotswap, type TestHotswap, waitFor } from '../support/start-hotswap.js'

const schema = `
  CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, email text);
  CREATE TABLE posts (id int PRIMARY KEY, title text);
  CREATE TABLE schema_migrations (version text PRIMARY KEY);
  INSERT INTO users VALUES (1, 'Ada', 'ada@example.org');
`

let hotswap: TestHotswap | undefined
afterEach(async () => {
  await hotswap?.stop()
  hotswap = undefined
})

const versionsOf = ({ versions }: TestHotswap) => versions.current().generation.versions.map(({ name }) => name)
const sessionsOf = ({ proxy }: TestHotswap, kind: string) => proxy.sessions().filter((one) => one.kind === kind)

test('a tool that writes its ledger in the transaction of its DDL: the app goes on, the version has the ledger name', async () => {
  hotswap = await startTestHotswap(schema)
  const app = await hotswap.connect()
  const prepared = { name: 'q', text: 'SELECT name FROM users WHERE id = $1', values: [1] }
  await app.query(prepared)
  const tool = await hotswap.connect()
  await tool.query('SELECT version FROM schema_migrations')
  await tool.query('BEGIN')
  await tool.query('ALTER TABLE users RENAME name TO full_name')
  await tool.query("INSERT INTO schema_migrations VALUES ('20261123')")
  await tool.query('COMMIT')
  expect(versionsOf(hotswap)).toEqual(['initial', '20261123'])
  expect((await app.query(prepared)).rows).toEqual([{ name: 'Ada' }])
  expect((await tool.query('SELECT full_name FROM users')).rows).toEqual([{ full_name: 'Ada' }])
})

test('a ledger entry whose values are bound, in text or binary, names the version', async () => {
  hotswap = await startTestHotswap(schema)
  const tool = await hotswap.connect('-c hotswap.run=on')
  const entry = 'INSERT INTO schema_migrations (version) VALUES ($1)'
  for (const [column, bound] of [
    ['name', '20260102030405'],
    ['email', Buffer.from('20260102030406')],
  ] as const) {
    await tool.query('BEGIN')
    await tool.query({ text: `ALTER TABLE users RENAME ${column} TO new_${column}`, values: [] })
    await tool.query({ text: entry, values: [bound] })
    await tool.query('COMMIT')
  }
  expect(versionsOf(hotswap)).toEqual(['initial', '20260102030405', '20260102030406'])
})

test('an entry made before its migration, in a transaction of its own, names all that the migration does', async () => {
  hotswap = await startTestHotswap(
    `${schema} CREATE TABLE _prisma_migrations (id text, migration_name text, finished_at timestamptz)`,
  )
  const tool = await hotswap.connect()
  const ahead = 'INSERT INTO _prisma_migrations (id, migration_name) VALUES ($1, $2)'
  await tool.query({ text: ahead, values: ['a', '2026_full_name'] })
  await tool.query('ALTER TABLE users RENAME name TO full_name; ALTER TABLE users RENAME email TO mail')
  await tool.query('ALTER TABLE posts RENAME TO articles')
  await tool.query({ text: 'UPDATE _prisma_migrations SET finished_at = now() WHERE id = $1', values: ['a'] })
  await tool.query('ALTER TABLE articles RENAME title TO headline')
  expect(versionsOf(hotswap)).toEqual(['initial', '2026_full_name', '2026_full_name.2', '0003-migration'])
})

test('an entry made outside the transaction of its migration, after it, does not name the next one', async () => {
  hotswap = await startTestHotswap(schema)
  const tool = await hotswap.connect('-c hotswap.run=on')
  await tool.query('ALTER TABLE posts RENAME TO articles')
  await tool.query("INSERT INTO schema_migrations VALUES ('articles')")
  await tool.query('ALTER TABLE articles RENAME title TO headline')
  expect(versionsOf(hotswap)).toEqual(['initial', '0001-migration', '0002-migration'])
})

test('new transactions of the app wait from the DDL to the COMMIT, and none fails', async () => {
  hotswap = await startTestHotswap(schema)
  const app = await hotswap.connect()
  const tool = await hotswap.connect('-c hotswap.run=on')
  await tool.query('BEGIN')
  await tool.query('ALTER TABLE users RENAME TO people')
  const waiting = app.query('SELECT name FROM users')
  await waitFor(() => sessionsOf(hotswap as TestHotswap, 'app').some(({ state }) => state === 'held'))
  await tool.query('COMMIT')
  expect((await waiting).rows).toEqual([{ name: 'Ada' }])
})

test('one Query with BEGIN, DDL and COMMIT, and one of several statements without them, are switches', async () => {
  hotswap = await startTestHotswap(schema)
  const app = await hotswap.connect()
  const tool = await hotswap.connect('-c hotswap.run=on')
  await tool.query('BEGIN; ALTER TABLE users RENAME name TO full_name; COMMIT')
  expect(versionsOf(hotswap)).toHaveLength(2)
  await tool.query("ALTER TABLE users RENAME full_name TO label; INSERT INTO users VALUES (2, 'Bo', NULL)")
  expect(versionsOf(hotswap)).toHaveLength(3)
  expect((await app.query('SELECT name FROM users ORDER BY id')).rows).toEqual([{ name: 'Ada' }, { name: 'Bo' }])
})

test('DDL outside a transaction block, by simple and by extended protocol, is a switch of its own', async () => {
  hotswap = await startTestHotswap(schema)
  const app = await hotswap.connect()
  const tool = await hotswap.connect('-c hotswap.run=on')
  await tool.query('ALTER TABLE users RENAME name TO full_name')
  await tool.query({ text: 'ALTER TABLE users RENAME email TO mail', values: [], name: 'ddl' })
  expect(versionsOf(hotswap)).toHaveLength(3)
  expect((await app.query('SELECT name, email FROM users')).rows).toEqual([{ name: 'Ada', email: 'ada@example.org' }])
  expect((await tool.query({ text: 'SELECT mail FROM users WHERE id = $1', values: [1] })).rows).toHaveLength(1)
})

test('a migration that the app would not survive is answered at COMMIT, and nothing has changed', async () => {
  hotswap = await startTestHotswap(schema)
  const app = await hotswap.connect()
  const tool = await hotswap.connect('-c hotswap.run=on')
  await tool.query('BEGIN')
  await tool.query('ALTER TABLE users ADD country text NOT NULL DEFAULT 0')
  await tool.query('ALTER TABLE users ALTER country DROP DEFAULT')
  await expect(tool.query('COMMIT')).rejects.toMatchObject({ code: '55000' })
  expect(versionsOf(hotswap)).toEqual(['initial'])
  await app.query("INSERT INTO users VALUES (3, 'Cy', NULL)")
  await expect(tool.query('SELECT country FROM users')).rejects.toMatchObject({ code: '42703' })
})

test('the error of a failed statement comes with its place in the whole Query, and takes the rest of it back', async () => {
  hotswap = await startTestHotswap(schema)
  const tool = await hotswap.connect('-c hotswap.run=on')
  const text = 'ALTER TABLE users RENAME name TO full_name; ALTER TABLE posts ADD x nosuch'
  await expect(tool.query(text)).rejects.toMatchObject({ code: '42704', position: String(text.indexOf('nosuch') + 1) })
  expect((await tool.query('SELECT name FROM users')).rows).toHaveLength(1)
  expect(versionsOf(hotswap)).toEqual(['initial'])
})

test('ROLLBACK lets traffic go on, and changes nothing', async () => {
  hotswap = await startTestHotswap(schema)
  const app = await hotswap.connect()
  const tool = await hotswap.connect('-c hotswap.run=on')
  await tool.query('BEGIN')
  await tool.query('ALTER TABLE users RENAME TO people')
  await tool.query('ROLLBACK')
  expect((await app.query('SELECT name FROM users')).rows).toEqual([{ name: 'Ada' }])
  expect(versionsOf(hotswap)).toEqual(['initial'])
})

test('a tool that thinks for too long is rolled back, told why, and the app goes on', async () => {
  hotswap = await startTestHotswap(schema, {
    config: { hold: { timeoutMs: 1000, lockTimeoutMs: 100, retries: 5, checkMs: 1000 } },
  })
  const app = await hotswap.connect()
  const tool = await hotswap.connect('-c hotswap.run=on')
  await tool.query('BEGIN')
  await tool.query('ALTER TABLE users RENAME TO people')
  expect((await app.query('SELECT name FROM users')).rows).toEqual([{ name: 'Ada' }])
  await expect(tool.query('SELECT 1')).rejects.toMatchObject({ code: '57014' })
  await expect(tool.query('COMMIT')).rejects.toMatchObject({ code: '57014' })
  await tool.query('ALTER TABLE users RENAME TO people')
  expect((await app.query('SELECT name FROM users')).rows).toEqual([{ name: 'Ada' }])
})

test('a lock that is not to be had is waited for while traffic flows', async () => {
  hotswap = await startTestHotswap(schema, {
    config: { hold: { timeoutMs: 1000, lockTimeoutMs: 50, retries: 20, checkMs: 500 } },
  })
  const app = await hotswap.connect()
  const outside = new pg.Client({ connectionString: hotswap.database.url })
  await outside.connect()
  await outside.query('BEGIN; LOCK TABLE users IN ACCESS SHARE MODE')
  const tool = await hotswap.connect('-c hotswap.run=on')
  const notices: string[] = []
  tool.on('notice', ({ message = '' }) => notices.push(message))
  const running = tool.query('ALTER TABLE users RENAME TO people')
  await waitFor(() => notices.length > 1)
  expect((await app.query('SELECT name FROM users')).rows).toHaveLength(1)
  await outside.end()
  await running
  expect(versionsOf(hotswap)).toHaveLength(2)
  expect((await app.query('SELECT name FROM users')).rows).toHaveLength(1)
})

test('Ecto: one connection locks the ledger in a transaction while another one runs the DDL', async () => {
  hotswap = await startTestHotswap(schema)
  const app = await hotswap.connect()
  const locker = await hotswap.connect()
  await locker.query('BEGIN')
  await locker.query('LOCK TABLE schema_migrations IN SHARE UPDATE EXCLUSIVE MODE')
  const runner = await hotswap.connect()
  await runner.query('BEGIN')
  await runner.query({ text: 'ALTER TABLE users RENAME TO people', name: 'ecto_1', values: [] })
  await runner.query({ text: 'INSERT INTO schema_migrations VALUES ($1)', values: ['1'] })
  await runner.query('COMMIT')
  await locker.query('COMMIT')
  expect(versionsOf(hotswap)).toHaveLength(2)
  expect((await app.query('SELECT name FROM users')).rows).toHaveLength(1)
})

test('Flyway: one connection locks and reads the ledger in a transaction, and writes it before another one commits the DDL', async () => {
  hotswap = await startTestHotswap(schema)
  const app = await hotswap.connect()
  const [locker, runner] = [await hotswap.connect(), await hotswap.connect()]
  await locker.query('BEGIN')
  await locker.query({ text: 'SELECT pg_try_advisory_xact_lock($1)', values: [77] })
  await locker.query({ text: 'SELECT version FROM schema_migrations WHERE version > $1', values: ['0'] })
  await runner.query('BEGIN')
  await runner.query({ text: 'ALTER TABLE users RENAME TO people', name: 'flyway_1', values: [] })
  await locker.query({ text: 'INSERT INTO schema_migrations (version) VALUES ($1)', values: ['V2__people.sql'] })
  await runner.query('COMMIT')
  await locker.query('COMMIT')
  await runner.query('ALTER TABLE people RENAME name TO full_name')
  expect(versionsOf(hotswap)).toEqual(['initial', 'V2__people.sql', '0002-migration'])
  expect((await app.query('SELECT name FROM users')).rows).toHaveLength(1)
})

test.each([
  ['another application_name', 'flyway', 'BEGIN; SELECT pg_advisory_xact_lock(1); SELECT FROM schema_migrations'],
  ['no lock', '', 'BEGIN; SELECT FROM schema_migrations'],
  ['a ledger read before the lock', '', 'BEGIN; SELECT FROM schema_migrations; SELECT pg_advisory_xact_lock(1)'],
  ['a transaction that has ended', '', 'SELECT pg_advisory_xact_lock(1); SELECT FROM schema_migrations'],
])('DDL beside a session with %s is that of an app, and neither becomes a tool', async (_, name, sql) => {
  hotswap = await startTestHotswap(schema, { config: { store: true } })
  const [reader, app] = [await hotswap.connect(), await hotswap.connect()]
  await reader.query(`SET application_name = '${name}'`)
  for (const statement of sql.split('; ')) await reader.query(statement)
  await expect(app.query('ALTER TABLE users RENAME TO people')).rejects.toMatchObject({ code: '0A000' })
  expect(sessionsOf(hotswap, 'tool')).toEqual([])
  await reader.query('ROLLBACK')
})

test('an app that reads the ledger stays an app', async () => {
  hotswap = await startTestHotswap(schema)
  const app = await hotswap.connect()
  await app.query('SELECT max(version) FROM schema_migrations')
  await hotswap.migrate('one', 'ALTER TABLE users RENAME TO people')
  expect((await app.query('SELECT name FROM users')).rows).toHaveLength(1)
  expect(sessionsOf(hotswap, 'tool')).toEqual([])
})

test('a tool that is gone in the middle of its migration lets traffic go on', async () => {
  hotswap = await startTestHotswap(schema)
  const app = await hotswap.connect()
  const tool = await hotswap.connect('-c hotswap.run=on')
  await tool.query('BEGIN')
  await tool.query('ALTER TABLE users RENAME TO people')
  ;(tool as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
  expect((await app.query('SELECT name FROM users')).rows).toEqual([{ name: 'Ada' }])
})

test('CREATE INDEX CONCURRENTLY, new tables and new functions hold nobody', async () => {
  hotswap = await startTestHotswap(schema)
  const app = await hotswap.connect()
  await app.query('BEGIN; SELECT title FROM posts')
  const tool = await hotswap.connect('-c hotswap.run=on')
  await tool.query('CREATE INDEX CONCURRENTLY ON users (name)')
  await tool.query('BEGIN; CREATE TABLE fresh (id int); CREATE FUNCTION f() RETURNS int RETURN 1; COMMIT')
  await app.query('COMMIT')
  expect(versionsOf(hotswap)).toEqual(['initial'])
})

test('a query that calls a function of the users holds traffic, with parameters too, in a block and outside', async () => {
  hotswap = await startTestHotswap(`${schema}
    CREATE FUNCTION rename_column(table_name text, old text, new text) RETURNS text LANGUAGE plpgsql AS $$
      BEGIN EXECUTE format('ALTER TABLE %I RENAME %I TO %I', table_name, old, new); RETURN new; END $$;
`)
  const app = await hotswap.connect()
  const tool = await hotswap.connect('-c hotswap.run=on')
  const call = (...values: string[]) => ({ text: 'SELECT rename_column($1, $2, $3) AS done', values })
  expect((await tool.query(call('users', 'name', 'full_name'))).rows).toEqual([{ done: 'full_name' }])
  expect(versionsOf(hotswap)).toEqual(['initial', '0001-migration'])
  await tool.query('BEGIN')
  expect((await tool.query({ ...call('users', 'email', 'mail'), name: 'named' })).rows).toEqual([{ done: 'mail' }])
  const waiting = app.query('SELECT name, email FROM users')
  await waitFor(() => sessionsOf(hotswap as TestHotswap, 'app').some(({ state }) => state === 'held'))
  expect((await tool.query({ ...call('posts', 'title', 'headline'), name: 'named' })).rows).toEqual([
    { done: 'headline' },
  ])
  await tool.query('COMMIT')
  expect((await waiting).rows).toEqual([{ name: 'Ada', email: 'ada@example.org' }])
  expect(versionsOf(hotswap)).toEqual(['initial', '0001-migration', '0002-migration'])
  await tool.query('BEGIN')
  await expect(tool.query(call('nosuch', 'a', 'b'))).rejects.toMatchObject({ code: '42P01' })
  // The failed transaction holds nobody.
  expect((await app.query('SELECT name FROM users')).rows).toEqual([{ name: 'Ada' }])
  await tool.query('ROLLBACK')
  await expect(tool.query(call('nosuch', 'a', 'b'))).rejects.toMatchObject({ code: '42P01' })
  expect((await tool.query(call('posts', 'headline', 'title'))).rows).toEqual([{ done: 'title' }])
})

test('a migration that forgets all prepared statements, ours among them, is compared all the same', async () => {
  hotswap = await startTestHotswap(schema)
  const app = await hotswap.connect()
  await app.query('SELECT name FROM users')
  const tool = await hotswap.connect('-c hotswap.run=on')
  await tool.query('BEGIN; ALTER TABLE users RENAME name TO full_name; DEALLOCATE ALL')
  await tool.query('ALTER TABLE posts RENAME TO articles')
  await tool.query('COMMIT')
  expect((await app.query('SELECT u.name, p.title FROM users u LEFT JOIN posts p ON false')).rows).toEqual([
    { name: 'Ada', title: null },
  ])
  expect(versionsOf(hotswap)).toEqual(['initial', '0001-migration'])
})

const makeRenamer = `CREATE FUNCTION rename_it() RETURNS void LANGUAGE plpgsql AS $$
  BEGIN ALTER TABLE users RENAME name TO full_name; END $$`

test.each([
  ['in one text', [`${makeRenamer}; SELECT rename_it()`]],
  ['in one transaction', ['BEGIN', makeRenamer, 'SELECT rename_it()', 'COMMIT']],
  ['one after the other', [makeRenamer, 'SELECT public.rename_it()']],
])('a function that the session itself has made holds traffic when it is called: %s', async (_, texts) => {
  hotswap = await startTestHotswap(schema)
  const app = await hotswap.connect()
  const tool = await hotswap.connect('-c hotswap.run=on')
  for (const text of texts) await tool.query(text)
  expect(versionsOf(hotswap)).toEqual(['initial', '0001-migration'])
  expect((await app.query('SELECT name FROM users')).rows).toEqual([{ name: 'Ada' }])
})

test('an app that migrates when it starts goes on with the same connection, through the next migration of another one', async () => {
  hotswap = await startTestHotswap(schema)
  const app = await hotswap.connect()
  await app.query('SELECT version FROM schema_migrations')
  await app.query('BEGIN; ALTER TABLE posts RENAME TO articles')
  await app.query("INSERT INTO schema_migrations VALUES ('20260101'); COMMIT")
  const prepared = { name: 'q', text: 'SELECT a.title, u.name FROM users u LEFT JOIN articles a ON false', values: [] }
  expect((await app.query(prepared)).rows).toEqual([{ title: null, name: 'Ada' }])
  expect(sessionsOf(hotswap, 'tool')).toEqual([])
  const tool = await hotswap.connect('-c hotswap.run=on')
  await tool.query('ALTER TABLE users RENAME name TO full_name; ALTER TABLE users RENAME email TO name')
  expect((await app.query(prepared)).rows).toEqual([{ title: null, name: 'Ada' }])
  expect((await app.query('SELECT name FROM users')).rows).toEqual([{ name: 'Ada' }])
  // Its open transaction is waited for, as any app's.
  await app.query('BEGIN; SELECT name FROM users')
  const switching = tool.query('ALTER TABLE users RENAME name TO mail')
  const other = await hotswap.connect()
  let committed = false
  const asking = (async () => {
    while (!committed) expect((await other.query('SELECT name FROM users')).rows).toEqual([{ name: 'Ada' }])
  })()
  await waitFor(() => sessionsOf(hotswap as TestHotswap, 'app').some(({ state }) => state === 'held'))
  committed = true
  await app.query('COMMIT')
  await switching
  await asking
  expect((await app.query('SELECT email FROM users')).rows).toEqual([{ email: 'ada@example.org' }])
  // And it migrates again, by statements that it has prepared.
  const entry = { name: 'entry', text: 'INSERT INTO schema_migrations VALUES ($1)' }
  await app.query({ ...entry, values: ['20260101.5'] })
  await app.query('SELECT 1')
  expect(sessionsOf(hotswap, 'tool')).toHaveLength(1)
  await app.query({ ...entry, values: ['20260101.6'] })
  expect(sessionsOf(hotswap, 'tool')).toHaveLength(2)
  await app.query("ALTER TABLE users RENAME mail TO post; INSERT INTO schema_migrations VALUES ('20260102')")
  expect(versionsOf(hotswap)).toEqual(['initial', '20260101', '0002-migration', '0003-migration', '20260102'])
  expect((await app.query('SELECT post, full_name FROM users')).rows).toEqual([
    { post: 'ada@example.org', full_name: 'Ada' },
  ])
})

test('an app of an old version that finds nothing to migrate goes on with its version', async () => {
  hotswap = await startTestHotswap(schema)
  const tool = await hotswap.connect('-c hotswap.run=on')
  await tool.query('ALTER TABLE users RENAME name TO full_name; ALTER TABLE users RENAME email TO name')
  const app = await hotswap.connect()
  await app.query('BEGIN; LOCK TABLE schema_migrations IN SHARE UPDATE EXCLUSIVE MODE; COMMIT')
  expect((await app.query('SELECT name FROM users')).rows).toEqual([{ name: 'Ada' }])
})

test('DDL in a transaction that has failed is answered by the server, and holds nobody', async () => {
  hotswap = await startTestHotswap(schema)
  const tool = await hotswap.connect('-c hotswap.run=on')
  await tool.query('BEGIN')
  await expect(tool.query('SELECT nosuch')).rejects.toMatchObject({ code: '42703' })
  await expect(tool.query('ALTER TABLE users RENAME TO people')).rejects.toMatchObject({ code: '25P02' })
  await tool.query('ROLLBACK')
  await tool.query('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1')
  await expect(tool.query('ALTER TABLE users RENAME TO people')).rejects.toMatchObject({ code: '0A000' })
  await tool.query('ROLLBACK')
})

test('a role that does not own the table holds nobody', async () => {
  hotswap = await startTestHotswap(schema)
  const app = await hotswap.connect()
  await app.query('BEGIN; SELECT name FROM users')
  const tool = await hotswap.connect('-c hotswap.run=on')
  await tool.query('SET ROLE pg_monitor')
  await expect(tool.query('ALTER TABLE users RENAME TO people')).rejects.toMatchObject({ code: '42501' })
  await app.query('COMMIT')
})

test('a migration that the app waits for, while it waits for the app, gives way at once and gives its locks back', async () => {
  hotswap = await startTestHotswap(schema)
  const app = await hotswap.connect()
  await app.query('BEGIN; SELECT name FROM users')
  const tool = await hotswap.connect('-c hotswap.run=on')
  await tool.query('BEGIN')
  await tool.query('CREATE INDEX ON posts (title)')
  const writing = app.query("INSERT INTO posts VALUES (1, 'T')")
  const since = performance.now()
  await expect(tool.query('ALTER TABLE users RENAME TO people')).rejects.toMatchObject({
    code: '55P03',
    hint: expect.stringContaining('come first'),
  })
  await writing
  expect(performance.now() - since).toBeLessThan(5_000)
  await app.query('COMMIT')
  await expect(tool.query('SELECT 1')).rejects.toMatchObject({ code: '25P02' })
  await tool.query('ROLLBACK')
})

test('a transaction under way that waits for an idle client of the app makes the migration give way at once', async () => {
  hotswap = await startTestHotswap(schema, {
    config: { hold: { timeoutMs: 5000, lockTimeoutMs: 100, retries: 20, checkMs: 500 } },
  })
  const [idle, waiting] = [await hotswap.connect(), await hotswap.connect()]
  await idle.query('SELECT pg_advisory_lock(7)')
  const locked = waiting.query('SELECT pg_advisory_lock(7)')
  await waitFor(() => sessionsOf(hotswap as TestHotswap, 'app').some(({ state }) => state === 'active'))
  const tool = await hotswap.connect('-c hotswap.run=on')
  const notices: string[] = []
  tool.on('notice', ({ message = '' }) => notices.push(message))
  const migrating = tool.query('ALTER TABLE users RENAME TO people')
  await waitFor(() => notices.length > 0)
  expect(notices[0]).toContain('waits for a backend')
  await idle.query('SELECT pg_advisory_unlock(7)')
  await locked
  await migrating
})

test('new code on an old connection: what only a newer version knows is taken for its statement', async () => {
  hotswap = await startTestHotswap(schema)
  const app = await hotswap.connect()
  await hotswap.migrate('one', 'ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME name TO full_name')
  await hotswap.migrate('two', 'ALTER TABLE people RENAME TO persons')
  expect((await app.query('SELECT full_name FROM persons')).rows).toEqual([{ full_name: 'Ada' }])
  expect((await app.query({ text: 'SELECT p.full_name FROM people p WHERE id = $1', values: [1] })).rows).toHaveLength(
    1,
  )
  expect((await app.query('SELECT name FROM users')).rows).toEqual([{ name: 'Ada' }])
  await expect(app.query('SELECT nosuch FROM users')).rejects.toMatchObject({ code: '42703' })
  expect(hotswap.proxy.counters().newer).toBe(2)
})

test('with a store, DDL of a session that is no migrator is refused, but for what only it can see', async () => {
  hotswap = await startTestHotswap(schema)
  const app = await hotswap.connect()
  await expect(app.query('ALTER TABLE users ADD age int')).rejects.toMatchObject({
    code: '0A000',
    hint: expect.stringContaining('pg-hotswap run'),
  })
  await app.query('CREATE TEMP TABLE mine (a int)')
  await app.query('ALTER TABLE mine ADD b int')
  await app.query('DROP TABLE mine')
  await app.query('CREATE TABLE fresh (a int)')
  await app.query('ALTER TABLE fresh ADD b int')
})

test('the statistics of a column whose type changed are made again', async () => {
  hotswap = await startTestHotswap(schema)
  const tool = await hotswap.connect('-c hotswap.run=on')
  await tool.query('ALTER TABLE users ALTER id TYPE bigint')
  const count = async () =>
    (await tool.query("SELECT 1 FROM pg_stats WHERE tablename = 'users' AND attname = 'id'")).rows.length
  await waitFor(async () => (await count()) === 1)
})

test('a Query whose COMMIT is refused is answered by the error alone, as where the server refuses it', async () => {
  hotswap = await startTestHotswap(schema)
  const tool = await hotswap.connect('-c hotswap.run=on')
  const tags: string[] = []
  const { connection } = tool as unknown as { connection: NodeJS.EventEmitter }
  connection.on('commandComplete', ({ text }: { text: string }) => tags.push(text))
  await expect(tool.query('SELECT 1; ALTER TABLE users DROP email')).rejects.toMatchObject({ code: '55000' })
  expect(tags).toEqual(['SELECT 1'])
  await tool.query('ALTER TABLE users RENAME email TO mail')
  expect(tags).toEqual(['SELECT 1', 'ALTER TABLE'])
})
