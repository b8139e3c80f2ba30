import pg from 'pg'
import { readFingerprint } from '../../../src/catalog/fingerprint.js'
import { waitFor } from '../../support/start-hotswap.js'
import { type BankRow, bankQuery, columnsOf, type Shape } from './bank-migrations.js'
import { HOLD_MS } from './proxy-child.js'
import { ask, type World } from './world.js'

/** Milliseconds that everything may take to come right again: generous, since the machine may be busy. */
export const COME_RIGHT_MS = 30_000

/** Milliseconds for which a switch may hold traffic, whatever has died (attempts.ts), and what a busy machine adds. */
const HELD_MS = 2 * HOLD_MS + 1_000 + 10_000

/** The store, and the schema as it is. */
interface Stored {
  readonly number: number
  readonly steps: readonly string[]
  readonly fingerprint: string
  readonly live: string
  readonly ledger: readonly string[]
  /** Columns by tables of accounts. */
  readonly accounts: Readonly<Record<string, readonly string[]>>
}

export async function readStored(direct: string): Promise<Stored> {
  const client = new pg.Client({ connectionString: direct })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const query = async (text: string) => {
      const { rows } = await client.query({ text, rowMode: 'array', types: asText })
      return rows as (string | null)[][]
    }
    await query('BEGIN ISOLATION LEVEL REPEATABLE READ')
    const [state] = await query('SELECT number, fingerprint FROM hotswap.state')
    const steps = await query('SELECT name FROM hotswap.step ORDER BY number')
    const ledger = await query('SELECT version FROM schema_migrations')
    const columns = await query(
      `SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
       WHERE c.relname LIKE 'accounts%' AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attname COLLATE "C"`,
    )
    const accounts: Record<string, string[]> = {}
    for (const [table = '', column = ''] of columns as string[][])
      accounts[table] = [...(accounts[table] ?? []), column]
    return {
      number: Number(state?.[0]),
      fingerprint: state?.[1] ?? '',
      live: await readFingerprint(query),
      steps: steps.map(([name]) => name ?? ''),
      ledger: ledger.map(([version]) => version ?? ''),
      accounts,
    }
  } finally {
    await client.end().catch(() => undefined)
  }
}

const asText = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig

/** True where the database has exactly this shape. */
export function hasShape({ accounts }: Stored, shape: Shape): boolean {
  return JSON.stringify(accounts) === JSON.stringify({ [shape.table]: columnsOf(shape) })
}

/**
 * Waits until store, schema, ledger and proxy say what `world` says took place, and all tellers work; then asks as version 1
 * and as head. Throws what does not come right in time.
 */
export async function comeRight(world: World): Promise<void> {
  const stored = await readStored(world.direct)
  const told = { steps: world.steps, ledger: [...world.ledger].sort(), number: world.steps.length + 1 }
  const is = { steps: stored.steps, ledger: [...stored.ledger].sort(), number: stored.number }
  mustEqual('store and ledger', is, told)
  mustEqual('the stored fingerprint', stored.fingerprint, stored.live)
  mustEqual('the schema', stored.accounts, { [world.shape.table]: columnsOf(world.shape) })
  const wanted = { versions: ['initial', ...world.steps], storedNumber: told.number, unexplained: [] as string[] }
  let served: typeof wanted | undefined
  await waitFor(async () => {
    const { versions, storedNumber, unexplained } = await world.proxy.facts()
    served = { versions: [...versions], storedNumber, unexplained: [...unexplained] }
    return JSON.stringify(served) === JSON.stringify(wanted)
  }, COME_RIGHT_MS).catch(() => mustEqual('what the proxy serves', served, wanted))
  await allWork(world)
  await askBoth(world)
}

/** Each teller does a piece of work, and a second one, which began after now. */
export async function allWork({ app }: World): Promise<void> {
  const before = [...app.done]
  await waitFor(
    () => app.failures.length > 0 || app.done.every((done, number) => done > (before[number] ?? 0) + 1),
    HELD_MS,
  )
}

async function askBoth({ proxy, direct, shape, steps }: World): Promise<void> {
  const columns = async (url: string, sql: string) => Object.keys((await ask(url, sql))[0] ?? {})
  mustEqual('columns of version 1', await columns(proxy.url, 'SELECT * FROM accounts ORDER BY id LIMIT 1'), [
    'id',
    'owner',
    'note',
    'balance',
    'status',
  ])
  const head = new URL(proxy.url)
  head.searchParams.set('options', `-c hotswap.version=${steps.at(-1) ?? 'initial'}`)
  const found = await columns(head.href, `SELECT * FROM ${shape.table} ORDER BY id LIMIT 1`)
  mustEqual('columns of head', found.sort(), columnsOf(shape))
  for (const url of [head.href, direct]) {
    const [row] = (await ask(url, bankQuery(shape))) as unknown as BankRow[]
    const odd = row?.bank.accounts.filter(({ id, owner }) => owner !== `owner-${id}`)
    mustEqual('owners', odd, [])
  }
}

function mustEqual(what: string, is: unknown, wanted: unknown): void {
  if (JSON.stringify(is) === JSON.stringify(wanted)) return
  throw new Error(`${what}: ${JSON.stringify(is)}, not ${JSON.stringify(wanted)}`)
}
