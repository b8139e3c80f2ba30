import { randomBytes } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../support/database.js'
import { waitFor } from '../../support/start-hotswap.js'
import { mustStartOn, type ProxyOfDatabase, type StartSettings, startOn } from './start-on.js'

const schema = `
  CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, email text);
  INSERT INTO users VALUES (1, 'Ada', 'ada@example.org');
`
const ada = [{ id: 1, name: 'Ada', email: 'ada@example.org' }]

let database: TestDatabase | undefined
const proxies: ProxyOfDatabase[] = []
afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.stop()
  await database?.drop()
  database = undefined
})

async function newDatabase(sql = schema): Promise<TestDatabase> {
  database = await createDatabase(sql)
  return database
}

async function start(url: string, settings: StartSettings = {}): Promise<ProxyOfDatabase> {
  const proxy = await mustStartOn(url, settings)
  proxies.push(proxy)
  return proxy
}

async function restart(proxy: ProxyOfDatabase, url: string, settings: StartSettings = {}): Promise<ProxyOfDatabase> {
  await proxy.stop()
  proxies.splice(proxies.indexOf(proxy), 1)
  return await start(url, settings)
}

test('a proxy that starts again serves all versions at once, and clients that say nothing speak what they spoke', async () => {
  const { url } = await newDatabase()
  let proxy = await start(url)
  const split =
    "ALTER TABLE people ADD first text, ADD last text; UPDATE people SET first = name, last = ''; ALTER TABLE people DROP name"
  const rule = `
    tables:
      people:
        columns:
          name: { type: text, read: "first || last", write: { first: "value", last: "''" } }
        same_meaning: true`
  expect(await proxy.migrate('one', 'ALTER TABLE users RENAME TO people')).toBeUndefined()
  expect(await proxy.migrate('two', split, rule)).toBeUndefined()
  const before = proxy.versions.current().generation

  proxy = await restart(proxy, url)
  expect(proxy.versionNames()).toEqual(['initial', 'one', 'two'])
  expect(proxy.versions.current().generation.steps).toEqual(before.steps)
  const old = await proxy.connect()
  expect((await old.query('SELECT * FROM users')).rows).toEqual(ada)
  await old.query("INSERT INTO users VALUES (2, 'Bo', NULL)")
  const between = await proxy.connect('-c hotswap.version=one')
  expect((await between.query('SELECT name FROM people ORDER BY id')).rows).toEqual([{ name: 'Ada' }, { name: 'Bo' }])
  const fresh = await proxy.connect('-c hotswap.version=two')
  expect((await fresh.query('SELECT first FROM people ORDER BY id')).rows).toEqual([{ first: 'Ada' }, { first: 'Bo' }])
  expect(proxy.versions.storedNumber).toBe(3)
})

test('a migration that is refused or fails stores nothing', async () => {
  const { url } = await newDatabase()
  const proxy = await start(url)
  expect((await proxy.migrate('one', 'ALTER TABLE users DROP email'))?.code).toBe('55000')
  expect((await proxy.migrate('two', 'ALTER TABLE users RENAME TO people; SELECT 1/0'))?.code).toBe('22012')
  const again = await restart(proxy, url)
  expect([again.versionNames(), again.versions.storedNumber]).toEqual([['initial'], 1])
})

test('a rule file with the name of a stored step is that step, told beforehand', async () => {
  const { url } = await newDatabase()
  const rules = { 'one.yaml': 'tables: { users: { to: people } }' }
  let proxy = await start(url, { rules })
  expect(await proxy.migrate('one', 'ALTER TABLE users RENAME TO people')).toBeUndefined()
  proxy = await restart(proxy, url, { rules })
  expect(proxy.versionNames()).toEqual(['initial', 'one'])
})

test('the default version moves by promote and stays moved; the configuration stands above it', async () => {
  const { url } = await newDatabase()
  let proxy = await start(url)
  await proxy.migrate('one', 'ALTER TABLE users RENAME TO people')
  expect(await proxy.versions.promote('oen')).toMatchObject({ message: expect.stringContaining('did you mean "one"') })
  expect(await proxy.versions.promote('one')).toBeUndefined()
  proxy = await restart(proxy, url)
  const client = await proxy.connect()
  expect((await client.query('SELECT * FROM people')).rows).toEqual(ada)
  proxy = await restart(proxy, url, { config: { defaultVersion: 'initial' } })
  const old = await proxy.connect()
  expect((await old.query('SELECT * FROM users')).rows).toEqual(ada)
})

test('what the configuration calls the default at first set-up is pinned', async () => {
  const { url } = await newDatabase('CREATE TABLE people (id int, name text, email text)')
  const rules = { '1.yaml': 'tables: { users: { to: people } }' }
  let proxy = await start(url, { rules, config: { defaultVersion: '1' } })
  proxy = await restart(proxy, url, { rules })
  expect(proxy.versions.defaultVersion).toBe('1')
})

test('nobody connects as a retired version, and the proxy forgets the oldest ones', async () => {
  const { url } = await newDatabase()
  let proxy = await start(url)
  await proxy.migrate('one', 'ALTER TABLE users RENAME TO people')
  await proxy.migrate('two', 'ALTER TABLE people RENAME TO members')
  expect((await proxy.versions.retire('initial'))?.message).toContain('what clients speak that say nothing')
  expect((await proxy.versions.retire('two'))?.message).toContain('what the database has now')
  expect(await proxy.versions.promote('two')).toBeUndefined()
  expect(await proxy.versions.retire('one')).toBeUndefined()
  expect(proxy.versionNames()).toEqual(['initial', 'one', 'two'])
  await expect(proxy.connect('-c hotswap.version=one')).rejects.toMatchObject({
    code: '22023',
    message: 'the version "one" of the schema was retired',
  })
  const oldest = await proxy.connect('-c hotswap.version=initial')
  expect((await oldest.query('SELECT * FROM users')).rows).toEqual(ada)
  expect((await proxy.versions.retire('initial'))?.message).toBe('1 session speaks the version "initial"')
  await oldest.end()
  await waitFor(async () => (await proxy.versions.retire('initial')) === undefined)
  expect(proxy.versionNames()).toEqual(['two'])

  proxy = await restart(proxy, url)
  expect(proxy.versionNames()).toEqual(['two'])
  await expect(proxy.connect('-c hotswap.version=initial')).rejects.toMatchObject({ message: /was retired/ })
  expect((await proxy.migrate('one', 'ALTER TABLE members RENAME TO m'))?.message).toContain(
    'the rule files do not fit',
  )
})

test('a role that may not make a store is served without one, and told what to do', async () => {
  const { url, port, name } = await newDatabase()
  const role = `r_${randomBytes(4).toString('hex')}`
  await database?.run(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'; ALTER TABLE users OWNER TO ${role}`)
  await database?.run(`GRANT CREATE ON SCHEMA public TO ${role}`)
  try {
    const own = `postgres://${role}:secret@127.0.0.1:${port}/${name}`
    const proxy = await start(own)
    const warning = proxy.log.find(({ message }) => message.includes('there is no version store'))
    expect(JSON.stringify(warning?.fields)).toContain('CREATE SCHEMA hotswap AUTHORIZATION')
    expect(await proxy.migrate('one', 'ALTER TABLE users RENAME TO people')).toBeUndefined()
    const client = await proxy.connect()
    expect((await client.query('SELECT * FROM users')).rows).toEqual(ada)
    expect(proxy.versions.storedNumber).toBe(0)
    await proxy.stop()
    proxies.splice(0)

    await start(url)
    const refused = await startOn(own)
    expect(refused).toContain(`role "${role}" may not use the version store`)
  } finally {
    for (const proxy of proxies.splice(0)) await proxy.stop()
    await database?.run(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
  }
})

test('with store: false nothing is made in the database', async () => {
  const { url } = await newDatabase()
  const proxy = await start(url, { config: { store: false } })
  await proxy.migrate('one', 'ALTER TABLE users RENAME TO people')
  const client = await proxy.connect('-c hotswap.version=one')
  expect((await client.query("SELECT to_regnamespace('hotswap') AS made")).rows).toEqual([{ made: null }])
})

test('another proxy serves the versions that a switch, a promotion or a retirement made here', async () => {
  const { url } = await newDatabase()
  const [one, two] = [await start(url), await start(url)]
  const client = await two.connect()
  await one.migrate('people', 'ALTER TABLE users RENAME TO people')
  await waitFor(() => two.versions.storedNumber === 2)
  expect((await client.query('SELECT * FROM users')).rows).toEqual(ada)
  await two.versions.promote('people')
  await waitFor(() => one.versions.defaultVersion === 'people')
  const fresh = await one.connect()
  expect((await fresh.query('SELECT * FROM people')).rows).toEqual(ada)
  await client.end()
  await waitFor(async () => (await one.versions.retire('initial')) === undefined)
  await waitFor(() => two.versions.retired.includes('initial'))
  expect(two.versionNames()).toEqual(['people'])
})
