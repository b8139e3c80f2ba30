import type { Socket } from 'node:net'
import pg from 'pg'
import { expect, test, vi } from 'vitest'
import { encodeMigration } from '../../../src/switch/migration-text.js'
import { waitFor } from '../../support/start-hotswap.js'
import { migrateThrough, startRelay } from '../../switch/fleet/support.js'
import { cancel } from './cancel.js'
import { useSetting } from './setting.js'
import { migrations } from './visitors.js'

// A pooler makes up the keys of its clients: which backend a session has, only the session itself can say.

vi.setConfig({ testTimeout: 60_000 })

const setting = useSetting()
const hold = { timeoutMs: 500, lockTimeoutMs: 100, retries: 2, checkMs: 10_000 }

test('a file that runs for too long is cancelled', async () => {
  const { database, pooler, proxyBehind } = setting()
  const proxy = await proxyBehind(await pooler({ target: database }), { config: { hold } })
  const { error, ms } = await migrateThrough(proxy.url, 'slow', `${migrations.rename}; SELECT pg_sleep(20)`)
  expect(error).toMatchObject({ code: '57014' })
  expect(ms).toBeLessThan(10_000)
})

test('a tool that holds traffic for too long is cancelled, and traffic goes on', async () => {
  const { database, pooler, proxyBehind, connect } = setting()
  const proxy = await proxyBehind(await pooler({ target: database }), { config: { hold } })
  const tool = await connect(proxy.url, '-c hotswap.run=on')
  const app = await connect(proxy.url)
  await tool.query('BEGIN')
  await tool.query('ALTER TABLE users RENAME TO people')
  const slow = tool.query('SELECT pg_sleep(20)').then(
    () => undefined,
    (error: pg.DatabaseError) => error,
  )
  const began = performance.now()
  expect((await app.query('SELECT name FROM users WHERE id = 1')).rows).toEqual([{ name: 'user 1' }])
  expect(performance.now() - began).toBeLessThan(10_000)
  expect(await slow).toMatchObject({ code: '57014' })
  await tool.query('ROLLBACK')
})

test('a client that waits for what the migration locked makes it give way at once, and who it is', async () => {
  const { database, pooler, proxyBehind, connect } = setting()
  const patient = { ...hold, timeoutMs: 20_000, lockTimeoutMs: 200 }
  const proxy = await proxyBehind(await pooler({ target: database }), { config: { hold: patient } })
  const tool = await connect(proxy.url, '-c hotswap.run=on')
  const app = await connect(proxy.url)
  await tool.query('BEGIN')
  await tool.query('UPDATE posts SET title = title')
  await app.query('BEGIN')
  const waiting = app.query('UPDATE posts SET body = body')
  const began = performance.now()
  const error = await tool.query('ALTER TABLE users RENAME TO people').then(
    () => undefined,
    (thrown: pg.DatabaseError) => thrown,
  )
  expect(error).toMatchObject({ code: '55P03', message: expect.stringContaining('wait for locks that it took before') })
  expect(performance.now() - began).toBeLessThan(10_000)
  await waiting
  await app.query('COMMIT')
  await tool.query('ROLLBACK')
})

test('those in the way are named by their backends', async () => {
  const { database, pooler, proxyBehind, connect } = setting()
  const proxy = await proxyBehind(await pooler({ target: database }), { config: { hold } })
  const app = await connect(proxy.url)
  await app.query('BEGIN')
  const { rows } = await app.query<{ pid: number }>('SELECT pg_backend_pid() AS pid FROM users LIMIT 1')
  const { error, report } = await migrateThrough(proxy.url, 'renamed', migrations.rename)
  expect(error).toMatchObject({ code: '55P03' })
  expect(report?.blockers).toMatchObject([{ pid: rows[0]?.pid, state: 'transaction' }])
  await app.query('COMMIT')
})

test('a cancel request reaches the statement of its client, and no other', async () => {
  const { database, pooler, proxyBehind, connect } = setting()
  const proxy = await proxyBehind(await pooler({ target: database }))
  const app = await connect(proxy.url)
  const other = await connect(proxy.url)
  const lasting = other.query("SELECT pg_sleep(1), 'done' AS said")
  const cancelled = app.query('SELECT pg_sleep(20)').then(
    () => undefined,
    (error: pg.DatabaseError) => error,
  )
  const direct = await connect(database.url)
  await waitFor(async () => {
    const active = await direct.query(
      "SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'",
    )
    return active.rowCount === 2
  })
  cancel(proxy.url, app)
  expect(await cancelled).toMatchObject({ code: '57014' })
  expect((await lasting).rows).toMatchObject([{ said: 'done' }])
})

test('clients that leave in the middle of their statements leave nothing that a switch waits for', async () => {
  const { database, pooler, proxyBehind, connect } = setting()
  const pool = await pooler({ target: database })
  const proxy = await proxyBehind(pool)
  for (let index = 0; index < 60; index++) {
    const client = new pg.Client({ connectionString: proxy.url })
    client.on('error', () => undefined)
    await client.connect()
    client.query('SELECT name FROM users WHERE id = 1').catch(() => undefined)
    if (index % 3 === 1) await new Promise((resolve) => setImmediate(resolve))
    if (index % 3 === 2) await (await connect(database.url)).query('SELECT 1')
    streamOf(client).destroy()
  }
  const { error } = await migrateThrough(proxy.url, 'renamed', migrations.rename)
  expect(error).toBeUndefined()
})

test('a proxy that is cut off is fenced: the backends that the pooler lent to its sessions end, and no others', async () => {
  const { database, pooler, proxyBehind, connect } = setting()
  const relay = await startRelay(new URL(database.url))
  try {
    const pool = await pooler({ target: database, poolSize: 12 })
    const config = { hold: { ...hold, retries: 20 } }
    const first = await proxyBehind(pool, { config })
    const second = await proxyBehind(pool, { config: { ...config, control: relay.url } })
    const fenced = await connect(second.url)
    const stays = await connect(first.url)
    const pid = async (client: pg.Client) => (await client.query('SELECT pg_backend_pid() AS pid')).rows[0]?.pid
    const [gone, kept] = [await pid(fenced), await pid(stays)]
    relay.cut()
    const { error } = await migrateThrough(first.url, 'renamed', migrations.rename)
    expect(error).toBeUndefined()
    const direct = await connect(database.url)
    const { rows } = await direct.query('SELECT pid FROM pg_stat_activity WHERE pid = ANY ($1)', [[gone, kept]])
    expect(rows).toEqual([{ pid: kept }])
    expect(await pid(stays)).toBe(kept)
  } finally {
    relay.stop()
  }
})

test('a migration whose client has left does not end the backend that the pooler gave to somebody else', async () => {
  const { database, pooler, proxyBehind, connect } = setting()
  const pool = await pooler({ target: database, poolSize: 1 })
  let migrator: pg.Client | undefined
  let other: pg.Client | undefined
  const proxy = await proxyBehind(pool, {
    async at(point) {
      if (point !== 'drained') return
      streamOf(migrator).destroy()
      other = await connect(pool.url(database.name))
      // Answered once the pooler has the only backend back.
      await other.query('SELECT 1')
    },
  })
  migrator = await connect(proxy.url, '-c hotswap.migrate=renamed')
  await migrator.query(encodeMigration({ sql: migrations.rename, rules: undefined })).catch(() => undefined)
  await waitFor(() => proxy.log.some(({ message }) => message === 'migration rolled back'))
  for (let count = 0; count < 20; count++) await other?.query('SELECT pg_sleep(0.005)')
  expect(await other?.query('SELECT name FROM users WHERE id = 1')).toMatchObject({ rows: [{ name: 'user 1' }] })
})

test.for([
  'its backend idles in the pool',
  'its backend is lent to the migration',
])('a client that is lost while its answer is on its way leaves nothing that a switch waits for: %s', async (whose) => {
  const { database, pooler, proxyBehind, connect } = setting()
  const proxy = await proxyBehind(await pooler({ target: database }))
  const client = await connect(proxy.url)
  const other = whose.endsWith('pool') ? await connect(proxy.url) : undefined
  client.query('SELECT name FROM users WHERE id = 1').catch(() => undefined)
  while (proxy.proxy.sessions().every(({ state }) => state !== 'active')) await new Promise(setImmediate)
  streamOf(client).resetAndDestroy()
  // The proxy lives in this process: it sees the loss first, then the answer, which the pooler has had for long by then.
  for (const until = performance.now() + 100; performance.now() < until; );
  // The pooler lends what was given back last.
  await other?.end()
  expect(await migrateThrough(proxy.url, 'renamed', migrations.rename)).toMatchObject({ error: undefined })
})

test('a pooler that pools transactions is noticed, and the session refused', async () => {
  const { database, pooler, proxyBehind, connect } = setting()
  const proxy = await proxyBehind(await pooler({ target: database, mode: 'transaction' }))
  const first = await connect(proxy.url)
  await expect(connect(proxy.url)).rejects.toMatchObject({
    code: '0A000',
    message: expect.stringContaining('one backend to several sessions'),
  })
  await first.end()
})

function streamOf(client: pg.Client | undefined): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream
}
