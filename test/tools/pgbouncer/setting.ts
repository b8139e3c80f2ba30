import pg from 'pg'
import { afterEach, beforeEach } from 'vitest'
import { createDatabase, type TestDatabase } from '../../support/database.js'
import { type LocalProxy, startProxyHere } from '../../switch/fleet/support.js'
import { type Pgbouncer, type PgbouncerSettings, pgbouncerProgram, startPgbouncer } from './start-pgbouncer.js'
import { firstVersion, startVisitors, type Visitors } from './visitors.js'

/** What a test starts; all of it ends with the test, the last first. */
export interface Setting {
  readonly database: TestDatabase
  pooler(settings: PgbouncerSettings): Promise<Pgbouncer>
  proxy(upstream: string, settings?: Parameters<typeof startProxyHere>[1]): Promise<LocalProxy>
  /** A proxy that reaches the database through a pooler; its control connection is direct. */
  proxyBehind(pool: Pgbouncer, settings?: Parameters<typeof startProxyHere>[1]): Promise<LocalProxy>
  visit(url: string, count?: number, stay?: number): Visitors
  connect(url: string, options?: string): Promise<pg.Client>
}

const MISSING = 'there is no pgbouncer on this machine'

/** Gives each test of a file its own; without a pooler on the machine they are skipped. */
export function useSetting(): () => Setting {
  let setting: Setting
  let ends: (() => Promise<unknown>)[] = []
  if (pgbouncerProgram === undefined) process.stdout.write(`pgbouncer: SKIPPED, ${MISSING}\n`)

  beforeEach(async ({ skip }) => {
    skip(pgbouncerProgram === undefined, MISSING)
    const database = await createDatabase(firstVersion)
    ends = [() => database.drop()]
    const proxy: Setting['proxy'] = async (upstream, settings) => {
      const started = await startProxyHere(upstream, settings)
      ends.push(() => started.close({ deadlineMs: 500 }))
      return started
    }
    setting = {
      database,
      proxy,
      async pooler(settings) {
        const started = await startPgbouncer(settings)
        ends.push(started.stop)
        return started
      },
      proxyBehind: (pool, settings) =>
        proxy(pool.url(database.name), { ...settings, config: { control: database.url, ...settings?.config } }),
      visit(url, count = 6, stay) {
        const visitors = startVisitors(url, count, stay)
        ends.push(visitors.stop)
        return visitors
      },
      async connect(connectionString, options) {
        const client = new pg.Client({ connectionString, ...(options === undefined ? {} : { options }) })
        client.on('error', () => undefined)
        ends.push(() => client.end().catch(() => undefined))
        await client.connect()
        return client
      },
    }
  })

  afterEach(async () => {
    for (const end of ends.reverse()) await end()
    ends = []
  })

  return () => setting
}
