import pg from 'pg'
import { expect } from 'vitest'
import type { TestHotswap } from '../../support/start-hotswap.js'
import { startShopLoad } from './shop-load.js'

/** Milliseconds: processes start slowly where a load has the machine. */
export const TIMEOUT = 60_000

/** What a tool's run was like for the app, for the report. */
export interface ShopReport {
  readonly tool: string
  readonly versions: readonly string[]
  /** Milliseconds that traffic was held, one a switch: the whole, the drain, the tool's own statements, comparison and check. */
  readonly held: readonly string[]
  readonly queries: number
  readonly failed: number
  readonly slowestMs: number
}

/**
 * Runs a tool's migrations while the shop's first version works: none of its queries may fail or be answered wrongly, and
 * afterwards the database has the last version's shape and all that the app wrote.
 */
export async function migrateUnderLoad(
  hotswap: TestHotswap,
  tool: string,
  migrate: () => Promise<void>,
): Promise<ShopReport> {
  const load = await startShopLoad(hotswap.url)
  const migrated = await Promise.allSettled([load.goOn(30).then(migrate)])
  await load.goOn(60)
  const { queries, failures, slowestMs, orders, amount } = await load.stop()
  expect(failures).toEqual([])
  if (migrated[0].status === 'rejected') {
    const { message, detail = '' } = migrated[0].reason as pg.DatabaseError
    throw new Error(`${message}\n${detail}`, { cause: migrated[0].reason })
  }
  expect(await readShop(hotswap.database.url)).toEqual({ ...LAST_SHAPE, orders, amount: String(amount) })
  const switched = hotswap.log.filter(({ message }) => message === 'switched')
  const report: ShopReport = {
    tool,
    versions: hotswap.versions.current().generation.versions.map(({ name }) => name),
    held: switched.map(({ fields }) => {
      const { heldMs, drainMs, toolMs, planMs } = fields as Readonly<Record<string, number>>
      return `${heldMs} = ${drainMs} + ${toolMs} + ${planMs} + commit`
    }),
    ...{ queries, failed: failures.length, slowestMs },
  }
  if (process.env.HOTSWAP_TOOLS_REPORT !== undefined) process.stdout.write(`${JSON.stringify(report)}\n`)
  return report
}

/** What every tool's migrations lead to. */
const LAST_SHAPE = {
  users: 'id integer, full_name text, email text, country text',
  purchases: 'id integer, user_id integer, amount bigint, status text, note text',
  indexes: 'purchases_status_idx',
}

async function readShop(url: string): Promise<object | undefined> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const columnsOf = (table: string) => `
    (SELECT string_agg(format('%s %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum)
     FROM pg_attribute WHERE attrelid = '${table}'::regclass AND attnum > 0 AND NOT attisdropped)`
  const { rows } = await client.query<object>(`
    SELECT ${columnsOf('users')} AS users, ${columnsOf('purchases')} AS purchases,
      (SELECT string_agg(indexrelid::regclass::text, ', ') FROM pg_index
       WHERE indrelid = 'purchases'::regclass AND NOT indisunique) AS indexes,
      count(*)::int AS orders, sum(amount)::text AS amount
    FROM purchases JOIN users u ON u.id = user_id WHERE u.country = 'DE'`)
  await client.end()
  return rows[0]
}
