import pg from 'pg'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Status } from '../../../src/admin/status.js'
import { runProgram } from '../../cli/run-program.js'
import { createDatabase, type TestDatabase } from '../../support/database.js'
import { waitFor } from '../../support/start-hotswap.js'
import {
  type LocalProxy,
  migrateThrough,
  type ProxyProcess,
  startProxyHere,
  startProxyProcess,
  startRelay,
  swap,
  swappedColumns,
} from './support.js'

// Seconds where the machine is free; processes start, wait and come back.
vi.setConfig({ testTimeout: 120_000 })

let database: TestDatabase
const proxies: LocalProxy[] = []
const processes: ProxyProcess[] = []
const clients: pg.Client[] = []

beforeEach(async () => {
  database = await createDatabase(swappedColumns)
})

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end().catch(() => undefined)))
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close({ deadlineMs: 500 })))
  await Promise.all(processes.splice(0).map((one) => one.end()))
  await database.drop()
})

async function connect(url: string, options?: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, ...(options === undefined ? {} : { options }) })
  client.on('error', () => undefined)
  clients.push(client)
  await client.connect()
  return client
}

async function startHere(settings?: Parameters<typeof startProxyHere>[1]): Promise<LocalProxy> {
  const proxy = await startProxyHere(database.url, settings)
  proxies.push(proxy)
  return proxy
}

/** Two proxies of a database whose newest version is `m`, which is the default, too; `initial` has its columns swapped. */
async function startTwo(
  settings?: Parameters<typeof startProxyHere>[1],
): Promise<{ readonly first: LocalProxy; readonly second: LocalProxy }> {
  const first = await startHere()
  const second = await startHere(settings)
  await migrated(first)
  await waitFor(() => second.versions.defaultVersion === 'm')
  return { first, second }
}

async function migrated(proxy: LocalProxy): Promise<void> {
  expect((await migrateThrough(proxy.url, 'm', swap)).error).toBeUndefined()
  expect(await proxy.versions.promote('m')).toBeUndefined()
}

interface Refusal {
  readonly code: string
  readonly message: string
  readonly detail: string | undefined
}

/** The refusal of a retirement; undefined where it took place. */
async function retire({ url }: { readonly url: string }): Promise<Refusal | undefined> {
  const control = await connect(url, '-c hotswap.control=on')
  try {
    await control.query("RETIRE 'initial'")
    return undefined
  } catch (error) {
    return error as Refusal
  } finally {
    await control.end()
  }
}

async function statusOf({ url }: { readonly url: string }): Promise<Status> {
  return JSON.parse((await runProgram('status', '--url', url, '--json')).out) as Status
}

const select = 'SELECT title, body FROM posts'
const old = '-c hotswap.version=initial'
/** What the version `initial` says; the other one has them the other way round. */
const right = [{ title: 'T', body: 'B' }]
const portOf = ({ url }: { readonly url: string }) => new URL(url).port

test('retire is refused while a client of another proxy speaks the version, and names the proxy', async () => {
  const { first, second } = await startTwo()
  const client = await connect(second.url, `${old} -c application_name=billing`)
  expect(await retire(first)).toMatchObject({
    code: '55006',
    message: '1 session speaks the version "initial"',
    detail: expect.stringMatching(new RegExp(`^the proxy 127.0.0.1:${portOf(second)} \\(.*\\): 1 \\(billing\\)$`)),
  })
  expect((await client.query(select)).rows).toEqual(right)
  const also = await connect(first.url, old)
  await waitFor(async () => (await retire(second))?.message === '2 sessions speak the version "initial"')
  await also.end()
  await client.end()
  await waitFor(async () => (await retire(first)) === undefined)
  await waitFor(() => second.versions.retired.includes('initial'))
  await expect(connect(second.url, old)).rejects.toMatchObject({ code: '22023', message: /was retired/ })
})

test('status shows all proxies, and counts the sessions of all', async () => {
  const { first, second } = await startTwo()
  await connect(second.url, `${old} -c application_name=billing`)
  await connect(first.url)
  await waitFor(async () => (await statusOf(first)).versions[0]?.sessions === 1)
  const status = await statusOf(first)
  expect(status).toMatchObject({
    versions: [
      { name: 'initial', sessions: 1, clients: ['billing'], retirable: false },
      { name: 'm', head: true, default: true, sessions: 1 },
    ],
    fleet: [
      {
        name: expect.stringContaining(`127.0.0.1:${portOf(first)} (`),
        self: true,
        connected: true,
        sessions: { m: 1 },
      },
      { self: false, connected: true, standing: 'serving', sessions: { initial: 1 } },
    ],
    direct: false,
  })
  expect((await runProgram('status', '--url', first.url)).out).toMatch(
    new RegExp(`^proxy 127.0.0.1:${portOf(second)} \\(.*\\): serves; sessions: initial 1$`, 'm'),
  )
  await clients[0]?.end()
  await waitFor(async () => (await statusOf(first)).direct)
  expect((await statusOf(first)).versions[0]).toMatchObject({ sessions: 0, retirable: true })
})

test('a session that moves to another version by SET counts for it at once, and no longer for the one before', async () => {
  const { first, second } = await startTwo()
  const client = await connect(second.url)
  await client.query("SET hotswap.version = 'initial'")
  expect((await client.query(select)).rows).toEqual(right)
  await waitFor(async () => (await statusOf(first)).versions[0]?.sessions === 1)
  expect(await retire(first)).toMatchObject({ code: '55006' })
  await client.query('RESET hotswap.version')
  await client.query(select)
  await waitFor(async () => (await retire(first)) === undefined)
})

test('promote --live moves the sessions of all proxies, so that what they spoke can be retired', async () => {
  const first = await startHere()
  const second = await startHere()
  const client = await connect(second.url)
  const idle = await connect(second.url)
  expect((await migrateThrough(first.url, 'm', swap)).error).toBeUndefined()
  await client.query('BEGIN')
  expect((await client.query(select)).rows).toEqual(right)
  await waitFor(async () => (await statusOf(first)).versions[0]?.sessions === 2)
  expect((await runProgram('promote', 'm', '--live', '--url', first.url)).out).toContain(
    '\n2 connected sessions speak it',
  )
  await waitFor(() => second.versions.defaultVersion === 'm')
  // In its transaction it goes on as it began.
  expect((await client.query(select)).rows).toEqual(right)
  await waitFor(async () => (await retire(first))?.message === '1 session speaks the version "initial"')
  await client.query('COMMIT')
  await waitFor(async () => (await retire(first)) === undefined)
  await waitFor(() => second.versions.retired.includes('initial'))
  for (const moved of [client, idle]) expect((await moved.query(select)).rows).toEqual([{ title: 'B', body: 'T' }])
})

test('a version that the configuration of a proxy gives to clients is needed, whoever is connected', async () => {
  const first = await startHere()
  const second = await startHere({ config: { defaultVersion: 'initial' } })
  await migrated(first)
  await waitFor(async () => (await statusOf(first)).versions[0]?.configured === true)
  expect(await statusOf(first)).toMatchObject({ versions: [{ name: 'initial', retirable: false }, {}], direct: false })
  expect(await retire(first)).toMatchObject({
    code: '55006',
    detail: expect.stringMatching(new RegExp(`:${portOf(second)} .*: its configuration gives the version to clients$`)),
  })
  expect((await (await connect(second.url)).query(select)).rows).toEqual(right)
  await Promise.all(clients.splice(0).map((client) => client.end()))
  await second.close()
  await waitFor(async () => (await retire(first)) === undefined)
})

/** Holds up whoever begins to speak a version, or retires one: they go on in the order in which they came. */
async function holdSpeaking(): Promise<{ readonly waiting: (count: number) => Promise<void>; end(): Promise<void> }> {
  const direct = await connect(database.url)
  const admin = await connect(database.url)
  await direct.query('BEGIN; SELECT pg_advisory_xact_lock(1752397680, -2)')
  const waiters = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 1752397680 AND NOT granted"
  return {
    waiting: (count) => waitFor(async () => (await admin.query(waiters)).rowCount === count),
    async end() {
      await direct.query('COMMIT')
    },
  }
}

test('a client that connects to another proxy before the retirement has it refused', async () => {
  const { first, second } = await startTwo()
  const held = await holdSpeaking()
  let admitted = false
  const connecting = connect(second.url, old)
  connecting.then(() => {
    admitted = true
  })
  await held.waiting(1)
  // The versions that this proxy's sessions speak are told first; the retirement comes third.
  const retiring = first.versions.retire('initial')
  await held.waiting(2)
  expect(admitted).toBe(false)
  await held.end()
  expect(await retiring).toMatchObject({ sqlstate: '55006' })
  expect((await (await connecting).query(select)).rows).toEqual(right)
})

test('a client that connects to another proxy after the retirement, of which that one does not know, is refused', async () => {
  const { first, second } = await startTwo({ config: { pollMs: 0 } })
  const held = await holdSpeaking()
  const retiring = first.versions.retire('initial')
  await held.waiting(1)
  const connecting = connect(second.url, old)
  connecting.catch(() => undefined)
  await held.waiting(2)
  await held.end()
  expect(await retiring).toBeUndefined()
  await expect(connecting).rejects.toMatchObject({ code: '22023', message: /was retired/ })
})

test('a session that says SET while the version is retired ends, and never gets the answer of another version', async () => {
  const { first, second } = await startTwo()
  const client = await connect(second.url)
  await client.query("SET hotswap.version = 'initial'")
  // Nobody was told yet: the version counts when a statement comes.
  expect(await first.versions.retire('initial')).toBeUndefined()
  await waitFor(() => second.versions.retired.includes('initial'))
  await expect(client.query(select)).rejects.toMatchObject({
    code: '57P01',
    message: 'version "initial" of the schema is no longer served',
  })
})

test('a session that speaks a version which is retired before anybody could be told ends with an error', async () => {
  const { first, second } = await startTwo({ config: { pollMs: 0 } })
  const client = await connect(second.url)
  const ended = new Promise<Refusal>((resolve) => client.once('error', (error) => resolve(error as never)))
  const held = await holdSpeaking()
  const retiring = first.versions.retire('initial')
  await held.waiting(1)
  await client.query("SET hotswap.version = 'initial'")
  expect((await client.query(select)).rows).toEqual(right)
  await held.waiting(2)
  await held.end()
  expect(await retiring).toBeUndefined()
  expect(await ended).toMatchObject({ code: '57P01', message: /was retired/ })
})

test('a proxy that is cut off counts with its sessions until they are gone', async () => {
  const relay = await startRelay(new URL(database.url))
  try {
    const { first, second } = await startTwo({ config: { control: relay.url } })
    const client = await connect(second.url, old)
    await client.query(select)
    relay.cut()
    await waitFor(async () => (await statusOf(first)).fleet?.[1]?.connected === false)
    expect((await statusOf(first)).fleet?.[1]).toMatchObject({ standing: 'held', sessions: { initial: 1 } })
    expect(await retire(first)).toMatchObject({ code: '55006', detail: expect.stringContaining('no connection') })
    expect(await retire(second)).toMatchObject({ code: '57P03' })
    expect((await statusOf(second)).fleet).toBeNull()
    relay.mend()
    expect((await client.query(select)).rows).toEqual(right)
    relay.cut()
    await client.end()
    await waitFor(async () => (await retire(first)) === undefined)
    relay.mend()
  } finally {
    relay.stop()
  }
})

test('a proxy that was killed keeps nobody from retiring, and status says that it is gone', async () => {
  const first = await startHere()
  const second = await startProxyProcess(database.url)
  processes.push(second)
  await migrated(first)
  await connect(second.url, old)
  await waitFor(async () => (await statusOf(first)).versions[0]?.sessions === 1)
  second.child.kill('SIGKILL')
  await waitFor(async () => (await retire(first)) === undefined)
  const { fleet, direct } = await statusOf(first)
  expect(fleet).toMatchObject([{ standing: 'serving' }, { connected: false, standing: 'gone', sessions: {} }])
  expect(direct).toBe(true)
})

test('a proxy of an older release, which does not say what its sessions speak, may speak any version', async () => {
  const { first, second } = await startTwo()
  await connect(second.url)
  const admin = await connect(database.url)
  await waitFor(async () => (await statusOf(first)).fleet?.[1]?.sessions?.m === 1)
  await admin.query(`UPDATE hotswap.proxy SET speaks = NULL WHERE name LIKE '%:${portOf(second)} %'`)
  expect(await retire(first)).toMatchObject({ code: '55006', detail: expect.stringContaining('older release') })
  const { versions, fleet, direct } = await statusOf(first)
  expect(fleet?.[1]?.sessions).toBeNull()
  expect({ retirable: versions[0]?.retirable, direct }).toEqual({ retirable: false, direct: false })
})

test('of a promotion and a retirement of the same version at two proxies one is refused', async () => {
  const { first, second } = await startTwo({ config: { pollMs: 0 } })
  const direct = await connect(database.url)
  await direct.query('BEGIN; SELECT number FROM hotswap.state FOR UPDATE')
  const admin = await connect(database.url)
  const waiting = (count: number) =>
    waitFor(async () => {
      const { rowCount } = await admin.query(
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
      )
      return rowCount === count
    })
  const retiring = first.versions.retire('initial')
  await waiting(1)
  const promoting = second.versions.promote('initial')
  await waiting(2)
  await direct.query('COMMIT')
  const [retired, promoted] = await Promise.all([retiring, promoting])
  expect([retired, promoted].filter((error) => error === undefined)).toHaveLength(1)
  const { rows } = await admin.query('SELECT default_version = ANY (retired) AS wrong FROM hotswap.state')
  expect(rows).toEqual([{ wrong: false }])
})
