import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database.js'
import { bind, copyData, copyDone, describe, execute, frame, parse, query, sync } from '../support/frontend-message.js'
import { type FakeSource, fakeGeneration, fakeSource } from './support/fake-generations.js'
import { startTestProxy, type TestProxy } from './support/start-test-proxy.js'
import { connectWire, fieldsOf, type WireClient } from './support/wire-client.js'

let database: TestDatabase
let proxy: TestProxy
let client: WireClient
let asked: number
/** What refresh does: publish the generation that knows users as people, or find nothing new. */
let refresh: () => Promise<boolean>

const flush = frame('H')
const armed = () => fakeGeneration(1, ['v1', 'v2'])
const migrated = () =>
  fakeGeneration(2, ['v1', 'v2'], (text) => text.replaceAll('users', 'people').replaceAll('email', 'mail'))

beforeAll(async () => {
  database = await createDatabase("create table people (mail text); insert into people values ('m'); create schema old")
})

afterAll(() => database.drop())

beforeEach(async () => {
  asked = 0
  const source: FakeSource = {
    ...fakeSource(armed()),
    refresh: () => {
      asked++
      return refresh()
    },
  }
  refresh = async () => {
    source.publish(migrated())
    return true
  }
  proxy = await startTestProxy(database, { source, limits: { retryBytes: 4096 } })
  client = await connectWire({ port: proxy.port, database: database.name })
})

afterEach(async () => {
  client.socket.destroy()
  await proxy.close()
})

async function answer(...frames: readonly Buffer[]): Promise<string> {
  client.send(...frames)
  await client.until('Z')
  return types()
}

const types = () =>
  client
    .take()
    .map(({ type, body }) => (type === 'E' ? `E${fieldsOf(body).C}` : type))
    .join('')

test.each([
  ['a table', 'select 1 from users', 'TDCZ'],
  ['a column', 'select email from people', 'TDCZ'],
])('a Query that fails on %s is answered by the new generation', async (_, sql, expected) => {
  expect(await answer(query(sql))).toBe(expected)
  expect([asked, proxy.counters().retried]).toEqual([1, 1])
})

test('a batch that fails at its Parse is processed again', async () => {
  const batch = [parse('', 'select 1 from users'), bind('', '', [], 0), describe('P', ''), execute(''), sync()]
  expect(await answer(...batch)).toBe('12TDCZ')
})

test('a batch is processed again before its Sync has come', async () => {
  client.send(parse('s', 'select 1 from users'), describe('S', 's'), flush)
  await client.until('T')
  expect(await answer(bind('', 's', [], 0), execute(''), sync())).toBe('1tT2DCZ')
})

test('a Bind of a statement made before the migration is processed again', async () => {
  await database.run('create table users ()')
  await answer(parse('s', 'select 1 from users'), sync())
  await database.run('drop table users')
  expect(await answer(bind('', 's', [], 0), execute(''), sync())).toBe('2DCZ')
  expect(await answer(bind('', 's', [], 0), execute(''), sync())).toBe('2DCZ')
})

test('it works for a client whose version was the head until then', async () => {
  proxy.source.publish(fakeGeneration(1, ['v1']))
  expect(await answer(query('select 1 from users'))).toBe('TDCZ')
  expect([asked, proxy.counters().retried]).toEqual([1, 1])
})

test('where nothing is new the error is the answer', async () => {
  refresh = async () => false
  expect(await answer(query('select 1 from users'))).toBe('E42P01Z')
  const batch = [parse('', 'select 1 from users'), bind('', '', [], 0), execute(''), sync()]
  expect(await answer(...batch)).toBe('E42P01Z')
  client.send(parse('', 'select 1 from users'), flush)
  await client.until('E')
  expect(await answer(bind('', '', [], 0), sync())).toBe('E42P01Z')
})

test('where looking fails the error is the answer', async () => {
  refresh = () => Promise.reject(new Error('no connection'))
  expect(await answer(query('select 1 from users'))).toBe('E42P01Z')
})

test('a batch is processed again once, not for ever', async () => {
  expect(await answer(query('select 1 from nowhere'))).toBe('E42P01Z')
  expect([asked, proxy.counters().retried]).toEqual([1, 1])
})

test('other errors ask for nothing', async () => {
  expect(await answer(query('select 1/0'))).toBe('E22012Z')
  expect(await answer(query('selec'))).toBe('E42601Z')
  expect(asked).toBe(0)
})

test('after an answer has begun it is too late', async () => {
  expect(await answer(query('select 1; select 1 from users'))).toBe('TDCE42P01Z')
  expect(asked).toBe(0)
})

test('inside a transaction it is too late', async () => {
  await answer(query('begin'))
  expect(await answer(query('select 1 from users'))).toBe('E42P01Z')
  expect(asked).toBe(0)
})

test('where a later batch was sent on it is too late', async () => {
  client.send(query('select 1 from users'), query('select 2'))
  await client.until('Z')
  await client.until('Z')
  expect(types()).toBe('E42P01ZTDCZ')
  expect(asked).toBe(0)
})

test('with COPY data it is too late', async () => {
  expect(await answer(query('copy users from stdin'), copyData(Buffer.from('x\n')), copyDone())).toBe('E42P01Z')
  expect(asked).toBe(0)
})

test('a batch over the limit is not kept', async () => {
  expect(await answer(query(`select '${'x'.repeat(5000)}' from users`))).toBe('E42P01Z')
  expect(asked).toBe(0)
})

test('what the client sends while the database is looked at comes after', async () => {
  let go = (_: boolean) => {}
  const looked = new Promise<void>((resolve) => {
    refresh = () => {
      resolve()
      return new Promise((answered) => {
        go = answered
      })
    }
  })
  client.send(query('select 1 from users'))
  await looked
  client.send(query('select 2'), query('select email from users'))
  proxy.source.publish(migrated())
  go(true)
  for (let i = 0; i < 3; i++) await client.until('Z')
  expect(types()).toBe('TDCZTDCZTDCZ')
})
