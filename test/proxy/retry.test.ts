import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database.js'
import {
  bind,
  copyData,
  copyDone,
  describe as describeMessage,
  execute,
  frame,
  parse,
  query,
  sync,
} from '../support/frontend-message.js'
import { type FakeSource, fakeGeneration, fakeSource } from './support/fake-generations.js'
import { startTestProxy, type TestProxy } from './support/start-test-proxy.js'
import { until } from './support/until.js'
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

/** The transaction status of the last ReadyForQuery. */
const status = () => client.frames.findLast(({ type }) => type === 'Z')?.body.toString('latin1')

async function waitsForLock(pid: number): Promise<void> {
  const watcher = new pg.Client({ connectionString: database.url })
  await watcher.connect()
  await until('a statement waits for a lock', async () => {
    const { rowCount } = await watcher.query('select 1 from pg_locks where pid = $1 and not granted', [pid])
    return rowCount !== 0
  })
  await watcher.end()
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

test('what a procedure met inside is not run again: it may have committed before', async () => {
  await database.run(`create table done (n int);
    create procedure work() language plpgsql as
      $$ begin insert into done values (1); commit; execute 'select mail from users'; end $$`)
  expect(await answer(query('call work()'))).toBe('E42P01Z')
  expect(proxy.counters().retried).toBe(0)
  const { rows } = await new pg.Pool({ connectionString: database.url, max: 1, idleTimeoutMillis: 1 }).query(
    'select count(*)::int as n from done',
  )
  expect(rows).toEqual([{ n: 1 }])
  await database.run('drop procedure work; drop table done')
})

test('a batch that fails at its Parse is processed again', async () => {
  const batch = [parse('', 'select 1 from users'), bind('', '', [], 0), describeMessage('P', ''), execute(''), sync()]
  expect(await answer(...batch)).toBe('12TDCZ')
})

test('a batch is processed again before its Sync has come', async () => {
  client.send(parse('s', 'select 1 from users'), describeMessage('S', 's'), flush)
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

test('a batch that was sent under an older generation is processed again without a look at the database', async () => {
  await database.run('create table users ()')
  const migration = await connectWire({ port: database.port, database: database.name })
  migration.send(query('begin; drop table users'))
  await migration.until('Z')
  client.send(query('select 1 from users'))
  await waitsForLock(client.pid)
  proxy.source.publish(migrated())
  migration.send(query('commit'))
  await client.until('Z')
  migration.socket.destroy()
  expect(types()).toBe('TDCZ')
  expect([asked, proxy.counters().retried]).toEqual([0, 1])
})

test('what refresh says counts for nothing where the generation is the same', async () => {
  refresh = async () => true
  expect(await answer(query('select 1 from users'))).toBe('E42P01Z')
})

test('an EXECUTE in a Query is answered once, also where its statement cannot be prepared again', async () => {
  await database.run('create table users ()')
  await answer(query('prepare s as select 1 from users'))
  await database.run('drop table users')
  proxy.source.publish(fakeGeneration(3, ['v1', 'v2'], (text) => text.replaceAll('users', 'nobody')))
  expect(await answer(query('execute s'))).toBe('E26000Z')
  expect(await answer(query('select 2'))).toBe('TDCZ')
})

const byParse = (sql: string) => [parse('', sql), bind('', '', [], 0), execute(''), sync()]

describe.each([
  ['a Query', (sql: string) => [query(sql)]],
  ['Parse, Bind, Execute', byParse],
  ['Parse, Bind, Describe, Execute', (sql: string) => byParse(sql).toSpliced(2, 0, describeMessage('P', ''))],
])('after a BEGIN by %s', (_, run) => {
  const begin = async (sql: string) => {
    expect(await answer(...run(sql))).toMatch(/^(?:12n?)?CZ$/)
    expect(status()).toBe('T')
  }

  test.each([
    'begin',
    'START TRANSACTION',
    'BEGIN WORK;',
    '/* tag */ begin -- tag',
  ])('the first statement of the block is processed again: %s', async (sql) => {
    await begin(sql)
    expect(await answer(query('select 1 from users'))).toBe('TDCZ')
    expect(status()).toBe('T')
    expect([asked, proxy.counters().retried]).toEqual([1, 1])
    expect(await answer(query('commit'))).toBe('CZ')
    expect(status()).toBe('I')
  })

  test('so is a first batch by the extended protocol, also before its Sync has come', async () => {
    await begin('begin')
    client.send(parse('s', 'select email from users'), describeMessage('S', 's'), flush)
    await client.until('T')
    expect(await answer(bind('', 's', [], 0), execute(''), sync())).toBe('1tT2DCZ')
    expect(status()).toBe('T')
  })

  test('the block has the options that the client gave it', async () => {
    await begin('begin isolation level serializable, read only, deferrable')
    expect(await answer(query('select email from users'))).toBe('TDCZ')
    for (const [name, value] of [
      ['isolation', 'serializable'],
      ['read_only', 'on'],
      ['deferrable', 'on'],
    ]) {
      client.send(query(`show transaction_${name}`))
      await client.until('Z')
      expect(
        client
          .take()
          .find(({ type }) => type === 'D')
          ?.body.toString('latin1', 6),
      ).toBe(value)
    }
  })

  test('a statement prepared before the block is its first one', async () => {
    await database.run('create table users (email text)')
    await answer(parse('s', 'select email from users'), sync())
    await begin('begin')
    await database.run('drop table users')
    expect(await answer(bind('', 's', [], 0), execute(''), sync())).toBe('2DCZ')
    expect(await answer(query('rollback'))).toBe('CZ')
    await begin('begin')
    expect(await answer(bind('', 's', [], 0), execute(''), sync())).toBe('2DCZ')
  })

  test('where nothing is new the error is the answer, and the block has failed', async () => {
    refresh = async () => false
    await begin('begin')
    expect(await answer(query('select 1 from users'))).toBe('E42P01Z')
    expect(status()).toBe('E')
    expect(await answer(query('select 1'))).toBe('E25P02Z')
    expect(await answer(query('rollback'))).toBe('CZ')
    expect(asked).toBe(1)
  })

  test('the first statement is processed again once, not for ever', async () => {
    await begin('begin')
    expect(await answer(query('select 1 from nowhere'))).toBe('E42P01Z')
    expect(status()).toBe('E')
    expect([asked, proxy.counters().retried]).toEqual([1, 1])
  })

  test('what is processed again is the second statement no longer', async () => {
    await begin('begin')
    expect(await answer(query('select 1 from users'))).toBe('TDCZ')
    expect(await answer(query('select 1 from nowhere'))).toBe('E42P01Z')
    expect([asked, status()]).toEqual([1, 'E'])
  })

  test.each([
    'select 1',
    'savepoint a',
    'set local work_mem = 64',
    'set transaction isolation level serializable',
    'begin',
    '',
  ])('after another statement it is too late: %j', async (sql) => {
    await begin('begin')
    await answer(query(sql))
    expect(await answer(query('select 1 from users'))).toBe('E42P01Z')
    expect([asked, status()]).toEqual([0, 'E'])
  })

  test('a BEGIN with a statement behind it in one packet is no block of a BEGIN alone', async () => {
    client.send(...run('begin'), query('select 1 from users'))
    await client.until('Z')
    await client.until('Z')
    expect(types()).toMatch(/^(?:12n?)?CZE42P01Z$/)
    expect([asked, status()]).toEqual([0, 'E'])
  })

  test('after an answer has begun it is too late', async () => {
    await begin('begin')
    expect(await answer(query('select 1; select 1 from users'))).toBe('TDCE42P01Z')
    expect(asked).toBe(0)
  })

  test('what a block of code met inside is not run again: a rollback does not undo all that it may have done', async () => {
    await begin('begin')
    expect(await answer(query('do $$ begin perform 1 from users; end $$'))).toBe('E42P01Z')
    expect([asked, status()]).toEqual([0, 'E'])
  })
})

test('the unnamed statement, made before the block, lives on', async () => {
  await answer(parse('', 'select 1'), sync())
  await answer(parse('b', 'begin'), bind('', 'b', [], 0), execute(''), sync())
  expect(await answer(parse('s', 'select 1 from users'), bind('', '', [], 0), execute(''), sync())).toBe('12DCZ')
  expect(proxy.counters().retried).toBe(1)
})

test.each([
  ['BEGIN in a Query of several statements', [query('begin; select 1')]],
  ['BEGIN twice in a Query', [query('begin; begin')]],
  ['BEGIN after a statement', [query('select 1; begin')]],
  [
    'BEGIN in a batch of several statements',
    [parse('', 'select 1'), bind('', '', [], 0), execute(''), ...byParse('begin')],
  ],
  ['a batch that goes on after BEGIN', [...byParse('begin').slice(0, -1), ...byParse('select 1')]],
  ['a portal besides the one of BEGIN', [parse('s', 'select 1'), bind('p', 's', [], 0), ...byParse('begin')]],
  ['a Query in the batch of BEGIN', [...byParse('begin').slice(0, -1), query('')]],
  ['a BEGIN that is too long to keep', [query(`begin -- ${'x'.repeat(2000)}`)]],
])('not a block of a BEGIN alone: %s', async (_, frames) => {
  await answer(...frames)
  expect(status()).toBe('T')
  expect(await answer(query('select 1 from users'))).toBe('E42P01Z')
  expect([asked, status()]).toEqual([0, 'E'])
})

test('a block that another block was chained to is not one of a BEGIN alone', async () => {
  await answer(query('begin'))
  await answer(query('commit and chain'))
  expect(await answer(query('select 1 from users'))).toBe('E42P01Z')
  expect([asked, status()]).toEqual([0, 'E'])
})

describe('where the block cannot be opened again', () => {
  /** Between the proxy and the server. What the proxy says passes through `garble`. */
  let line: Server
  let garble: (bytes: string) => string
  let lateProxy: TestProxy

  beforeEach(async () => {
    line = createServer((near) => {
      const far = connect(database.port, database.host)
      near.on('data', (chunk) => far.write(Buffer.from(garble(chunk.toString('latin1')), 'latin1')))
      far.on('data', (chunk) => near.write(chunk))
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        one.on('error', () => other.destroy())
        one.on('close', () => other.destroy())
      }
    }).listen(0, '127.0.0.1')
    await once(line, 'listening')
    garble = (bytes) => bytes
    const { port } = line.address() as AddressInfo
    const upstream = { host: '127.0.0.1', port, name: database.name }
    lateProxy = await startTestProxy(upstream, { source: proxy.source as FakeSource })
    client.socket.destroy()
    client = await connectWire({ port: lateProxy.port, database: database.name })
    await answer(query('begin'))
  })

  afterEach(async () => {
    client.socket.destroy()
    await lateProxy.close()
    line.close()
  })

  test('since the ROLLBACK fails, the error is the answer and the block has failed', async () => {
    garble = (bytes) => bytes.replace('hotswap_block\0ROLLBACK', 'hotswap_block\0ROLLBAXX')
    expect(await answer(query('select 1 from users'))).toBe('E42P01Z')
    expect(status()).toBe('E')
    expect(await answer(query('rollback'))).toBe('CZ')
    expect(await answer(query('select 1 from users'))).toBe('TDCZ')
  })

  test('since the BEGIN fails, it is tried again', async () => {
    garble = (bytes) => {
      const garbled = bytes.replace('hotswap_block\0begin', 'hotswap_block\0bexxx')
      if (garbled !== bytes) garble = (same) => same
      return garbled
    }
    expect(await answer(query('select 1 from users'))).toBe('TDCZ')
    expect(status()).toBe('T')
  })

  test('since the BEGIN fails each time, the session ends: its client believes to be in a block', async () => {
    garble = (bytes) => bytes.replace('hotswap_block\0begin', 'hotswap_block\0bexxx')
    client.send(query('select 1 from users'))
    await client.closed()
    expect(types()).toBe('E58000')
  })
})

test('where a later batch of the block was sent on it is too late', async () => {
  await answer(query('begin'))
  client.send(query('select 1 from users'), query('select 2'))
  await client.until('Z')
  await client.until('Z')
  expect(types()).toBe('E42P01ZE25P02Z')
  expect(asked).toBe(0)
})

test('what a client sends while its block is opened again comes after', async () => {
  await answer(query('begin'))
  const looked = new Promise<void>((resolve) => {
    refresh = async () => {
      resolve()
      client.send(query('select 2'), query('select email from users'), query('commit'))
      proxy.source.publish(migrated())
      return true
    }
  })
  client.send(query('select 1 from users'))
  await looked
  for (let i = 0; i < 4; i++) await client.until('Z')
  expect(types()).toBe('TDCZTDCZTDCZCZ')
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
