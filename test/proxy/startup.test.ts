import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type EmbeddedServer, startEmbeddedPostgres } from '../../src/cli/embedded-postgres.js'
import { GSSENC_REQUEST, SSL_REQUEST } from '../../src/wire/startup.js'
import { frame, int32, query, startup } from '../support/frontend-message.js'
import { startTestProxy, type TestProxy } from './support/start-test-proxy.js'
import { until } from './support/until.js'
import { connectWire, fieldsOf } from './support/wire-client.js'

let parent: string
let server: EmbeddedServer
let proxy: TestProxy
/** The server's major version. */
let major: number

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'pg-hotswap-auth-'))
  await chmod(parent, 0o711)
  const directory = join(parent, 'data')
  server = await startEmbeddedPostgres({ directory, settings: { fsync: 'off', wal_level: 'logical' } })
  const admin = new pg.Client({ connectionString: server.url('postgres') })
  await admin.connect()
  major = Number.parseInt((await admin.query('show server_version')).rows[0]?.server_version, 10)
  await admin.query('create database app')
  await admin.query(`
    create role trusted login; create role plain login password 'pw';
    create role scrammed login password 'pw';
    set password_encryption = md5; create role md5ed login password 'pw'`)
  const lines = [
    ['trusted', 'trust'],
    ['plain', 'password'],
    ['md5ed', 'md5'],
    ['scrammed', 'scram-sha-256'],
    ['postgres', 'scram-sha-256'],
  ].flatMap(([user, method]) => [
    `host all ${user} 127.0.0.1/32 ${method}`,
    `host replication ${user} 127.0.0.1/32 ${method}`,
  ])
  await writeFile(join(directory, 'pg_hba.conf'), `${lines.join('\n')}\n`)
  await admin.query('select pg_reload_conf()')
  await until('the new pg_hba.conf is in force', async () => {
    const client = new pg.Client({ connectionString: server.url('app').replace('postgres:postgres', 'trusted') })
    const connected = await client.connect().then(
      () => true,
      () => false,
    )
    await client.end().catch(() => undefined)
    return connected
  })
  await admin.end()
  proxy = await startTestProxy({ host: server.host, port: server.port, name: 'app' })
})

afterAll(async () => {
  await proxy.close()
  await server.stop()
  await rm(parent, { recursive: true, force: true })
})

async function login(user: string, password?: string): Promise<string> {
  const client = new pg.Client({ host: '127.0.0.1', port: proxy.port, database: 'app', user, password })
  try {
    await client.connect()
    return (await client.query('select current_user as u')).rows[0].u
  } finally {
    await client.end().catch(() => undefined)
  }
}

test.each(['trusted', 'plain', 'md5ed', 'scrammed'])('%s logs in through the proxy', async (user) => {
  expect(await login(user, 'pw')).toBe(user)
})

test.each(['plain', 'md5ed', 'scrammed'])('%s with a wrong password gets the error of the server', async (user) => {
  await expect(login(user, 'wrong')).rejects.toMatchObject({ code: '28P01' })
})

test('a role or a database that does not exist gets the error of the server', async () => {
  await expect(login('nobody', 'pw')).rejects.toMatchObject({ code: '28000' })
  const client = new pg.Client({ connectionString: proxy.url('nowhere') })
  await expect(client.connect()).rejects.toMatchObject({ code: '3D000' })
})

/** A connection of bytes. */
async function raw(): Promise<{
  socket: Socket
  got(): Buffer
  ended(): Promise<void>
  more(n: number): Promise<void>
}> {
  const socket = connect(proxy.port, '127.0.0.1')
  let bytes = Buffer.alloc(0)
  let over = false
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk])
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    over = true
  })
  return {
    socket,
    got: () => bytes,
    ended: () => until('the connection ends', () => over),
    more: (n) => until(`${n} bytes`, () => bytes.length >= n),
  }
}

const request = (code: number) => Buffer.concat([int32(8), int32(code)])
const hello = startup({ user: 'trusted', database: 'app' })

test('SSL and GSSAPI encryption are declined, each once, in either order', async () => {
  for (const codes of [
    [SSL_REQUEST, GSSENC_REQUEST],
    [GSSENC_REQUEST, SSL_REQUEST],
  ]) {
    const one = await raw()
    for (const [index, code] of codes.entries()) {
      one.socket.write(request(code))
      await one.more(index + 1)
    }
    expect(one.got().toString()).toBe('NN')
    one.socket.write(hello)
    await one.more(20)
    expect(one.got().toString('latin1', 2, 3)).toBe('R')
    one.socket.destroy()
  }
})

test('a second SSL request is refused', async () => {
  const one = await raw()
  one.socket.write(request(SSL_REQUEST))
  await one.more(1)
  one.socket.write(request(SSL_REQUEST))
  await one.ended()
  expect(fieldsOf(one.got().subarray(6))).toMatchObject({ S: 'FATAL', C: '08P01' })
})

test('bytes sent along with an SSL request end the connection', async () => {
  const one = await raw()
  one.socket.write(Buffer.concat([request(SSL_REQUEST), hello]))
  await one.ended()
  expect(fieldsOf(one.got().subarray(5))).toMatchObject({
    S: 'FATAL',
    C: '08P01',
    M: 'received unencrypted data after a request for encryption',
  })
})

test('the startup may come byte by byte, and statements right behind it', async () => {
  const one = await raw()
  const bytes = Buffer.concat([hello, query("select 'x'")])
  for (const byte of bytes) {
    one.socket.write(Buffer.from([byte]))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await until('the row comes', () => one.got().includes('SELECT 1'))
  one.socket.destroy()
  const other = await raw()
  other.socket.write(bytes)
  await until('the row comes', () => other.got().includes('SELECT 1'))
  other.socket.destroy()
})

test('protocol 3.2 is negotiated with the server, and its long keys cancel', async ({ skip }) => {
  skip(major < 18, 'PostgreSQL speaks it from 18 on')
  const v32 = Buffer.from(hello)
  v32.writeInt32BE(0x30002, 4)
  const one = await raw()
  one.socket.write(v32)
  await until('it is ready', () => one.got().includes('Z\0\0\0\x05I'))
  const key = one.got().indexOf('K\0\0\0\x28')
  expect(key).toBeGreaterThan(0)
  one.socket.write(query('select pg_sleep(20)'))
  await until('it is cancelled', async () => {
    const cancel = connect(proxy.port, '127.0.0.1')
    cancel.resume()
    cancel.end(Buffer.concat([int32(8 + 36), int32(80877102), one.got().subarray(key + 5, key + 41)]))
    await new Promise<void>((resolve) => cancel.once('close', () => resolve()))
    return one.got().includes('57014')
  })
  one.socket.destroy()
})

test('a newer minor version is answered by the server, as it is', async () => {
  const newer = Buffer.from(startup({ user: 'trusted', database: 'app', '_pq_.shiny': 'on' }))
  newer.writeInt32BE(0x30009, 4)
  const answer = async (port: number) => {
    const socket = connect(port, '127.0.0.1')
    let bytes = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk])
    })
    socket.write(newer)
    await until('it is ready', () => bytes.includes('Z\0\0\0\x05I'))
    socket.destroy()
    return bytes.toString('latin1', 0, bytes.indexOf('R'))
  }
  expect(await answer(proxy.port)).toBe(await answer(server.port))
})

test('options of the proxy are taken out, and the others stay as they were written', async () => {
  const one = await connectWire({
    port: proxy.port,
    database: 'app',
    user: 'trusted',
    startup: { options: '-c hotswap.version=v1 -c application_name=a\\ b\\\\c --hotswap.other=1 -c work_mem=777kB' },
  })
  one.send(query("select current_setting('application_name') || ' ' || current_setting('work_mem')"))
  expect((await one.until('D')).body.toString('latin1', 6)).toBe('a b\\c 777kB')
  await one.until('Z')
  one.send(query("select current_setting('hotswap.version', true) is null"))
  expect((await one.until('D')).body.toString('latin1', 6)).toBe('t')
  one.socket.destroy()
})

test('a session to another database is relayed as it is', async () => {
  await until('those of other tests are gone', () => proxy.sessions().length === 0)
  const one = await connectWire({
    port: proxy.port,
    database: 'postgres',
    startup: { options: '-c hotswap.version=anything' },
  })
  one.send(query('show hotswap.version'))
  expect((await one.until('D')).body.toString('latin1', 6)).toBe('anything')
  expect(proxy.sessions()).toMatchObject([{ kind: 'relayed', database: 'postgres', user: 'postgres' }])
  one.socket.end(frame('X'))
  await until('it is gone', () => proxy.sessions().length === 0)
})

test('a replication connection is relayed as it is', async () => {
  await until('those of other tests are gone', () => proxy.sessions().length === 0)
  const one = await connectWire({ port: proxy.port, database: 'app', startup: { replication: 'database' } })
  one.send(query('IDENTIFY_SYSTEM'))
  await one.until('D')
  expect(proxy.sessions()).toMatchObject([{ kind: 'relayed' }])
  one.socket.destroy()
  await until('it is gone', () => proxy.sessions().length === 0)
})
