import { afterEach, expect, test } from 'vitest'
import { makeDdlTrigger } from '../../../src/switch/store/ddl-trigger.js'
import { createDatabase, type TestDatabase } from '../../support/database.js'
import { waitFor } from '../../support/start-hotswap.js'
import { withTextQuery } from '../../support/text-query.js'
import { mustStartOn, type ProxyOfDatabase, type StartSettings } from './start-on.js'

const schema = `
  CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, email text);
  CREATE TABLE posts (id int PRIMARY KEY, title text, body text);
  INSERT INTO users VALUES (1, 'Ada', 'ada@example.org');
  INSERT INTO posts VALUES (1, 'T', 'B');
`
const ada = [{ id: 1, name: 'Ada', email: 'ada@example.org' }]
const rename = 'ALTER TABLE users RENAME TO people'

let database: TestDatabase
const proxies: ProxyOfDatabase[] = []
afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.stop()
  await database.drop()
})

async function start(settings: StartSettings = {}): Promise<ProxyOfDatabase> {
  const proxy = await mustStartOn(database.url, settings)
  proxies.push(proxy)
  return proxy
}

/** A proxy that has made the store; stopped. */
async function startOnce(settings: StartSettings = {}): Promise<void> {
  const proxy = await start(settings)
  await proxy.stop()
  proxies.splice(proxies.indexOf(proxy), 1)
}

test('a rename under a running proxy becomes a step of its own, and old statements go on', async () => {
  database = await createDatabase(schema)
  const proxy = await start()
  const client = await proxy.connect()
  await client.query('SELECT * FROM users')
  await database.run(`${rename}; ALTER TABLE people RENAME name TO full_name`)
  await waitFor(() => proxy.versionNames().length === 2)
  expect(proxy.versionNames()).toEqual(['initial', 'out-of-band-1'])
  expect((await client.query('SELECT * FROM users')).rows).toEqual(ada)
  const fresh = await proxy.connect('-c hotswap.version=out-of-band-1')
  expect((await fresh.query('SELECT full_name FROM people')).rows).toEqual([{ full_name: 'Ada' }])
})

test('where the database has the event trigger, nobody has to look', async () => {
  database = await createDatabase(schema)
  await startOnce()
  expect(await withTextQuery(database.url, makeDdlTrigger)).toBeUndefined()
  // Again, for whoever asks twice.
  expect(await withTextQuery(database.url, makeDdlTrigger)).toBeUndefined()
  const [first, second] = [await start({ config: { pollMs: 0 } }), await start({ config: { pollMs: 0 } })]
  const client = await first.connect()
  await database.run(rename)
  for (const proxy of [first, second]) await waitFor(() => proxy.versionNames().length === 2)
  expect((await client.query('SELECT * FROM users')).rows).toEqual(ada)
})

test('a rename while no proxy ran is found at the next start', async () => {
  database = await createDatabase(schema)
  await startOnce()
  await database.run(rename)
  const proxy = await start()
  expect(proxy.versionNames()).toEqual(['initial', 'out-of-band-1'])
  const client = await proxy.connect()
  expect((await client.query('SELECT * FROM users')).rows).toEqual(ada)
})

test('columns that swapped their names while no proxy ran are told apart', async () => {
  database = await createDatabase(schema)
  await startOnce()
  await database.run(
    'ALTER TABLE posts RENAME title TO t; ALTER TABLE posts RENAME body TO title; ALTER TABLE posts RENAME t TO body',
  )
  const proxy = await start()
  const client = await proxy.connect()
  expect((await client.query('SELECT * FROM posts')).rows).toEqual([{ id: 1, title: 'T', body: 'B' }])
})

test('armed rule files that fit the database when a proxy starts again are steps, one after the other', async () => {
  database = await createDatabase(schema)
  const rules = {
    '1-people.yaml': 'tables: { users: { to: people } }',
    '2-mail.yaml': 'tables: { people: { columns: { email: mail } } }',
    '3-later.yaml': 'tables: { posts: { to: articles } }',
  }
  await startOnce({ rules })
  await database.run(`${rename}; ALTER TABLE people RENAME email TO mail`)
  const proxy = await start({ rules })
  expect(proxy.versionNames()).toEqual(['initial', '1-people', '2-mail'])
  expect(proxy.versions.armed.map(({ version }) => version)).toEqual(['3-later'])
  const client = await proxy.connect()
  expect((await client.query('SELECT * FROM users')).rows).toEqual(ada)
  const between = await proxy.connect('-c hotswap.version=1-people')
  expect((await between.query('SELECT email FROM people')).rows).toEqual([{ email: 'ada@example.org' }])

  // Stored: the rule files are needed no more.
  await proxy.stop()
  proxies.splice(0)
  expect((await start()).versionNames()).toEqual(['initial', '1-people', '2-mail'])
})

test('what old statements do not see makes no version: the head alone is stored anew', async () => {
  database = await createDatabase(schema)
  const proxy = await start()
  const before = proxy.versions.storedNumber
  await database.run('CREATE TABLE logs (id int); CREATE INDEX ON users (email)')
  await waitFor(
    () => proxy.versions.current().generation.versions[0]?.catalog.byName.get('public')?.has('logs') === true,
  )
  expect([proxy.versionNames(), proxy.versions.storedNumber]).toEqual([['initial'], before])
  expect((await proxy.migrate('one', 'ALTER TABLE logs RENAME TO log')) ?? null).toBeNull()
  const client = await proxy.connect()
  expect((await client.query('SELECT * FROM logs')).rows).toEqual([])
})

test.each([
  [
    'a column that is gone',
    'ALTER TABLE users DROP email; ALTER TABLE posts RENAME title TO headline',
    'public.users.email: the column was dropped',
  ],
  [
    'a type that changed, whatever its values did',
    'ALTER TABLE users ALTER id TYPE bigint USING id * 2; ALTER TABLE posts RENAME title TO headline',
    'in a migration made elsewhere',
  ],
])('%s needs a rule: statements that name its table are refused, others go on', async (_, sql, expected) => {
  database = await createDatabase(`${schema}; CREATE VIEW names AS SELECT name FROM users;
    CREATE FUNCTION all_users() RETURNS SETOF users LANGUAGE sql AS 'SELECT * FROM users'`)
  const proxy = await start()
  const client = await proxy.connect()
  await client.query({ name: 'p', text: 'SELECT * FROM users' })
  await database.run(sql)
  await waitFor(() => proxy.versions.unexplained.length > 0)
  expect(proxy.versions.unexplained.join('\n')).toContain(expected)
  expect(JSON.stringify(proxy.log)).toContain(expected)
  const statements = ['SELECT name FROM "users"', 'SELECT * FROM names', 'SELECT * FROM all_users()', 'TRUNCATE users']
  for (const text of [...statements, { name: 'p', text: 'SELECT * FROM users' }]) {
    await expect(client.query(text)).rejects.toMatchObject({
      code: '0A000',
      message: expect.stringContaining('the database was changed elsewhere'),
      detail: expect.stringContaining(expected),
      hint: 'Write the rule file out-of-band-1.yaml, and let the proxy reload its rules.',
    })
  }
  expect((await client.query('SELECT * FROM posts')).rows).toEqual([{ id: 1, title: 'T', body: 'B' }])
  expect((await proxy.versions.reload()).ok).toBe(false)
  expect((await proxy.migrate('one', 'ALTER TABLE posts RENAME TO articles'))?.detail).toContain(expected)
  const complaints = proxy.log.filter(({ message }) => message.includes('no rule file says'))
  expect(complaints).toHaveLength(1)
  expect(proxy.versions.storedNumber).toBe(1)

  // Also by a proxy that starts now.
  const again = await start()
  const other = await again.connect()
  await expect(other.query('SELECT id FROM users')).rejects.toMatchObject({ code: '0A000' })
})

test('the rule file that comes later is the step, under its own name', async () => {
  database = await createDatabase(schema)
  const proxy = await start()
  const client = await proxy.connect()
  await database.run(`ALTER TABLE users DROP email; ${rename}`)
  await waitFor(() => proxy.versions.unexplained.length > 0)
  await proxy.writeRule(
    '1.yaml',
    `tables: { users: { to: people, columns: { email: { dropped: true, type: text, read: "'gone'" } } } }`,
  )
  await client.query('SELECT 1')
  const reloaded = await proxy.versions.reload()
  expect(reloaded.ok ? [] : reloaded.problems).toEqual([])
  expect(proxy.versionNames()).toEqual(['initial', '1'])
  expect(proxy.versions.unexplained).toEqual([])
  expect((await client.query('SELECT * FROM users')).rows).toEqual([{ id: 1, name: 'Ada', email: 'gone' }])
  await waitFor(() => proxy.versions.storedNumber === 2)
})

test('the rule file of the name that the log gives says what names do not show, also at the next start', async () => {
  database = await createDatabase(schema)
  const proxy = await start()
  await database.run('ALTER TABLE users ALTER id TYPE bigint')
  await waitFor(() => proxy.versions.unexplained.length > 0)
  expect(proxy.versions.unexplained[0]).toMatch(/^out-of-band-1:1:1: public.users.id: its type changed/)
  await proxy.stop()
  proxies.splice(0)
  const rules = { 'out-of-band-1.yaml': 'tables: { users: { columns: { id: { same_meaning: true } } } }' }
  const again = await start({ rules })
  expect([again.versionNames(), again.versions.unexplained]).toEqual([['initial', 'out-of-band-1'], []])
  const client = await again.connect()
  const { rows, fields } = await client.query('SELECT id FROM users')
  expect([rows, fields[0]?.dataTypeID]).toEqual([[{ id: 1 }], 23])
})

test('several proxies that find the same change store it once', async () => {
  database = await createDatabase(schema)
  const all = [await start(), await start(), await start()]
  await database.run(rename)
  await waitFor(() => all.every((proxy) => proxy.versions.storedNumber === 2))
  expect(all.map((proxy) => proxy.versionNames())).toEqual(Array(3).fill(['initial', 'out-of-band-1']))
})

test('a migration that follows a change made elsewhere is another step', async () => {
  database = await createDatabase(schema)
  const proxy = await start({ config: { pollMs: 0 } })
  const client = await proxy.connect()
  await database.run(rename)
  expect(await proxy.migrate('mail', 'ALTER TABLE people RENAME email TO mail')).toBeUndefined()
  expect(proxy.versionNames()).toEqual(['initial', 'out-of-band-1', 'mail'])
  expect((await client.query('SELECT * FROM users')).rows).toEqual(ada)
})
