import pg from 'pg'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { SwitchPoint } from '../../../src/switch/switch-point.js'
import { createDatabase, type TestDatabase } from '../../support/database.js'
import { waitFor } from '../../support/start-hotswap.js'
import {
  type Load,
  migrateThrough,
  type ProxyProcess,
  startLoad,
  startProxyProcess,
  swap,
  swappedColumns,
} from './support.js'

const hold = { timeoutMs: 1000, lockTimeoutMs: 200, retries: 20 }
/** Milliseconds that traffic may be held for a switch that ends badly: twice the hold and a second, and some for a slow machine. */
const LIMIT_MS = 2 * hold.timeoutMs + 1000 + 5000

// Seconds where the machine is free; processes start, wait and come back.
vi.setConfig({ testTimeout: 120_000 })

let database: TestDatabase
const processes: ProxyProcess[] = []
const loads: Load[] = []

beforeEach(async () => {
  database = await createDatabase(swappedColumns)
})

afterEach(async () => {
  await Promise.all(loads.splice(0).map((load) => load.stop()))
  await Promise.all(processes.splice(0).map((one) => one.end()))
  await database.drop()
})

/** Proxies in processes of their own, each with clients that all have answers. */
async function start(
  ...options: Parameters<typeof startProxyProcess>[1][]
): Promise<{ proxies: ProxyProcess[]; running: Load[] }> {
  const proxies = await Promise.all(options.map((one) => startProxyProcess(database.url, { hold, ...one })))
  processes.push(...proxies)
  const running = proxies.map(({ url }) => startLoad(url))
  loads.push(...running)
  await waitFor(() => running.every(({ answers }) => answers > 20))
  return { proxies, running }
}

async function goesOn(running: readonly Load[]): Promise<void> {
  const before = running.map(({ answers }) => answers)
  await waitFor(() => running.every(({ answers }, index) => answers > (before[index] ?? 0) + 20), 30_000)
}

async function steps(): Promise<number> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const { rows } = await client.query('SELECT count(*)::int AS steps FROM hotswap.step')
  await client.end()
  return (rows as { steps: number }[])[0]?.steps ?? -1
}

const at = <T>(list: readonly T[], index: number): T => {
  const found = list[index]
  if (found === undefined) throw new Error(`there is no ${index}`)
  return found
}

test('a proxy that is killed keeps nobody from switching', async () => {
  const { proxies, running } = await start({}, {}, {})
  at(proxies, 2).child.kill('SIGKILL')
  const { error, ms } = await migrateThrough(at(proxies, 0).url, 'm', swap)
  expect(error).toBeUndefined()
  expect(ms).toBeLessThan(10_000)
  const rest = running.slice(0, 2)
  await goesOn(rest)
  for (const load of rest) expect(load).toMatchObject({ wrong: [], errors: [] })
  expect(at(running, 2).wrong).toEqual([])
})

test('a proxy that is stopped is fenced, and when it goes on it sends nothing old', async () => {
  const { proxies, running } = await start({}, {}, {})
  at(proxies, 2).child.kill('SIGSTOP')
  const { error } = await migrateThrough(at(proxies, 0).url, 'm', swap)
  expect(error).toBeUndefined()
  const rest = running.slice(0, 2)
  await goesOn(rest)
  for (const load of rest) expect(load).toMatchObject({ wrong: [], errors: [] })
  at(proxies, 2).child.kill('SIGCONT')
  await goesOn(running)
  for (const load of running) expect(load.wrong).toEqual([])
  expect(at(proxies, 2).stderr()).toContain('the other proxies took this one for gone')
})

// Each takes seconds: all of them in `npm run test:long`.
const long = process.env.HOTSWAP_LONG !== undefined
const killedAt = long
  ? (['holding', 'drained', 'ran', 'planned', 'recorded', 'committed', 'published'] as const)
  : (['recorded', 'committed'] as const)
const stoppedAt = long ? (['drained', 'ran', 'recorded', 'committed'] as const) : (['recorded'] as const)

test.each<SwitchPoint>(
  killedAt,
)('a coordinator that is killed when it has %s: the others go on in time', async (point) => {
  const { proxies, running } = await start({}, { point, signal: 'SIGKILL' })
  const { error } = await migrateThrough(at(proxies, 1).url, 'm', swap)
  expect(error).toBeDefined()
  const [rest] = running
  await goesOn([at(running, 0)])
  expect(rest).toMatchObject({ wrong: [], errors: [] })
  expect(rest?.longestMs).toBeLessThan(LIMIT_MS)
  // Either the old head or the new one, and the next switch finds nothing in its way.
  expect(await steps()).toBe(point === 'committed' || point === 'published' ? 1 : 0)
  expect((await migrateThrough(at(proxies, 0).url, 'next', swap)).error).toBeUndefined()
  await goesOn([at(running, 0)])
  for (const load of running) expect(load.wrong).toEqual([])
})

test.each<SwitchPoint>(
  stoppedAt,
)('a coordinator that is stopped when it has %s: the others go on in time', async (point) => {
  const { proxies, running } = await start({}, { point, signal: 'SIGSTOP' })
  const migrated = migrateThrough(at(proxies, 1).url, 'm', swap)
  await waitFor(() => stopped(at(proxies, 1)))
  await goesOn([at(running, 0)])
  expect(at(running, 0)).toMatchObject({ wrong: [], errors: [] })
  expect(at(running, 0).longestMs).toBeLessThan(LIMIT_MS)
  expect(await steps()).toBe(point === 'committed' ? 1 : 0)
  expect((await migrateThrough(at(proxies, 0).url, 'next', swap)).error).toBeUndefined()
  at(proxies, 1).child.kill('SIGCONT')
  await migrated
  await goesOn(running)
  for (const load of running) expect(load.wrong).toEqual([])
  // One that had not begun its transaction finds its switch closed, and tries again.
  expect(await steps()).toBe(point === 'committed' || point === 'drained' ? 2 : 1)
})

async function stopped({ child }: ProxyProcess): Promise<boolean> {
  const { readFile } = await import('node:fs/promises')
  return (await readFile(`/proc/${child.pid}/stat`, 'utf8')).split(') ')[1]?.startsWith('T') ?? false
}
