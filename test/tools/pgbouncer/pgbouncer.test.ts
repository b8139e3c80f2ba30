import pg from 'pg'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createDatabase, type TestDatabase } from '../../support/database.js'
import { waitFor } from '../../support/start-hotswap.js'
import { type LocalProxy, migrateThrough, startProxyHere } from '../../switch/fleet/support.js'
import { type Pgbouncer, type PgbouncerSettings, pgbouncerProgram, startPgbouncer } from './start-pgbouncer.js'
import { firstVersion, migrations, startVisitors, type Visitors } from './visitors.js'

vi.setConfig({ testTimeout: 120_000 })

let database: TestDatabase
let ends: (() => Promise<unknown>)[] = []

beforeEach(async ({ skip }) => {
  skip(pgbouncerProgram === undefined, 'there is no pgbouncer on this machine')
  database = await createDatabase(firstVersion)
  ends = [() => database.drop()]
})

afterEach(async () => {
  for (const end of ends.reverse()) await end()
  ends = []
})

async function pooler(settings: PgbouncerSettings): Promise<Pgbouncer> {
  const started = await startPgbouncer(settings)
  ends.push(started.stop)
  return started
}

type Settings = Parameters<typeof startProxyHere>[1]

async function proxyTo(upstream: string, settings?: Settings): Promise<LocalProxy> {
  const started = await startProxyHere(upstream, settings)
  ends.push(() => started.close({ deadlineMs: 500 }))
  return started
}

function visit(url: string, count = 6): Visitors {
  const visitors = startVisitors(url, count)
  ends.push(visitors.stop)
  return visitors
}

async function connect(connectionString: string, options?: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString, ...(options === undefined ? {} : { options }) })
  client.on('error', () => undefined)
  ends.push(() => client.end().catch(() => undefined))
  await client.connect()
  return client
}

/** Waits until each of the visitors was there and left `visits` more times. */
async function moreOf(visitors: Visitors, visits = 8): Promise<void> {
  const goal = visitors.visits + visits
  await waitFor(() => visitors.visits >= goal || visitors.failures.length > 0, 60_000)
}

/** A tool that says by its connection what it is, in statements of its own. */
async function migrateAsTool(url: string, sql: string): Promise<void> {
  const client = await connect(url, '-c hotswap.run=on')
  for (const statement of ['BEGIN', ...sql.split('; '), 'COMMIT']) await client.query(statement)
  await client.end()
}

/** Both kinds of migrations, while visitors come and go; nothing of theirs may fail. */
async function migrateAmong(visitors: Visitors, proxy: LocalProxy, url = proxy.url): Promise<void> {
  await moreOf(visitors)
  expect(await migrateThrough(url, 'renamed', migrations.rename)).toMatchObject({
    error: undefined,
    report: { ok: true },
  })
  await moreOf(visitors)
  await migrateAsTool(url, migrations.swap)
  await moreOf(visitors)
  await visitors.stop()
  expect(visitors.failures).toEqual([])
  expect(proxy.log.filter(({ message }) => message === 'switched')).toHaveLength(2)
  expect(proxy.versions.current().generation.versions).toHaveLength(3)
}

test('in front: clients that share the connections of a pool live through migrations', async () => {
  const proxy = await proxyTo(database.url)
  const pool = await pooler({ target: proxy })
  await migrateAmong(visit(pool.url(database.name)), proxy)
})

test('behind, with a direct control connection: clients live through migrations', async () => {
  const pool = await pooler({ target: database, poolSize: 8 })
  const proxy = await proxyTo(pool.url(database.name), { config: { control: database.url } })
  await migrateAmong(visit(proxy.url), proxy)
})

test('behind two proxies: the switch of one holds the traffic of the other', async () => {
  const pool = await pooler({ target: database, poolSize: 12 })
  const settings = { config: { control: database.url } }
  const first = await proxyTo(pool.url(database.name), settings)
  const second = await proxyTo(pool.url(database.name), settings)
  await migrateAmong(visit(second.url), first)
  expect(second.versions.current().generation.versions).toHaveLength(3)
})
