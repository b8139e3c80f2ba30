import { connect, createServer, type Server, type Socket } from 'node:net'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { freePort } from '../../src/cli/embedded-postgres.js'
import { createDatabase, type TestDatabase } from '../support/database.js'
import { bind, execute, frame, parse, query, startup, sync } from '../support/frontend-message.js'
import { fakeGeneration, fakeSource } from './support/fake-generations.js'
import { startTestProxy, type TestProxy } from './support/start-test-proxy.js'
import { until } from './support/until.js'
import { connectWire, fieldsOf, type WireClient } from './support/wire-client.js'

let database: TestDatabase
let proxy: TestProxy
let watcher: pg.Client

beforeAll(async () => {
  database = await createDatabase()
})

afterAll(() => database.drop())

beforeEach(async () => {
  proxy = await startTestProxy(database, {
    source: fakeSource(fakeGeneration(1, ['v1', 'v2'])),
    limits: { messageBytes: 100_000, heldBytes: 64 * 1024, startupMs: 3_000 },
  })
  watcher = new pg.Client({ connectionString: database.url })
  await watcher.connect()
})

afterEach(async () => {
  await watcher.end()
  await proxy.close({ deadlineMs: 0 })
})

const client = (): Promise<WireClient> => connectWire({ port: proxy.port, database: database.name })

/** Backends of this database, the watcher's own aside. */
async function backends(): Promise<number> {
  const found = await watcher.query(
    'select count(*)::int as n from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  )
  return found.rows[0].n
}

/** No session of the proxy, no backend of the server, is left. */
const nothingLeft = () =>
  until('nothing is left', async () => proxy.sessions().length === 0 && (await backends()) === 0)

test('a connection that ends in any of these ways leaves nothing behind', async () => {
  for (const end of [
    (one: WireClient) => one.socket.end(frame('X')),
    (one: WireClient) => one.socket.end(),
    (one: WireClient) => one.socket.destroy(),
    (one: WireClient) => one.socket.resetAndDestroy(),
    (one: WireClient) => one.socket.end(frame('?')),
    (one: WireClient) => one.socket.end(Buffer.from('Q\xff\xff\xff\xff', 'latin1')),
    (one: WireClient) => one.socket.end(query('select 1').subarray(0, 7)),
    (one: WireClient) => one.socket.end(Buffer.concat([query('begin'), query('select 1')])),
    (one: WireClient) => {
      one.send(query('select pg_sleep(0.2)'))
      one.socket.resetAndDestroy()
    },
  ]) {
    const some = await Promise.all([client(), client()])
    for (const one of some) end(one)
    await nothingLeft()
  }
})

test('connections that never log in leave nothing behind', async () => {
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
    Buffer.from([0, 0, 0, 0]),
    Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 3, 0, 0]),
    startup({ user: 'postgres', database: database.name }).subarray(0, 11),
    startup({ user: 'postgres', database: database.name }),
  ]) {
    const socket = connect(proxy.port, '127.0.0.1')
    socket.on('error', () => undefined)
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
    socket.write(bytes)
    await until(
      'it is seen',
      () => proxy.sessions().length > 0 || socket.readableEnded || socket.destroyed || bytes.length > 7,
    )
    socket.end()
    socket.resume()
    await nothingLeft()
  }
})

test('random bytes after login end that session alone', async () => {
  const good = await client()
  let state = 7
  for (let round = 0; round < 20; round++) {
    const one = await client()
    const garbage = Buffer.from(
      Array.from({ length: 200 }, () => {
        state = (state * 1_103_515_245 + 12_345) % 2 ** 31
        return state >> 8
      }),
    )
    one.socket.end(garbage)
    one.socket.resume()
    await one.closed()
    good.send(query('select 1'))
    await good.until('Z')
  }
  good.socket.destroy()
  await nothingLeft()
})

test('a bug that one session meets ends that session alone, and says so', async () => {
  proxy.source.publish(
    fakeGeneration(2, ['v1', 'v2'], (text) => {
      if (text.includes('boom')) throw new Error('boom')
      return text
    }),
  )
  const [one, other] = [await client(), await client()]
  one.send(query('select 1 as boom'))
  await one.until('E')
  expect(fieldsOf(one.frames.find(({ type }) => type === 'E')?.body ?? Buffer.alloc(0)).C).toBe('XX000')
  other.send(query('select 1'))
  await other.until('C')
  other.socket.end(frame('X'))
  await nothingLeft()
})

test('who does not log in is cut off after the startup timeout', async () => {
  const socket = connect(proxy.port, '127.0.0.1')
  socket.resume()
  const half = await connectWire({ port: proxy.port, database: database.name, early: true })
  await new Promise<void>((resolve) => socket.once('close', () => resolve()))
  await half.closed()
  expect(half.frames.map((one) => one.type)).toEqual(['R', 'E'])
  expect(fieldsOf(half.frames[1]?.body ?? Buffer.alloc(0)).S).toBe('FATAL')
  await nothingLeft()
})

test.each([
  ['a Query over the limit', query('x'.repeat(100_001)), 'Q'],
  ['a Parse over the limit', parse('', 'x'.repeat(100_001)), 'P'],
  ['a Sync with a body of 2 GiB', Buffer.from('S\x7f\xff\xff\xff', 'latin1'), 'S'],
  ['a negative length', Buffer.from('B\xff\xff\xff\xf0', 'latin1'), 'B'],
])('%s ends the session with an error that says so', async (_, bytes, type) => {
  const one = await client()
  one.send(bytes)
  const error = fieldsOf((await one.until('E')).body)
  expect(error).toMatchObject({ S: 'FATAL', C: '08P01', D: expect.stringContaining('The proxy takes') })
  expect(error.M).toContain(`"${type}"`)
  await one.closed()
  await nothingLeft()
})

test('a Bind over that limit passes, and one whose names never end is refused', async () => {
  const one = await client()
  one.send(parse('', 'select length($1::text)'), bind('', '', ['x'.repeat(500_000)], 0), execute(''), sync())
  expect((await one.until('D')).body.toString('latin1', 6)).toBe('500000')
  await one.until('Z')
  one.send(frame('B', Buffer.alloc(2_000_000, 'x')))
  expect(fieldsOf((await one.until('E')).body)).toMatchObject({ S: 'FATAL', C: '08P01' })
  await one.closed()
})

test('a backend that is terminated tells the client why', async () => {
  const one = await client()
  await watcher.query('select pg_terminate_backend($1)', [one.pid])
  expect(fieldsOf((await one.until('E')).body)).toMatchObject({ S: 'FATAL', C: '57P01' })
  await one.closed()
  expect(one.frames.filter((each) => each.type === 'E')).toHaveLength(1)
  await nothingLeft()
})

test('a backend that is terminated while the proxy asks it something tells the client too', async () => {
  const { server, port } = await fakeServer((socket) =>
    socket.once('data', () => {
      const fields = ['SFATAL', 'VFATAL', 'C57P01', 'Mterminating'].join('\0')
      socket.end(frame('E', Buffer.from(`${fields}\0\0`)))
    }),
  )
  const old = fakeSource(fakeGeneration(1, ['v1', 'v2']))
  const front = await startTestProxy({ host: '127.0.0.1', port, name: 'app' }, { source: old })
  await expect(connectWire({ port: front.port, database: 'app' })).rejects.toThrow('terminating')
  await front.close()
  server.close()
})

test('a server that cannot be reached is an error that says what to do', async () => {
  const port = await freePort()
  const nowhere = await startTestProxy({ host: '127.0.0.1', port, name: 'app' })
  const one = new pg.Client({ connectionString: nowhere.url('app') })
  await expect(one.connect()).rejects.toMatchObject({
    code: '08001',
    message: `could not connect to the PostgreSQL server at 127.0.0.1:${port}: ECONNREFUSED`,
    hint: expect.stringContaining('upstream'),
  })
  await nowhere.close()
})

test('an upstream that is the proxy itself is an error, not a loop', async () => {
  const port = await freePort()
  const loop = await startTestProxy({ host: '127.0.0.1', port, name: 'app' }, { listen: { host: '127.0.0.1', port } })
  const one = new pg.Client({ connectionString: loop.url('app') })
  await expect(one.connect()).rejects.toThrow('is pg-hotswap itself')
  await until('nothing is left', () => loop.sessions().length === 0)
  await loop.close()
})

/** A server that lets everybody in and then does as the test says. */
async function fakeServer(serve: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => {
      const key = frame('K', Buffer.from([0, 0, 0, 9, 1, 2, 3, 4]))
      socket.write(Buffer.concat([frame('R', Buffer.alloc(4)), key, frame('Z', Buffer.from('I'))]))
      serve(socket)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const address = server.address()
  return { server, port: typeof address === 'object' ? (address?.port ?? 0) : 0 }
}

test('a server that vanishes without a word is an error 08006', async () => {
  const { server, port } = await fakeServer((socket) => socket.once('data', () => socket.resetAndDestroy()))
  const front = await startTestProxy({ host: '127.0.0.1', port, name: 'app' })
  const one = await connectWire({ port: front.port, database: 'app' })
  one.send(query('select 1'))
  expect(fieldsOf((await one.until('E')).body)).toMatchObject({ S: 'FATAL', C: '08006' })
  await one.closed()
  await front.close()
  server.close()
})

test('a server that vanishes in the middle of a message ends the session without another', async () => {
  const { server, port } = await fakeServer((socket) => {
    socket.once('data', () => socket.end(Buffer.from('D\0\0\x10\0\0\x01abc')))
  })
  const front = await startTestProxy({ host: '127.0.0.1', port, name: 'app' })
  const one = await connectWire({ port: front.port, database: 'app' })
  one.send(query('select 1'))
  await one.closed()
  expect(one.take()).toEqual([])
  await front.close()
  server.close()
})

test('a server whose bytes are no frames ends the session with an error', async () => {
  const { server, port } = await fakeServer((socket) => {
    socket.once('data', () => socket.write(Buffer.from('D\0\0\0\x01')))
  })
  const front = await startTestProxy({ host: '127.0.0.1', port, name: 'app' })
  const one = await connectWire({ port: front.port, database: 'app' })
  one.send(query('select 1'))
  expect(fieldsOf((await one.until('E')).body)).toMatchObject({ S: 'FATAL', C: '08P01' })
  await one.closed()
  await front.close()
  server.close()
})

test('a client that does not read stops the proxy from reading its server', async () => {
  let sent = 0
  const row = frame('D', Buffer.alloc(60_000))
  const { server, port } = await fakeServer((socket) => {
    const pour = () => {
      while (sent < 400_000_000) {
        sent += row.length
        if (!socket.write(row)) return
      }
    }
    socket.on('drain', pour)
    socket.once('data', pour)
  })
  const front = await startTestProxy({ host: '127.0.0.1', port, name: 'app' })
  const one = await connectWire({ port: front.port, database: 'app' })
  one.socket.pause()
  one.send(query('select everything'))
  let before = -1
  await until('nothing moves any more', async () => {
    const still = sent > 0 && sent === before
    before = sent
    await new Promise((resolve) => setTimeout(resolve, 100))
    return still
  })
  // What the buffers of three sockets and ours hold, not 400 MB.
  expect(sent).toBeLessThan(50_000_000)
  one.socket.resume()
  await until('it moves again', () => sent > before)
  one.socket.destroy()
  await until('nothing is left', () => front.sessions().length === 0)
  await front.close()
  server.close()
})

test('a server that does not read stops the proxy from reading its client', async () => {
  const { server, port } = await fakeServer((socket) => socket.pause())
  const front = await startTestProxy({ host: '127.0.0.1', port, name: 'app' })
  const one = await connectWire({ port: front.port, database: 'app' })
  const data = frame('d', Buffer.alloc(60_000))
  let sent = 0
  const pour = () => {
    while (sent < 400_000_000) {
      sent += data.length
      if (!one.socket.write(data)) return
    }
  }
  one.socket.on('drain', pour)
  pour()
  let before = -1
  await until('nothing moves any more', async () => {
    const still = sent === before
    before = sent
    await new Promise((resolve) => setTimeout(resolve, 100))
    return still
  })
  expect(sent).toBeLessThan(50_000_000)
  one.socket.destroy()
  await front.close({ deadlineMs: 0 })
  server.close()
})

test('a held client fills a bounded store and no more', async () => {
  const one = await client()
  proxy.gate.hold()
  let sent = 0
  const text = query(`select '${'x'.repeat(60_000)}'`)
  const pour = () => {
    while (sent < 400_000_000) {
      sent += text.length
      if (!one.socket.write(text)) return
    }
  }
  one.socket.on('drain', pour)
  pour()
  let before = -1
  await until('nothing moves any more', async () => {
    const still = sent === before
    before = sent
    await new Promise((resolve) => setTimeout(resolve, 100))
    return still
  })
  expect(sent).toBeLessThan(50_000_000)
  one.socket.destroy()
  proxy.gate.release()
})

test('shutting down ends idle sessions at once and transactions at the deadline', async () => {
  const idle = await client()
  const busy = await client()
  busy.send(query('begin'))
  await busy.until('Z')
  const closing = proxy.close({ deadlineMs: 300 })
  expect(fieldsOf((await idle.until('E')).body)).toMatchObject({ S: 'FATAL', C: '57P01' })
  busy.send(query('select 1'))
  await busy.until('Z')
  expect(fieldsOf((await busy.until('E')).body)).toMatchObject({ S: 'FATAL', C: '57P01' })
  await closing
  await until('no backend is left', async () => (await backends()) === 0)
  await expect(client()).rejects.toThrow()
})

test('shutting down lets a transaction end', async () => {
  const busy = await client()
  busy.send(query('begin'))
  await busy.until('Z')
  const closing = proxy.close({ deadlineMs: 10_000 })
  busy.send(query('commit'))
  await busy.until('Z')
  expect(fieldsOf((await busy.until('E')).body).C).toBe('57P01')
  await closing
})
