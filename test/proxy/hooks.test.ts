import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { HookReply, MigratorSession } from '../../src/proxy/contracts.js'
import { createDatabase, type TestDatabase } from '../support/database.js'
import { query } from '../support/frontend-message.js'
import { fakeGeneration, fakeSource } from './support/fake-generations.js'
import { startTestProxy, type TestProxy } from './support/start-test-proxy.js'
import { until } from './support/until.js'
import { connectWire, fieldsOf } from './support/wire-client.js'

let database: TestDatabase
let proxy: TestProxy

type Run = (session: MigratorSession, text: string, name: string, signal: AbortSignal) => Promise<HookReply>
let migrate: Run = async () => done
let control: (text: string) => Promise<HookReply> = async () => done
const done: HookReply = { ok: true, tag: 'MIGRATE', notices: [] }

beforeAll(async () => {
  database = await createDatabase('create table t (a int)')
  proxy = await startTestProxy(database, {
    source: fakeSource(fakeGeneration(1, ['v1', 'v2'], (text) => text.replace('users', 'people'))),
    migrator: { run: (...args) => migrate(...args) },
    control: { run: (text) => control(text) },
  })
})

beforeEach(() => {
  migrate = async () => done
})

afterAll(async () => {
  await proxy.close()
  await database.drop()
})

async function migrator(): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: proxy.url(database.name),
    options: '-c hotswap.migrate=0002-people',
    application_name: 'pg-hotswap migrate',
  })
  await client.connect()
  return client
}

test('a migrator query is given to the hook, which answers it', async () => {
  let seen: unknown[] = []
  migrate = async (session, text, name) => {
    seen = [session.user, session.database, session.applicationName, typeof session.pid, text, name]
    return done
  }
  const client = await migrator()
  const answer = await client.query("alter table users; -- 'é'")
  expect(answer.command).toBe('MIGRATE')
  expect(seen).toEqual([
    'postgres',
    database.name,
    'pg-hotswap migrate',
    'number',
    "alter table users; -- 'é'",
    '0002-people',
  ])
  await client.end()
})

test('the hook runs SQL on the session connection, in one transaction if it wants to', async () => {
  migrate = async (session, text) => {
    const begun = await session.query('begin; select pg_backend_pid()')
    const ran = await session.query(text)
    const rows = await session.query("select a, null, 'é' from t; select count(*) from t")
    const last = await session.query('commit')
    expect(begun).toEqual({ ok: true, rows: [[String(session.pid)]], tag: 'SELECT 1' })
    expect(ran).toEqual({ ok: true, rows: [], tag: 'INSERT 0 1' })
    expect(rows).toEqual({ ok: true, rows: [['1']], tag: 'SELECT 1' })
    expect(last).toEqual({ ok: true, rows: [], tag: 'COMMIT' })
    const texts = await session.query("select null, 'é', a from t")
    expect(texts).toMatchObject({ rows: [[null, 'é', '5']] })
    return done
  }
  const client = await migrator()
  await client.query('insert into t values (5)')
  await client.end()
})

test('an error of internal SQL is a value, and the client sees what the hook makes of it', async () => {
  migrate = async (session) => {
    const failed = await session.query('select 1; select nothing')
    if (failed.ok) throw new Error('it should fail')
    return { ok: false, error: failed.error }
  }
  const client = await migrator()
  await expect(client.query('x')).rejects.toMatchObject({ code: '42703', message: 'column "nothing" does not exist' })
  expect((await client.query('y').catch((error: Error) => error.message)) as string).toContain('nothing')
  await client.end()
})

test('internal SQL with COPY FROM STDIN fails instead of waiting for data', async () => {
  migrate = async (session) => {
    const failed = await session.query('copy t from stdin')
    return failed.ok ? done : { ok: false, error: failed.error }
  }
  const client = await migrator()
  await expect(client.query('x')).rejects.toMatchObject({ code: '57014' })
  await client.end()
})

test('notices arrive at once, and those of the server and of the reply too', async () => {
  const wire = await connectWire({
    port: proxy.port,
    database: database.name,
    startup: { options: '-c hotswap.migrate=x' },
  })
  let release = () => {}
  migrate = async (session) => {
    session.notice('waiting for “app”')
    await new Promise<void>((resolve) => {
      release = resolve
    })
    await session.query("do $$ begin raise notice 'from the server'; end $$")
    return { ok: true, tag: 'MIGRATE', notices: ['held for 3 ms'] }
  }
  wire.send(query('x'))
  expect(fieldsOf((await wire.until('N')).body)).toMatchObject({ S: 'NOTICE', M: 'waiting for “app”' })
  release()
  expect(fieldsOf((await wire.until('N')).body).M).toBe('from the server')
  expect(fieldsOf((await wire.until('N')).body).M).toBe('held for 3 ms')
  expect((await wire.until('C')).body.toString()).toBe('MIGRATE\0')
  await wire.until('Z')
  wire.socket.destroy()
})

test('a migrator is not held and does not keep the gate from being drained', async () => {
  migrate = async (session) => {
    proxy.gate.hold()
    await session.query('begin')
    const drained = await proxy.gate.drained(AbortSignal.timeout(5_000))
    await session.query('commit')
    proxy.gate.release()
    return { ok: true, tag: drained ? 'DRAINED' : 'BUSY', notices: [] }
  }
  const client = await migrator()
  expect((await client.query('x')).command).toBe('DRAINED')
  await client.end()
})

test('queries that a migrator sends at once are run one after the other', async () => {
  const order: string[] = []
  migrate = async (session, text) => {
    order.push(`${text} begins`)
    await session.query('select 1')
    order.push(`${text} ends`)
    return done
  }
  const wire = await connectWire({
    port: proxy.port,
    database: database.name,
    startup: { options: '-c hotswap.migrate=x' },
  })
  wire.send(query('a'), query('b'))
  await wire.until('Z')
  await wire.until('Z')
  expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends'])
  wire.socket.destroy()
})

test('the signal fires when the client leaves, and internal SQL rejects', async () => {
  let aborted = false
  let failure = ''
  migrate = async (session, _text, _name, signal) => {
    signal.addEventListener('abort', () => {
      aborted = true
    })
    await session.query('select pg_sleep(20)').catch((error: Error) => {
      failure = error.message
    })
    return done
  }
  const wire = await connectWire({
    port: proxy.port,
    database: database.name,
    startup: { options: '-c hotswap.migrate=x' },
  })
  wire.send(query('x'))
  await until('the migrator is busy', () => proxy.sessions().some((session) => session.state === 'active'))
  wire.socket.resetAndDestroy()
  await until('the hook was told', () => aborted && failure !== '')
  expect(failure).toContain('lost')
})

test('a hook that throws is answered by an internal error, and the session goes on', async () => {
  migrate = async () => {
    throw new Error('a bug')
  }
  const client = await migrator()
  await expect(client.query('x')).rejects.toMatchObject({ code: 'XX000' })
  migrate = async () => done
  expect((await client.query('x')).command).toBe('MIGRATE')
  await client.end()
})

test('a control query is given to the control hook', async () => {
  control = async (text) => ({ ok: true, tag: text.toUpperCase(), notices: [] })
  const client = new pg.Client({ connectionString: proxy.url(database.name), options: '-c hotswap.control=on' })
  await client.connect()
  expect((await client.query('reload')).command).toBe('RELOAD')
  await client.end()
})

test('a wrong password reaches no hook', async () => {
  let called = false
  migrate = async () => {
    called = true
    return done
  }
  const url = proxy.url(database.name).replace(':postgres@', ':wrong@')
  const client = new pg.Client({ connectionString: url, options: '-c hotswap.migrate=x' })
  await expect(client.connect()).rejects.toThrow('password authentication failed')
  expect(called).toBe(false)
})

test('a migrator that uses the extended protocol is refused: it would go past the hook', async () => {
  const client = await migrator()
  client.on('error', () => undefined)
  await expect(client.query('select $1', [1])).rejects.toThrow('takes simple queries only')
})

test('a proxy without a hook refuses such a connection', async () => {
  const plain = await startTestProxy(database)
  const client = new pg.Client({ connectionString: plain.url(database.name), options: '-c hotswap.migrate=x' })
  await expect(client.connect()).rejects.toThrow('takes no migrator connections')
  await plain.close()
})
