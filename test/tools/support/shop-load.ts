import pg from 'pg'
import { waitFor } from '../../support/start-hotswap.js'
import { type Ask, createShopClient, type ShopClient } from './shop-client.js'

/** What became of a load. */
export interface LoadReport {
  readonly queries: number
  /** Queries that failed or were answered wrongly, in words. A client stops at its first. */
  readonly failures: readonly string[]
  /** The slowest query, in milliseconds. */
  readonly slowestMs: number
  /** What the database must hold, by the clients' own account. */
  readonly orders: number
  readonly amount: number
}

/** The shop's app, of the first version of its schema, on a number of connections. */
export interface ShopLoad {
  /** So far. */
  readonly failures: readonly string[]
  /** Waits until every client has done so much more work. */
  goOn(queries: number): Promise<void>
  stop(): Promise<LoadReport>
}

export async function startShopLoad(url: string, clients = 4): Promise<ShopLoad> {
  const failures: string[] = []
  const counts: number[] = []
  let slowestMs = 0
  let stopping = false

  async function open(number: number): Promise<{ readonly client: pg.Client; readonly shop: ShopClient }> {
    const client = new pg.Client({ connectionString: url, application_name: 'shop' })
    client.on('error', (error) => failures.push(`connection ${number}: ${error}`))
    await client.connect()
    const ask: Ask = async (query) => {
      const began = performance.now()
      try {
        return (await client.query(query)).rows
      } finally {
        counts[number] = (counts[number] ?? 0) + 1
        slowestMs = Math.max(slowestMs, performance.now() - began)
      }
    }
    return { client, shop: await createShopClient(ask, number) }
  }

  const opened = await Promise.all(Array.from({ length: clients }, (_, number) => open(number)))
  const working = Promise.all(
    opened.map(async ({ shop }, number) => {
      try {
        while (!stopping) await shop.work()
      } catch (error) {
        const { code, detail } = error as pg.DatabaseError
        failures.push([`client ${number}: ${error}`, code, detail].filter((part) => part !== undefined).join(' '))
      }
    }),
  )
  return {
    failures,
    async goOn(queries) {
      const goals = counts.map((count) => count + queries)
      await waitFor(() => failures.length > 0 || goals.every((goal, number) => (counts[number] ?? 0) >= goal), 60_000)
    },
    async stop() {
      stopping = true
      await working
      await Promise.all(opened.map(({ client }) => client.end().catch(() => undefined)))
      const totals = opened.map(({ shop }) => shop.totals())
      return {
        queries: counts.reduce((sum, count) => sum + count, 0),
        failures,
        slowestMs: Math.round(slowestMs),
        orders: totals.reduce((sum, { orders }) => sum + orders, 0),
        amount: totals.reduce((sum, { amount }) => sum + amount, 0),
      }
    },
  }
}
