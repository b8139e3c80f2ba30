import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { encodeCancelRequest } from '../../src/wire/startup.js'
import { createDatabase, type TestDatabase } from '../support/database.js'
import { bind, copyData, copyDone, execute, parse, query, sync } from '../support/frontend-message.js'
import { fakeGeneration } from './support/fake-generations.js'
import { startTestProxy, type TestProxy } from './support/start-test-proxy.js'
import { until } from './support/until.js'
import { connectWire, fieldsOf, type WireClient } from './support/wire-client.js'

let database: TestDatabase
let proxy: TestProxy
const clients: WireClient[] = []

beforeAll(async () => {
  database = await createDatabase('create table t (a int)')
  proxy = await startTestProxy(database, { limits: { heldBytes: 64 * 1024 } })
})

afterAll(async () => {
  await proxy.close()
  await database.drop()
})

beforeEach(() => database.run('truncate t'))

afterEach(async () => {
  proxy.gate.release()
  for (const one of clients.splice(0)) one.socket.destroy()
  await until('all sessions have left', () => proxy.sessions().length === 0)
})

async function client(): Promise<WireClient> {
  const one = await connectWire({ port: proxy.port, database: database.name, startup: { application_name: 'app' } })
  clients.push(one)
  return one
}

const heldSessions = () => proxy.sessions().filter((one) => one.state === 'held').length
const held = (count = 1) => until(`${count} held`, () => heldSessions() === count)
/** True once all transactions have ended; false after the given milliseconds. */
const drained = (ms = 5_000) => proxy.gate.drained(AbortSignal.timeout(ms))

async function simple(one: WireClient, sql: string): Promise<string> {
  one.send(query(sql))
  return (await one.until('Z')).body.toString()
}

const types = (one: WireClient) =>
  one
    .take()
    .map((frame) => frame.type)
    .join('')

test('a statement that comes while held waits, and runs at the release', async () => {
  const one = await client()
  proxy.gate.hold()
  one.send(query('select 1'))
  await held()
  expect(await drained()).toBe(true)
  expect(types(one)).toBe('')
  proxy.gate.release()
  await one.until('Z')
  expect(types(one)).toBe('TDCZ')
})

test('what was held is processed by the generation of the release', async () => {
  const one = await client()
  proxy.gate.hold()
  one.send(query('select a from old'))
  await held()
  const before = proxy.source.current()
  proxy.source.publish(fakeGeneration(2, ['v1', 'v2'], (text) => text.replace('old', 't')))
  proxy.gate.release()
  await one.until('Z')
  expect(types(one)).toBe('TCZ')
  proxy.source.publish(before)
})

test('a transaction under way goes on to its end and is then drained', async () => {
  const one = await client()
  expect(await simple(one, 'begin')).toBe('T')
  proxy.gate.hold()
  expect(await drained(50)).toBe(false)
  expect(await simple(one, 'insert into t values (1)')).toBe('T')
  const drain = drained()
  expect(await simple(one, 'commit')).toBe('I')
  expect(await drain).toBe(true)
  one.send(query('select 1'))
  await held()
})

test('a failed transaction keeps the gate from being drained until it ends', async () => {
  const one = await client()
  await simple(one, 'begin')
  expect(await simple(one, 'select 1/0')).toBe('E')
  proxy.gate.hold()
  expect(await drained(50)).toBe(false)
  await simple(one, 'rollback')
  expect(await drained()).toBe(true)
})

test('a batch without its Sync goes on to it', async () => {
  const one = await client()
  one.send(parse('', 'insert into t values (1)'), Buffer.from('H\0\0\0\x04'))
  await one.until('1')
  proxy.gate.hold()
  expect(await drained(50)).toBe(false)
  one.send(bind('', '', [], 0), execute(''), sync(), query('select 1'))
  await one.until('Z')
  expect(await drained()).toBe(true)
  expect(types(one)).toBe('12CZ')
  await held()
})

test('a pipeline is stopped at the first Sync outside a transaction', async () => {
  const one = await client()
  const batch = (sql: string) => [parse('', sql), bind('', '', [], 0), execute(''), sync()]
  one.send(...batch('begin'))
  await one.until('Z')
  proxy.gate.hold()
  one.send(...batch('insert into t values (1)'), ...batch('commit'), ...batch('insert into t values (2)'))
  await one.until('Z')
  await one.until('Z')
  await held()
  expect(await drained()).toBe(true)
  proxy.gate.release()
  await one.until('Z')
})

test('a COPY under way goes on to its end', async () => {
  const one = await client()
  one.send(query('copy t from stdin'))
  await one.until('G')
  proxy.gate.hold()
  expect(await drained(50)).toBe(false)
  one.send(copyData(Buffer.from('1\n')), copyDone(), query('select 1'))
  await one.until('Z')
  expect(await drained()).toBe(true)
  await held()
})

test('a COPY whose data was sent along with it is held and released whole', async () => {
  const one = await client()
  proxy.gate.hold()
  one.send(query('copy t from stdin'), copyData(Buffer.from('1\n')), copyDone(), query('select a from t'))
  await held()
  proxy.gate.release()
  await one.until('Z')
  await one.until('Z')
  expect(types(one)).toBe('GCZTDCZ')
})

test('blockers say who keeps the gate from being drained, without literals', async () => {
  const one = await client()
  await simple(one, 'begin')
  await simple(one, "insert into t values (7) /* 'secret' */")
  const failed = await client()
  await simple(failed, 'begin')
  await simple(failed, "select 'a'::int")
  await client()
  expect(proxy.gate.blockers()).toEqual([
    {
      pid: one.pid,
      user: 'postgres',
      applicationName: 'app',
      state: 'transaction',
      busyMs: expect.any(Number),
      query: 'insert into t values (?)',
    },
    expect.objectContaining({ pid: failed.pid, state: 'failed', query: 'select ?::int' }),
  ])
})

test('a new login proceeds while held, and its first statement waits', async () => {
  proxy.gate.hold()
  const one = await client()
  one.send(query('select 1'))
  await held()
  proxy.gate.release()
  await one.until('Z')
})

test('sessions to other databases are not held', async () => {
  proxy.gate.hold()
  const other = await connectWire({ port: proxy.port, database: 'postgres' })
  clients.push(other)
  expect(await simple(other, 'begin')).toBe('T')
  expect(await drained()).toBe(true)
})

test('a held client that leaves is forgotten, and its work never runs', async () => {
  const one = await client()
  proxy.gate.hold()
  one.send(query('insert into t values (66)'))
  await held()
  one.socket.end()
  await until('the session is gone', () => proxy.sessions().length === 0)
  proxy.gate.release()
  const reader = await client()
  reader.send(query('select count(*) from t'))
  expect((await reader.until('D')).body.toString('latin1', 6)).toBe('0')
})

test('a session that dies in its transaction no longer blocks', async () => {
  const one = await client()
  await simple(one, 'begin')
  proxy.gate.hold()
  const drain = drained()
  one.socket.resetAndDestroy()
  expect(await drain).toBe(true)
})

test('a client that sends more than may be kept is stopped from sending, and loses nothing', async () => {
  const one = await client()
  proxy.gate.hold()
  const many = Buffer.concat(Array.from({ length: 20_000 }, (_, i) => query(`insert into t values (${i})`)))
  one.socket.write(many)
  await held()
  proxy.gate.release()
  for (let i = 0; i < 20_000; i++) await one.until('Z')
  one.send(query('select count(*) from t'))
  expect((await one.until('D')).body.toString('latin1', 6)).toBe('20000')
})

test('holds and releases one after the other lose no statement', async () => {
  const all = await Promise.all([client(), client(), client()])
  let stop = false
  const work = all.map(async (one) => {
    let done = 0
    for (; !stop; done++) expect(await simple(one, 'begin; insert into t values (1); commit')).toBe('I')
    return done
  })
  for (let i = 0; i < 20; i++) {
    proxy.gate.hold()
    expect(await drained()).toBe(true)
    expect(proxy.gate.blockers()).toEqual([])
    proxy.gate.release()
  }
  stop = true
  const total = (await Promise.all(work)).reduce((a, b) => a + b, 0)
  const reader = await client()
  reader.send(query('select count(*) from t'))
  expect((await reader.until('D')).body.toString('latin1', 6)).toBe(String(total))
})

test('the release ends a wait for the drain', async () => {
  const one = await client()
  await simple(one, 'begin')
  proxy.gate.hold()
  const drain = drained()
  proxy.gate.release()
  expect(await drain).toBe(false)
})

test('holding what is held is a bug', () => {
  proxy.gate.hold()
  expect(() => proxy.gate.hold()).toThrow('held already')
})

function cancel(one: WireClient, key = one.key): Promise<void> {
  const socket = connect(proxy.port, '127.0.0.1')
  socket.end(encodeCancelRequest(one.pid, key))
  socket.resume()
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

test('a cancel of a held Query is answered by the proxy, and the Query never runs', async () => {
  const one = await client()
  proxy.gate.hold()
  one.send(query('insert into t values (1)'), query('select count(*) from t'))
  await held()
  await cancel(one)
  expect(fieldsOf((await one.until('E')).body)).toMatchObject({ S: 'ERROR', C: '57014' })
  expect((await one.until('Z')).body.toString()).toBe('I')
  await held()
  proxy.gate.release()
  expect((await one.until('D')).body.toString('latin1', 6)).toBe('0')
})

test('a cancel of a held batch answers at its Sync, though that comes later', async () => {
  const one = await client()
  proxy.gate.hold()
  one.send(parse('', 'insert into t values (1)'), bind('', '', [], 0))
  await held()
  await cancel(one)
  await one.until('E')
  one.send(execute(''))
  one.send(sync(), query('select count(*) from t'))
  await one.until('Z')
  expect(types(one)).toBe('EZ')
  await held()
  proxy.gate.release()
  expect((await one.until('D')).body.toString('latin1', 6)).toBe('0')
})

test('a cancel with the wrong key cancels nothing', async () => {
  const one = await client()
  proxy.gate.hold()
  one.send(query('select 1'))
  await held()
  await cancel(one, Buffer.from([1, 2, 3, 4]))
  proxy.gate.release()
  await one.until('Z')
  expect(types(one)).toBe('TDCZ')
})

test('a cancel of work under way reaches the server, and its socket closes only then', async () => {
  const one = await client()
  one.send(query('select pg_sleep(20)'))
  await until('it runs', () => proxy.sessions().some((session) => session.state === 'active'))
  // The server may not have begun; a client would ask again too.
  let answered = false
  const answer = one.until('E').then((frame) => {
    answered = true
    return frame
  })
  await until('the cancel has hit', async () => {
    await cancel(one)
    return answered
  })
  expect(fieldsOf((await answer).body).C).toBe('57014')
})
