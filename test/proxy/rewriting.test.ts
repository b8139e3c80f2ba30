import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ErrorFields } from '../../src/rewrite/outcome.js'
import { createDatabase, type TestDatabase } from '../support/database.js'
import { bind, describe, execute, parse, query, sync } from '../support/frontend-message.js'
import { fakeGeneration, fakeSource, refusal } from './support/fake-generations.js'
import { startTestProxy, type TestProxy } from './support/start-test-proxy.js'
import { connectWire, fieldsOf, show, type WireClient } from './support/wire-client.js'

const MARKER = 'hotswap_refused_marker'

let database: TestDatabase
let proxy: TestProxy

/** users is people; a statement that says `never` is refused; errors say users again. */
const source = fakeSource(
  fakeGeneration(
    1,
    ['v1', 'v2'],
    (text) => {
      const renamed = text.replaceAll('users', 'people')
      return text.includes('never')
        ? refusal('no', renamed.replace(/select[^;]*never[^;]*/, `select ${MARKER}`), MARKER)
        : renamed
    },
    (fields: ErrorFields) => {
      const message = fields.get('M')
      if (!message?.includes('people')) return fields
      return new Map([...fields, ['M', message.replaceAll('people', 'users')]])
    },
  ),
)

beforeAll(async () => {
  database = await createDatabase('create table people (id int primary key); insert into people values (1), (2)')
  proxy = await startTestProxy(database, { source })
})

afterAll(async () => {
  await proxy.close()
  await database.drop()
})

async function talk(work: (client: WireClient) => Promise<void>): Promise<void> {
  const client = await connectWire({ port: proxy.port, database: database.name })
  try {
    await work(client)
  } finally {
    client.socket.destroy()
  }
}

/** Types of the frames since the last look, e.g. `12DCZ`. */
const types = (client: WireClient) =>
  client
    .take()
    .map((one) => one.type)
    .join('')

test('a Query is rewritten', () =>
  talk(async (client) => {
    client.send(query('select id from users order by id'))
    await client.until('Z')
    expect(types(client)).toBe('TDDCZ')
  }))

test('a Parse is rewritten, its parameter types kept', () =>
  talk(async (client) => {
    client.send(parse('s', 'select id from users where id = $1', [20]), describe('S', 's'), sync())
    expect((await client.until('t')).body).toEqual(Buffer.from([0, 1, 0, 0, 0, 20]))
    client.send(bind('', 's', ['2'], 0), execute(''), sync())
    await client.until('C')
    await client.until('Z')
  }))

test('of a pipeline every statement is rewritten', () =>
  talk(async (client) => {
    const batch = [parse('', 'select id from users'), bind('', '', [], 0), execute(''), sync()]
    client.send(...batch, query('select 1 from users'), ...batch)
    for (let i = 0; i < 3; i++) await client.until('Z')
    expect(types(client)).toBe('12DDCZTDDCZ12DDCZ')
  }))

test('an error names what the client named', () =>
  talk(async (client) => {
    client.send(query('insert into users values (1)'))
    const error = fieldsOf((await client.until('E')).body)
    expect(error).toMatchObject({ C: '23505', M: 'duplicate key value violates unique constraint "users_pkey"' })
    await client.until('Z')
    client.send(parse('', 'insert into users values ($1)'), bind('', '', ['1'], 0), execute(''), sync())
    expect(fieldsOf((await client.until('E')).body).M).toContain('users_pkey')
    await client.until('Z')
  }))

test('a refused statement gets its refusal in its place of a Query, after those before it ran', () =>
  talk(async (client) => {
    client.send(query('begin; insert into users values (7); commit; select never; select 3'))
    const error = fieldsOf((await client.until('E')).body)
    expect(error).toEqual({ S: 'ERROR', V: 'ERROR', C: '0A000', M: 'no', H: 'ask for less', P: '3' })
    await client.until('Z')
    expect(types(client)).toBe('CCCEZ')
    client.send(query('delete from users where id = 7'))
    expect((await client.until('C')).body.toString()).toBe('DELETE 1\0')
  }))

test('a refused statement of a pipeline fails its batch and no other', () =>
  talk(async (client) => {
    const batch = (sql: string) => [parse('', sql), bind('', '', [], 0), execute(''), sync()]
    client.send(...batch('select 1'), ...batch('select never'), ...batch('select 2'))
    for (let i = 0; i < 3; i++) await client.until('Z')
    expect(types(client)).toBe('12DCZEZ12DCZ')
  }))

test('a refused statement aborts the transaction, and in a failed one the server says so', () =>
  talk(async (client) => {
    client.send(query('begin'))
    await client.until('Z')
    client.send(query('select never'))
    expect(fieldsOf((await client.until('E')).body).M).toBe('no')
    expect((await client.until('Z')).body.toString()).toBe('E')
    client.send(query('select never'))
    expect(fieldsOf((await client.until('E')).body).C).toBe('25P02')
    await client.until('Z')
    client.send(parse('', 'select never'), sync())
    expect(fieldsOf((await client.until('E')).body).C).toBe('25P02')
  }))

test('the marker of a refusal never reaches the client', () =>
  talk(async (client) => {
    client.send(query('select never'), parse('', 'select never'), sync())
    await client.until('Z')
    await client.until('Z')
    expect(show(client.take())).not.toContain(MARKER)
  }))

test('a client that speaks head is not rewritten', async () => {
  const client = await connectWire({
    port: proxy.port,
    database: database.name,
    startup: { options: '-c hotswap.version=v2' },
  })
  client.send(query('select 1 from users'))
  expect(fieldsOf((await client.until('E')).body).M).toBe('relation "users" does not exist')
  client.socket.destroy()
})

test('statements are counted by what became of them', async () => {
  const before = proxy.counters()
  await talk(async (client) => {
    client.send(query('select 1'), query('select 1 from users'), query('select never'))
    for (let i = 0; i < 3; i++) await client.until('Z')
  })
  const after = proxy.counters()
  expect(after.statements - before.statements).toBe(3)
  expect(after.rewritten - before.rewritten).toBe(1)
  expect(after.refused - before.refused).toBe(1)
})
