import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database.js'
import { fakeGeneration, fakeSource } from './support/fake-generations.js'
import { startTestProxy, type TestProxy } from './support/start-test-proxy.js'

let database: TestDatabase
let proxy: TestProxy

beforeAll(async () => {
  database = await createDatabase()
  // `which` is what a client asks; the answer is its version.
  const source = fakeSource(
    fakeGeneration(1, ['v1', 'v2', 'v3'], (text, request) =>
      text.replace('which', `'v${request.version + 1}' as which`),
    ),
  )
  proxy = await startTestProxy(database, { source })
})

afterAll(async () => {
  await proxy.close()
  await database.drop()
})

async function connected(config: pg.ClientConfig = {}): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: proxy.url(database.name), ...config })
  await client.connect()
  return client
}

async function which(client: pg.Client): Promise<string> {
  return (await client.query('select which')).rows[0].which
}

test('a client that says nothing speaks the version chosen for it', async () => {
  const client = await connected()
  expect(await which(client)).toBe('v1')
  await client.end()
})

test('the startup option names the version and is kept from the server', async () => {
  const client = await connected({ options: '-c hotswap.version=v2 -c work_mem=1234kB' })
  expect(await which(client)).toBe('v2')
  expect((await client.query('show work_mem')).rows[0].work_mem).toBe('1234kB')
  await expect(client.query('show hotswap.version')).rejects.toThrow('unrecognized')
  await client.end()
})

test('a database alias names the version', async () => {
  const client = await connected({ connectionString: proxy.url(`${database.name}@v2`) })
  expect(await which(client)).toBe('v2')
  expect((await client.query('select current_database() as name')).rows[0].name).toBe(database.name)
  await client.end()
})

test('a version that there is not is refused at the connection', async () => {
  await expect(connected({ options: '-c hotswap.version=v9' })).rejects.toThrow('there is no version "v9"')
})

test('SET hotswap.version takes effect at the next statement, and RESET takes it back', async () => {
  const client = await connected()
  await client.query("set hotswap.version = 'v2'")
  expect(await which(client)).toBe('v2')
  await client.query("select set_config('hotswap.version', 'v1', false)")
  expect(await which(client)).toBe('v1')
  await client.query("set hotswap.version to 'v2'")
  await client.query('reset all')
  expect(await which(client)).toBe('v1')
  await client.end()
})

test('SET to the head ends the rewriting and SET back begins it again', async () => {
  const client = await connected()
  await client.query("set hotswap.version = 'v3'")
  await expect(which(client)).rejects.toThrow('column "which" does not exist')
  await client.query("set hotswap.version = 'v2'")
  expect(await which(client)).toBe('v2')
  await client.end()
})

test('SET hotswap.version is undone with its transaction', async () => {
  const client = await connected()
  await client.query('begin')
  await client.query("set hotswap.version = 'v2'")
  expect(await which(client)).toBe('v2')
  await client.query('rollback')
  expect(await which(client)).toBe('v1')
  await client.query('begin')
  await client.query("set local hotswap.version = 'v2'")
  await client.query('commit')
  expect(await which(client)).toBe('v1')
  await client.end()
})

test('SET to a version that there is not is refused and changes nothing', async () => {
  const client = await connected()
  await expect(client.query("set hotswap.version = 'v9'")).rejects.toMatchObject({
    code: '22023',
    message: 'there is no version "v9"',
  })
  expect(await which(client)).toBe('v1')
  await client.end()
})

test('a session keeps its version when another becomes head', async () => {
  const second = await startTestProxy(database, { source: fakeSource(fakeGeneration(1, ['v1'])) })
  const client = new pg.Client({ connectionString: second.url(database.name) })
  await client.connect()
  await expect(which(client)).rejects.toThrow('column "which" does not exist')
  second.source.publish(fakeGeneration(2, ['v1', 'v2'], (text) => text.replace('which', "'old' as which")))
  expect(await which(client)).toBe('old')
  await client.end()
  await second.close()
})

test('a session of a version that is served no longer ends with an error that says so', async () => {
  const second = await startTestProxy(database, { source: fakeSource(fakeGeneration(1, ['v1', 'v2'])) })
  const client = new pg.Client({ connectionString: second.url(database.name) })
  client.on('error', () => undefined)
  await client.connect()
  second.source.publish(fakeGeneration(2, ['v2']))
  await expect(client.query('select 1')).rejects.toThrow('version "v1" of the schema is no longer served')
  await client.end().catch(() => undefined)
  await second.close()
})

test('versions that go while a client connects change nothing of what it speaks; one that asks for them is refused', async () => {
  const named = (number: number, names: readonly string[]) =>
    fakeGeneration(number, names, (text, { version }) => text.replace('which', `'${names[version]}' as which`))
  const source = fakeSource(named(1, ['v1', 'v2', 'v3', 'v4']))
  let number = 1
  const second = await startTestProxy(database, {
    source,
    chooseVersion: ({ requestedVersion = '' }) => {
      // Before the server is reached.
      queueMicrotask(() => source.publish(named(++number, ['v2', 'v3', 'v4'])))
      return { version: requestedVersion }
    },
  })
  const connect = async (version: string) => {
    const options = `-c hotswap.version=${version}`
    const client = new pg.Client({ connectionString: second.url(database.name), options })
    await client.connect()
    return client
  }
  // Its index is the head's then.
  const client = await connect('v3')
  expect(await which(client)).toBe('v3')
  await client.end()
  source.publish(named(++number, ['v1', 'v2', 'v3', 'v4']))
  await expect(connect('v1')).rejects.toMatchObject({ code: '08004' })
  await second.close()
})

test('a session that says in another way that it speaks a version which is not served ends: no other one may answer it', async () => {
  const client = await connected()
  client.on('error', () => undefined)
  await client.query("select set_config('hotswap.version', 'v9', false)")
  await expect(which(client)).rejects.toMatchObject({
    code: '57P01',
    message: 'version "v9" of the schema is no longer served',
  })
  await client.end().catch(() => undefined)
})
