import pg from 'pg'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createDatabase, type TestDatabase } from '../../support/database.js'
import { waitFor } from '../../support/start-hotswap.js'
import {
  type Load,
  type LocalProxy,
  migrateThrough,
  startLoad,
  startProxyHere,
  startRelay,
  swap,
  swappedColumns,
} from './support.js'

const hold = { timeoutMs: 1000, lockTimeoutMs: 200, retries: 20, checkMs: 500 }

// Seconds where the machine is free; processes start, wait and come back.
vi.setConfig({ testTimeout: 120_000 })

let database: TestDatabase
const proxies: LocalProxy[] = []
const loads: Load[] = []
const clients: pg.Client[] = []

beforeEach(async () => {
  database = await createDatabase(swappedColumns)
})

afterEach(async () => {
  await Promise.all(loads.splice(0).map((load) => load.stop()))
  await Promise.all(clients.splice(0).map((client) => client.end().catch(() => undefined)))
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close({ deadlineMs: 500 })))
  await database.drop()
})

async function start(count: number, settings?: Parameters<typeof startProxyHere>[1]): Promise<LocalProxy[]> {
  for (let index = 0; index < count; index++) proxies.push(await startProxyHere(database.url, settings))
  return proxies
}

function loadOn(proxy: LocalProxy): Load {
  const load = startLoad(proxy.url)
  loads.push(load)
  return load
}

async function direct(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url })
  client.on('error', () => undefined)
  clients.push(client)
  await client.connect()
  return client
}

const versionsOf = (proxy: LocalProxy) => proxy.versions.current().generation.versions.map(({ name }) => name)

test('a switch of one proxy holds the traffic of all, and each rewrites for the new head before it goes on', async () => {
  const [first, second, third] = await start(3)
  if (first === undefined || second === undefined || third === undefined) throw new Error('there are three')
  const running = [loadOn(first), loadOn(second), loadOn(third)]
  await waitFor(() => running.every(({ answers }) => answers > 20))
  for (const [index, proxy] of [first, second, third, first].entries()) {
    const { error, report } = await migrateThrough(proxy.url, `m${index}`, swap)
    expect(error).toBeUndefined()
    expect(report).toMatchObject({ ok: true })
  }
  const before = running.map(({ answers }) => answers)
  await waitFor(() => running.every(({ answers }, index) => answers > (before[index] ?? 0) + 20))
  for (const load of running) expect(load).toMatchObject({ wrong: [], errors: [] })
  for (const proxy of proxies) expect(versionsOf(proxy)).toEqual(['initial', 'm0', 'm1', 'm2', 'm3'])
})

test('two migrations at once never switch at once: one comes after the other', async () => {
  const [first, second] = await start(2)
  if (first === undefined || second === undefined) throw new Error('there are two')
  const running = [loadOn(first), loadOn(second)]
  await waitFor(() => running.every(({ answers }) => answers > 20))
  const done = await Promise.all([
    migrateThrough(first.url, 'a', swap),
    migrateThrough(second.url, 'b', 'ALTER TABLE posts ADD COLUMN note text'),
  ])
  for (const { error } of done) expect(error).toBeUndefined()
  await waitFor(() => versionsOf(first).length === 3 && versionsOf(second).length === 3)
  expect(versionsOf(first)).toEqual(versionsOf(second))
  const before = running.map(({ answers }) => answers)
  await waitFor(() => running.every(({ answers }, index) => answers > (before[index] ?? 0) + 20))
  for (const load of running) expect(load).toMatchObject({ wrong: [], errors: [] })
})

test('a transaction on another proxy makes the migration give way, and is named', async () => {
  const [first, second] = await start(2, { config: { hold: { ...hold, timeoutMs: 300, retries: 2 } } })
  if (first === undefined || second === undefined) throw new Error('there are two')
  const blocker = new pg.Client({ connectionString: second.url, application_name: 'idler' })
  clients.push(blocker)
  await blocker.connect()
  await blocker.query('BEGIN; SELECT title FROM posts')
  const { error, report } = await migrateThrough(first.url, 'm', swap)
  expect(error).toMatchObject({ code: '55P03', message: expect.stringContaining('127.0.0.1') })
  expect(report?.blockers).toMatchObject([{ applicationName: 'idler', state: 'transaction' }])
  await blocker.query('COMMIT')
  expect((await blocker.query('SELECT title FROM posts')).rows).toEqual([{ title: 'T' }])
})

test('a proxy that loses its fleet connection joins again, and its clients notice nothing', async () => {
  const [first, second] = await start(2)
  if (first === undefined || second === undefined) throw new Error('there are two')
  const running = [loadOn(first), loadOn(second)]
  await waitFor(() => running.every(({ answers }) => answers > 20))
  const admin = await direct()
  await admin.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pg-hotswap fleet' AND datname = current_database()",
  )
  const { error } = await migrateThrough(first.url, 'm', swap)
  expect(error).toBeUndefined()
  await waitFor(() => [first, second].every((proxy) => versionsOf(proxy).length === 2))
  const before = running.map(({ answers }) => answers)
  await waitFor(() => running.every(({ answers }, index) => answers > (before[index] ?? 0) + 20))
  for (const load of running) expect(load).toMatchObject({ wrong: [], errors: [] })
})

test('a proxy that is cut off holds its traffic; it is fenced, the switch completes, and it comes back with the new head', async () => {
  const relay = await startRelay(new URL(database.url))
  try {
    const [first] = await start(1, { config: { hold } })
    const [, second] = await start(1, { config: { hold, control: relay.url } })
    if (first === undefined || second === undefined) throw new Error('there are two')
    const running = [loadOn(first), loadOn(second)]
    await waitFor(() => running.every(({ answers }) => answers > 20))
    relay.cut()
    const { error, report } = await migrateThrough(first.url, 'm', swap)
    expect(error).toBeUndefined()
    expect(report).toMatchObject({ ok: true })
    expect(first.log.some(({ message }) => message.includes('fenced'))).toBe(true)
    // Held while it was cut off; its sessions were ended by the fence.
    await waitFor(() => (running[1]?.errors.length ?? 0) > 0)
    expect(running[1]?.errors[0]?.code).toMatch(/^57P01$/)
    relay.mend()
    const before = running[1]?.answers ?? 0
    await waitFor(() => (running[1]?.answers ?? 0) > before + 20)
    expect(versionsOf(second)).toEqual(['initial', 'm'])
    expect(running[0]).toMatchObject({ wrong: [], errors: [] })
    expect(running[1]).toMatchObject({ wrong: [] })
  } finally {
    relay.stop()
  }
})

test('a coordinator that is cut off during its migration ends it as it would have, and the others wait for that', async () => {
  const relay = await startRelay(new URL(database.url))
  try {
    const [first] = await start(1, { config: { hold } })
    const cutAt = async (point: string) => {
      if (point === 'planned') relay.cut()
      if (point === 'committed') relay.mend()
    }
    const [, second] = await start(1, { config: { hold, control: relay.url }, at: cutAt })
    if (first === undefined || second === undefined) throw new Error('there are two')
    const running = [loadOn(first), loadOn(second)]
    await waitFor(() => running.every(({ answers }) => answers > 20))
    await migrateThrough(second.url, 'm', swap)
    relay.mend()
    await waitFor(() => versionsOf(first).length === versionsOf(second).length)
    const before = running.map(({ answers }) => answers)
    await waitFor(() => running.every(({ answers }, index) => answers > (before[index] ?? 0) + 20))
    for (const load of running) expect(load.wrong).toEqual([])
    expect(running[0]?.errors).toEqual([])
  } finally {
    relay.stop()
  }
})

test('a statement that a client left behind is waited for', async () => {
  const [first] = await start(1, { config: { hold: { ...hold, retries: 1 } } })
  if (first === undefined) throw new Error('there is one')
  const locker = await direct()
  await locker.query('BEGIN; LOCK TABLE posts')
  const client = new pg.Client({ connectionString: first.url })
  client.on('error', () => undefined)
  await client.connect()
  const sent = client.query("UPDATE posts SET title = 'late'").catch(() => undefined)
  const waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE posts%'"
  const admin = await direct()
  await waitFor(async () => (await admin.query(waits)).rows.length > 0)
  // The socket of `pg` is no part of its types.
  ;(client as unknown as { connection: { stream: { resetAndDestroy(): void } } }).connection.stream.resetAndDestroy()
  await sent
  await waitFor(() => first.proxy.sessions().length === 0)
  const { error } = await migrateThrough(first.url, 'm', 'ALTER TABLE posts ADD COLUMN note text')
  expect(error?.message).toContain('a statement whose client is gone is still under way')
  await locker.query('COMMIT')
  await waitFor(async () => (await admin.query(waits)).rows.length === 0)
  expect((await migrateThrough(first.url, 'm', swap)).error).toBeUndefined()
  expect((await admin.query('SELECT title, body FROM posts')).rows).toEqual([{ title: 'B', body: 'late' }])
})

test('a role that may not end backends of a proxy that is cut off lets the switch give way, and says what it needs', async () => {
  const role = `${database.name}_control`
  await database.run(`CREATE ROLE ${role} LOGIN PASSWORD 'p'; GRANT CREATE ON DATABASE ${database.name} TO ${role}`)
  const control = new URL(database.url)
  control.username = role
  control.password = 'p'
  const relay = await startRelay(control)
  try {
    const [first] = await start(1, { config: { hold: { ...hold, retries: 1 }, control: control.href } })
    const [, second] = await start(1, { config: { hold, control: relay.url } })
    if (first === undefined || second === undefined) throw new Error('there are two')
    const running = [loadOn(first), loadOn(second)]
    await waitFor(() => running.every(({ answers }) => answers > 20))
    relay.cut()
    const { error } = await migrateThrough(first.url, 'm', swap)
    expect(error).toMatchObject({ code: '55P03', message: expect.stringContaining('GRANT pg_signal_backend') })
    expect(versionsOf(first)).toEqual(['initial'])
    relay.mend()
    const before = running.map(({ answers }) => answers)
    await waitFor(() => running.every(({ answers }, index) => answers > (before[index] ?? 0) + 20))
    expect(running[0]).toMatchObject({ wrong: [], errors: [] })
    expect(running[1]).toMatchObject({ wrong: [] })
  } finally {
    relay.stop()
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close({ deadlineMs: 500 })))
    await database.run(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`)
  }
})
