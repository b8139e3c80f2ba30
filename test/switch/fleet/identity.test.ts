import pg from 'pg'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { connectControl } from '../../../src/switch/control-connection.js'
import { connectFleet, type FleetConnection } from '../../../src/switch/fleet/fleet-connection.js'
import { createRequests, type Requests } from '../../../src/switch/fleet/requests.js'
import { spokenTables } from '../../../src/switch/fleet/spoken-tables.js'
import { fleetTables } from '../../../src/switch/fleet/tables.js'
import { openStore } from '../../../src/switch/store/open-store.js'
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

// Seconds where the machine is free; proxies lose connections and come back.
vi.setConfig({ testTimeout: 120_000 })

const LOST = 'the connection to the fleet is lost; traffic is held until it is back'

let database: TestDatabase
const proxies: LocalProxy[] = []
const loads: Load[] = []
const clients: pg.Client[] = []
const connections: FleetConnection[] = []

beforeEach(async () => {
  database = await createDatabase(swappedColumns)
})

afterEach(async () => {
  await Promise.all(loads.splice(0).map((load) => load.stop()))
  await Promise.all(clients.splice(0).map((client) => client.end().catch(() => undefined)))
  await Promise.all(connections.splice(0).map((connection) => connection.close()))
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close({ deadlineMs: 500 })))
  await database.drop()
})

async function connect(url = database.url): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  clients.push(client)
  await client.connect()
  return client
}

async function makeStore(): Promise<void> {
  const control = await connectControl({ url: database.url, applicationName: 'control', connectMs: 5_000 })
  expect((await openStore({ query: control.query, defaultVersion: 'initial' })).kind).toBe('open')
  await control.end()
}

interface Member {
  readonly connection: FleetConnection
  readonly requests: Requests
  lost(): boolean
}

async function member(token: string): Promise<Member> {
  let lost = false
  const connection = await connectFleet({
    ...{ url: database.url, applicationName: 'fleet', connectMs: 5_000, answerMs: 20_000 },
    ...{ onNotification: () => undefined, onLost: () => (lost = true) },
  })
  connections.push(connection)
  return { connection, requests: createRequests(connection.query, token), lost: () => lost }
}

/** What a failover to a standby does that has not seen the proxy join. */
async function forget(admin: pg.Client, proxy: number): Promise<void> {
  await admin.query(`DELETE FROM hotswap.proxy WHERE id = ${proxy}`)
  await admin.query(`ALTER TABLE hotswap.proxy ALTER COLUMN id RESTART WITH ${proxy}`)
}

test('a number that is given twice is its last owner’s: to the one before its row is gone, and it can do nothing', async () => {
  await makeStore()
  const admin = await connect()
  const before = await member('first')
  const { me } = await before.requests.join(0, 'first', true)
  await before.connection.close()
  await forget(admin, me)
  const owner = await member('second')
  expect((await owner.requests.join(0, 'second', true)).me).toBe(me)
  const backend = await connect()
  const pid = (backend as unknown as { processID: number }).processID
  expect((await owner.requests.register(me, pid)).registered).toBe(true)
  const { view: begun } = await owner.requests.begin(me, 1, 60_000)
  expect(begun).toMatchObject({ open: true, mine: true })

  const { requests } = await member('first')
  const again = await requests.join(me, 'first', false)
  expect(again).toMatchObject({ me, view: { fenced: true } })
  expect(owner.lost()).toBe(false)
  expect((await requests.acknowledgeAndGather(me, begun.switch)).standings).toMatchObject([{ standing: 'silent' }])
  expect((await requests.begin(me, 1, 1000)).refused).toContain('another proxy switches')
  const other = await connect()
  expect((await requests.register(me, (other as unknown as { processID: number }).processID)).registered).toBe(false)
  expect((await requests.speak(me, '{}')).retired).toBeUndefined()
  await requests.forget(me, [pid])
  await backend.end()
  await requests.leave(me)
  const { rows } = await admin.query('SELECT pid FROM hotswap.backend WHERE proxy = $1', [me])
  expect(rows).toEqual([{ pid }])
  expect((await requests.close(me, begun.switch, false)).fenced).toBe(true)
  expect((await requests.begin(me, 1, 1000)).refused).toContain('took this one for gone')

  const anew = await requests.join(me, 'first', true)
  expect(anew).toMatchObject({ me: me + 1, view: { fenced: false } })
  expect(await owner.requests.look(me)).toMatchObject({ fenced: false })
})

test('a proxy that joins gets no number whose lock another connection has still', async () => {
  await makeStore()
  const admin = await connect()
  const first = await member('first')
  const { me } = await first.requests.join(0, 'first', true)
  await forget(admin, me)
  const second = await member('second')
  expect((await second.requests.join(0, 'second', true)).me).toBe(me + 1)
  expect(await first.requests.look(me)).toMatchObject({ fenced: true })
  expect((await first.requests.join(me, 'first', true)).me).toBe(me + 2)
  expect([first.lost(), second.lost()]).toEqual([false, false])
})

test('two proxies of one number after a failover: one becomes another one, and a switch waits for the transactions of both', async () => {
  const relay = await startRelay(new URL(database.url))
  try {
    const first = await startProxyHere(database.url, { config: { control: relay.url } })
    proxies.push(first)
    const running = startLoad(first.url)
    loads.push(running)
    await waitFor(() => running.answers > 20)
    relay.cut()
    await waitFor(() => first.log.some(({ message }) => message === LOST))
    const admin = await connect()
    const numbers = async () => (await admin.query('SELECT id FROM hotswap.proxy ORDER BY id')).rows as { id: number }[]
    const [row] = await numbers()
    await waitFor(async () => (await admin.query(connected)).rows.length === 0)
    await forget(admin, row?.id ?? 0)
    const second = await startProxyHere(database.url)
    proxies.push(second)
    expect(await numbers()).toEqual([row])
    relay.mend()
    await waitFor(async () => (await admin.query(connected)).rows.length === 2)
    expect(second.log.filter(({ message }) => message === LOST)).toEqual([])

    const blocker = await connect(first.url)
    await blocker.query('BEGIN; SELECT title FROM posts')
    const migrated = migrateThrough(second.url, 'm', swap)
    await waitFor(() => first.log.some(({ fields }) => 'now' in fields && fields.now === 'holding'))
    expect((await blocker.query('SELECT title FROM posts')).rows).toEqual([{ title: 'T' }])
    await blocker.query('COMMIT')
    expect((await migrated).error).toBeUndefined()
    const before = running.answers
    await waitFor(() => running.answers > before + 20)
    expect(running.wrong).toEqual([])
  } finally {
    relay.stop()
  }
})

const connected = `SELECT p.id FROM hotswap.proxy p WHERE hotswap.is_connected(p.id)`

test('what a client left behind outlives its proxy, and is ended by the next switch', async () => {
  const [first, second] = [await startProxyHere(database.url), await startProxyHere(database.url)]
  proxies.push(second)
  const client = new pg.Client({ connectionString: first.url })
  client.on('error', () => undefined)
  await client.connect()
  const admin = await connect()
  const works = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(5)%' AND state = 'active'"
  const sent = client.query("SELECT pg_sleep(5); UPDATE posts SET title = 'late'").catch(() => undefined)
  await waitFor(async () => (await admin.query(works)).rows.length > 0)
  await first.close({ deadlineMs: 100 })
  await sent
  expect((await admin.query(works)).rows).toHaveLength(1)
  expect((await migrateThrough(second.url, 'm', swap)).error).toBeUndefined()
  await waitFor(async () => (await admin.query(works)).rows.length === 0)
  // The statement was written for a title that is the body now.
  expect((await admin.query('SELECT title FROM posts')).rows).toEqual([{ title: 'B' }])
})

test('proxies that have left with sessions leave nothing behind for the next one that joins', async () => {
  const first = await startProxyHere(database.url)
  const load = startLoad(first.url)
  await waitFor(() => load.answers > 5)
  await first.close({ deadlineMs: 0 })
  await load.stop()
  const admin = await connect()
  const alive = 'SELECT 1 FROM hotswap.backend b WHERE hotswap.lives(b.pid, b.backend_start)'
  await waitFor(async () => (await admin.query(alive)).rows.length === 0)
  proxies.push(await startProxyHere(database.url))
  expect((await admin.query('SELECT id FROM hotswap.proxy')).rows).toHaveLength(1)
})

test('a store of the release before tokens is upgraded in place; a proxy of that release goes on, by itself', async () => {
  await makeStore()
  const admin = await connect()
  await admin.query(`DO $$ DECLARE f text; BEGIN
    FOR f IN SELECT p.oid::regprocedure FROM pg_proc p
      WHERE p.pronamespace = 'hotswap'::regnamespace AND 'own_token' = ANY (p.proargnames)
    LOOP EXECUTE 'DROP FUNCTION ' || f; END LOOP;
  END $$`)
  await admin.query('ALTER TABLE hotswap.proxy DROP COLUMN token; DELETE FROM hotswap.upgrade WHERE number > 4')
  for (const statement of [...fleetTables, ...spokenTables]) await admin.query(statement)
  const old = await connect()
  const value = async (sql: string) => Object.values((await old.query(sql)).rows[0] as object)[0] as unknown
  const me = await value("SELECT hotswap.fleet_join(0, 'old', true)")
  const look = async (proxy: unknown) =>
    (await old.query(`SELECT * FROM hotswap.fleet_view(${proxy})`)).rows[0] as object

  await makeStore()
  expect(await look(me)).toMatchObject({ fenced: false, open: null })
  const { requests } = await member('new')
  const { me: its } = await requests.join(0, 'new', true)
  expect(its).not.toBe(me)
  // Neither takes the other one's number.
  expect(await look(its)).toMatchObject({ fenced: true })
  expect(await value(`SELECT hotswap.fleet_begin(${its}, 1, 1000)`)).toContain('took this one for gone')
  expect(await requests.look(Number(me))).toMatchObject({ fenced: true })
  // They switch as one fleet.
  expect(await value(`SELECT hotswap.fleet_begin(${me}, 1, 60000)`)).toBeNull()
  const { switch: number } = await requests.look(its)
  expect((await requests.acknowledgeAndGather(its, number)).standings.map(({ standing }) => standing)).toEqual([
    'silent',
    'drained',
  ])
  await old.query(`SELECT hotswap.fleet_acknowledge(${me}, ${number}, true, NULL)`)
  expect((await requests.gather(its, number)).standings.map(({ standing }) => standing)).toEqual(['drained', 'drained'])
  await old.query(`SELECT hotswap.fleet_close(${number}, false)`)
  expect(await value(`SELECT hotswap.fleet_speak(${me}, '{}')`)).toEqual([])
  expect(await value(`SELECT hotswap.fleet_register(${me}, pg_backend_pid())`)).toBe(true)
})
