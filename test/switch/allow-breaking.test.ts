import type pg from 'pg'
import { afterEach, expect, test } from 'vitest'
import { decodeReport, type MigrationReport } from '../../src/switch/migration-report.js'
import { createDatabase, type TestDatabase } from '../support/database.js'
import { waitFor } from '../support/start-hotswap.js'
import { mustStartOn, type ProxyOfDatabase, type StartSettings } from './store/start-on.js'

const schema = `
  CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, email text, at timestamp, code uuid);
  CREATE TABLE logs (id int, line text);
  CREATE TABLE posts (id int PRIMARY KEY, title text);
  CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2';
  INSERT INTO users VALUES (1, 'Ada', 'ada@example.org', '2020-01-01', NULL);
  INSERT INTO posts VALUES (1, 'T');
`
const lossy = `
  ALTER TABLE users RENAME TO people;
  ALTER TABLE people DROP email;
  ALTER TABLE people ALTER at TYPE timestamptz;
  ALTER TABLE people ALTER code TYPE bytea USING code::text::bytea;
  DROP TABLE logs;
  CREATE VIEW logs AS SELECT 1 AS id;
  DROP FUNCTION twice;
  ALTER TABLE posts ALTER title SET NOT NULL`

let database: TestDatabase | undefined
const proxies: ProxyOfDatabase[] = []
afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.stop()
  await database?.drop()
  database = undefined
})

async function start(settings: StartSettings = {}): Promise<ProxyOfDatabase> {
  database ??= await createDatabase(schema)
  const proxy = await mustStartOn(database.url, settings)
  proxies.push(proxy)
  return proxy
}

async function restart(proxy: ProxyOfDatabase, settings: StartSettings = {}): Promise<ProxyOfDatabase> {
  await proxy.stop()
  proxies.splice(proxies.indexOf(proxy), 1)
  return await start(settings)
}

interface Allowed {
  readonly error: pg.DatabaseError | undefined
  readonly report: MigrationReport | undefined
}

/** As `pg-hotswap migrate --allow-breaking`. */
async function allow(proxy: ProxyOfDatabase, name: string, sql: string): Promise<Allowed> {
  const client = await proxy.connect(`-c hotswap.migrate=${name} -c hotswap.allow_breaking=on`)
  const reports: (MigrationReport | undefined)[] = []
  client.on('notice', ({ message = '' }) => reports.push(decodeReport(message)))
  const error = await client.query(sql).then(
    () => undefined,
    (thrown: pg.DatabaseError) => thrown,
  )
  return { error, report: reports.find((report) => report !== undefined) }
}

async function failure(client: pg.Client, sql: string): Promise<pg.DatabaseError> {
  return await client.query(sql).then(
    () => {
      throw new Error(`not refused: ${sql}`)
    },
    (error: pg.DatabaseError) => error,
  )
}

/** Old statements meet what was lost, and nothing else. */
async function expectLosses(client: pg.Client): Promise<void> {
  expect((await client.query('SELECT id, name FROM users')).rows).toEqual([{ id: 1, name: 'Ada' }])
  expect((await client.query('SELECT * FROM posts')).rows).toEqual([{ id: 1, title: 'T' }])
  for (const [sql, code, message] of [
    ['SELECT email FROM users', '0A000', 'column "email" of "users" was lost in a migration: the column was dropped'],
    ['SELECT * FROM users', '0A000', 'was lost in a migration'],
    ['SELECT at FROM users', '0A000', 'its type changed from timestamp without time zone to timestamp with time zone'],
    ['SELECT code FROM users', '0A000', 'PostgreSQL has no cast from bytea to uuid and back'],
    ["INSERT INTO users VALUES (2, 'Bo', NULL, NULL, NULL)", '0A000', 'was lost in a migration'],
    ['UPDATE users SET email = NULL', '0A000', 'was lost in a migration'],
    ['SELECT id FROM logs', '42P01', 'relation "logs" no longer exists'],
    ['SELECT twice(1)', '42883', 'function "twice" no longer exists'],
    ['UPDATE posts SET title = NULL', '23502', 'null value in column "title"'],
  ] as const) {
    const error = await failure(client, sql)
    expect([sql, error.code, error.message]).toEqual([sql, code, expect.stringContaining(message)])
  }
  await client.query('BEGIN')
  await client.query("INSERT INTO users (id, name) VALUES (2, 'Bo')")
  await client.query("UPDATE users SET name = 'Eva' WHERE id = 1")
  expect((await client.query('SELECT name FROM users ORDER BY id')).rows).toEqual([{ name: 'Eva' }, { name: 'Bo' }])
  await client.query('ROLLBACK')
}

test('without the word it is rolled back, with the list and the rule to fill in', async () => {
  const proxy = await start()
  const client = await proxy.connect()
  const error = await proxy.migrate('lossy', lossy)
  expect(error?.code).toBe('55000')
  expect(error?.detail?.split('\n').map((line) => line.replace(/ \(.*/, ''))).toEqual([
    'public.logs: the table was dropped',
    'public.posts.title: it became NOT NULL',
    'public.twice: the function was dropped',
    'public.users.email: the column was dropped',
    'public.users.at: its type changed from timestamp without time zone to timestamp with time zone',
    'public.users.code: PostgreSQL has no cast from bytea to uuid and back',
  ])
  expect(
    error?.hint,
  ).toBe(`To let it break what is listed, run it with --allow-breaking; or fill this in, as a rule file for this migration:
tables:
  public.posts:
    columns:
      title:
        same_meaning: true
  public.users:
    columns:
      email:
        dropped: true
        type: text
        read: ...
      at:
        type: timestamp without time zone
        read: ...
        write: ...
      code:
        type: uuid
        read: ...
        write: ...
`)
  expect(proxy.versionNames()).toEqual(['initial'])
  expect((await client.query('SELECT email FROM users')).rows).toHaveLength(1)
  expect((await client.query('SELECT twice(2)')).rows).toEqual([{ twice: 4 }])
})

test('the rule, filled in, answers what it can', async () => {
  const proxy = await start()
  const sql = 'ALTER TABLE users DROP email, ALTER at TYPE timestamptz; ALTER TABLE posts ALTER title SET NOT NULL'
  const { hint = '' } = (await proxy.migrate('one', sql)) ?? {}
  const values = [`"'gone'"`, `"at AT TIME ZONE 'UTC'"`, `"value AT TIME ZONE 'UTC'"`]
  const rule = hint.slice(hint.indexOf('tables:')).replaceAll('...', () => values.shift() ?? '')
  expect(await proxy.migrate('one', sql, rule)).toBeUndefined()
  const { rows } = await (await proxy.connect()).query('SELECT * FROM users')
  expect(rows).toMatchObject([{ id: 1, name: 'Ada', email: 'gone', at: new Date(2020, 0, 1) }])
})

test('with the word it is committed and told; what uses a loss is refused, all else goes on, and so after a restart', async () => {
  let proxy = await start()
  const old = await proxy.connect()
  const { error, report } = await allow(proxy, 'lossy', lossy)
  expect(error).toBeUndefined()
  expect(report).toMatchObject({ ok: true, version: 'lossy' })
  expect(report?.changed).toEqual(
    expect.arrayContaining(['public.users -> public.people', 'public.logs (dropped)', 'public.twice (dropped)']),
  )
  expect(report?.broken.map((line) => line.replace(/ \(.*/, ''))).toEqual(
    expect.arrayContaining([
      'public.logs: the table was dropped',
      'public.posts.title: it became NOT NULL',
      'public.users.email: the column was dropped',
    ]),
  )
  expect(report?.rule).toBeUndefined()
  expect(report?.fillIn).toContain('email:\n        type: text\n')
  const told = proxy.log.find(({ message }) => message === 'a migration breaks old statements, as its author allowed')
  expect(told?.fields).toMatchObject({ version: 'lossy', broken: report?.broken })
  await expectLosses(old)
  const fresh = await proxy.connect('-c hotswap.version=lossy')
  expect((await fresh.query('SELECT id FROM logs')).rows).toEqual([{ id: 1 }])

  const { steps } = proxy.versions.current().generation
  proxy = await restart(proxy)
  expect(proxy.versionNames()).toEqual(['initial', 'lossy'])
  expect(proxy.versions.current().generation.steps).toEqual(steps)
  expect(proxy.versions.unexplained).toEqual([])
  await expectLosses(await proxy.connect())

  // What comes later stands on it.
  expect(await proxy.migrate('later', 'ALTER TABLE people RENAME name TO label')).toBeUndefined()
  await expectLosses(await proxy.connect())
})

test('a rule file of the name of the step heals it by a reload, and after a restart', async () => {
  let proxy = await start()
  const client = await proxy.connect()
  expect((await allow(proxy, 'lossy', lossy)).error).toBeUndefined()
  const { hint } = await failure(client, 'SELECT email FROM users')
  expect(hint).toContain('when the rule file lossy.yaml says what it is: say what old statements read: tables:')

  const rule = `tables: { public.users: { to: public.people, columns: {
    email: { dropped: true, type: text, read: "name || '@example.org'" },
    at: { to: at, time_zone: UTC } } } }`
  await proxy.writeRule('lossy.yaml', rule)
  expect(await proxy.versions.reload()).toMatchObject({ ok: true })
  const healed = async (old: pg.Client) => {
    expect((await old.query('SELECT email, at FROM users')).rows).toMatchObject([{ email: 'Ada@example.org' }])
    expect((await old.query('SELECT at FROM users')).fields[0]?.dataTypeID).toBe(1114)
    await old.query('BEGIN')
    await old.query("INSERT INTO users (id, name, email, at) VALUES (2, 'Bo', 'x', '2021-02-03 04:05')")
    expect((await old.query("SELECT at::text FROM users WHERE email = 'Bo@example.org'")).rows).toEqual([
      { at: '2021-02-03 04:05:00' },
    ])
    await old.query('ROLLBACK')
    // Of this one nothing is said.
    expect((await failure(old, 'SELECT code FROM users')).code).toBe('0A000')
    expect((await failure(old, 'SELECT * FROM users')).code).toBe('0A000')
  }
  await healed(client)
  proxy = await restart(proxy, { rules: { 'lossy.yaml': rule } })
  await healed(await proxy.connect())

  await proxy.writeRule(
    'lossy.yaml',
    'tables: { public.users: { columns: { email: { type: text, read: "nobody" } } } }',
  )
  expect(await proxy.versions.reload()).toMatchObject({ ok: false })
  await healed(await proxy.connect())
})

test('a rule file of the name of a step that breaks nothing says nothing new', async () => {
  const proxy = await start()
  expect(await proxy.migrate('one', 'ALTER TABLE users RENAME TO people')).toBeUndefined()
  await proxy.writeRule(
    'one.yaml',
    'tables: { public.users: { columns: { email: { type: text, read: "\'x\'", read_only: true } } } }',
  )
  expect(await proxy.versions.reload()).toMatchObject({ ok: true })
  const { rows } = await (await proxy.connect()).query('SELECT email FROM users')
  expect(rows).toEqual([{ email: 'ada@example.org' }])
})

test('what changes the meaning of values is allowed as it is', async () => {
  const proxy = await start()
  const client = await proxy.connect()
  const sql = "ALTER TABLE posts ALTER id TYPE bigint USING id * 100; UPDATE posts SET title = upper(title) || '!'"
  expect((await proxy.migrate('meaning', sql))?.detail?.split('\n')).toEqual([
    expect.stringContaining('public.posts.id: its values were changed by ALTER TYPE ... USING'),
    expect.stringContaining('public.posts: its column "title" is changed by UPDATE'),
  ])
  const { error, report } = await allow(proxy, 'meaning', sql)
  expect([error, report?.broken.length]).toEqual([undefined, 2])
  const { rows, fields } = await client.query('SELECT * FROM posts')
  expect([rows, fields[0]?.dataTypeID]).toEqual([[{ id: 100, title: 'T!' }], 23])
})

test('a new column without a value is told by the server', async () => {
  const proxy = await start()
  const client = await proxy.connect()
  const sql = "ALTER TABLE posts ADD lang text NOT NULL DEFAULT 'en'; ALTER TABLE posts ALTER lang DROP DEFAULT"
  expect((await allow(proxy, 'lang', sql)).error).toBeUndefined()
  expect((await client.query('SELECT * FROM posts')).rows).toEqual([{ id: 1, title: 'T' }])
  expect((await failure(client, "INSERT INTO posts VALUES (2, 'U')")).code).toBe('23502')
})

test('a type that may not hold what is written is cast, and the server tells what does not fit', async () => {
  const proxy = await start()
  const client = await proxy.connect()
  await client.query("UPDATE posts SET title = '12'")
  expect((await allow(proxy, 'n', 'ALTER TABLE posts ALTER title TYPE int USING title::int')).error).toBeUndefined()
  expect((await client.query('SELECT title FROM posts')).rows).toEqual([{ title: '12' }])
  expect((await failure(client, "UPDATE posts SET title = 'x'")).code).toBe('22P02')
})

test('mistakes in rules are not for anybody to allow', async () => {
  const proxy = await start()
  const client = await proxy.connect('-c hotswap.migrate=wrong -c hotswap.allow_breaking=on')
  const rules = { file: 'wrong.yaml', text: 'tables: { posts: { insert: { nope: "1" } } }' }
  const trailer = `\n/* hotswap.rules ${Buffer.from(JSON.stringify(rules)).toString('base64')} */`
  const error = await failure(client, `ALTER TABLE posts RENAME title TO label${trailer}`)
  expect(error.detail).toContain('nope')
  expect(error.hint ?? '').not.toContain('--allow-breaking')
  expect(proxy.versionNames()).toEqual(['initial'])
})

test('a tool that was started with the word is told by notices, and others are refused', async () => {
  const proxy = await start()
  const old = await proxy.connect()
  const sql = 'BEGIN; ALTER TABLE users DROP email; DROP TABLE logs; COMMIT'
  const plain = await proxy.connect('-c hotswap.run=on')
  expect(await failure(plain, sql)).toMatchObject({ code: '55000', hint: expect.stringContaining('--allow-breaking') })
  await plain.end()
  expect(proxy.versionNames()).toEqual(['initial'])
  expect((await old.query('SELECT email FROM users')).rows).toHaveLength(1)

  const tool = await proxy.connect('-c hotswap.run=on -c hotswap.allow_breaking=on')
  const notices: string[] = []
  tool.on('notice', ({ message = '' }) => notices.push(message))
  await tool.query(sql)
  await waitFor(() => notices.length >= 3)
  expect(notices).toEqual(
    expect.arrayContaining([
      expect.stringContaining('breaks old statements, as allowed: public.users.email: the column was dropped'),
      expect.stringContaining('breaks old statements, as allowed: public.logs: the table was dropped'),
    ]),
  )
  expect((await failure(old, 'SELECT email FROM users')).code).toBe('0A000')
  expect((await failure(old, 'SELECT 1 FROM logs')).code).toBe('42P01')
  // A step that changes nothing but what is allowed is recorded, too: it is no change made elsewhere.
  await tool.query('ALTER TABLE posts ALTER title SET NOT NULL')
  expect(proxy.versionNames()).toHaveLength(3)
  await proxy.versions.refresh()
  expect(proxy.versions.unexplained).toEqual([])
  expect((await old.query('SELECT title FROM posts')).rows).toEqual([{ title: 'T' }])
})

test('statements of the running app that would fail are listed, and allowed', async () => {
  const proxy = await start()
  const client = await proxy.connect()
  await client.query({ text: 'SELECT email FROM users WHERE id = $1', values: [1] })
  const { error, report } = await allow(proxy, 'one', 'ALTER TABLE users DROP email')
  expect(error).toBeUndefined()
  expect(report?.broken).toEqual(
    expect.arrayContaining([expect.stringContaining('SELECT email FROM users WHERE id = $1')]),
  )
})

test('what partitions lost with their table is healed with it', async () => {
  database = await createDatabase(`
    CREATE TABLE events (id int, code uuid) PARTITION BY LIST (id);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1);
    INSERT INTO events VALUES (1, NULL);
  `)
  const proxy = await start()
  const client = await proxy.connect()
  const sql = 'ALTER TABLE events ALTER code TYPE bytea USING code::text::bytea'
  expect((await allow(proxy, 'one', sql)).error).toBeUndefined()
  for (const table of ['events', 'events_1']) {
    expect((await failure(client, `SELECT code FROM ${table}`)).code).toBe('0A000')
    expect((await client.query(`SELECT id FROM ${table}`)).rows).toEqual([{ id: 1 }])
  }
  const rule = `{ to: code, type: uuid, read: "convert_from(code, 'UTF8')::uuid", write: "convert_to(value::text, 'UTF8')" }`
  await proxy.writeRule('one.yaml', `tables: { events: { columns: { code: ${rule} } } }`)
  expect(await proxy.versions.reload()).toMatchObject({ ok: true })
  const code = '11111111-1111-1111-1111-111111111111'
  await client.query('UPDATE events SET code = $1', [code])
  for (const table of ['events', 'events_1']) {
    expect((await client.query(`SELECT * FROM ${table}`)).rows).toEqual([{ id: 1, code }])
  }
})
