import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { startEmbeddedPostgres } from '../src/cli/embedded-postgres.js'
import { createCleanup } from './cleanup.js'
import { HOLD_SCHEMA, HOLD_STATEMENTS } from './switch/hold-statements.js'

/**
 * How long a rename of a column holds an app with fifty live statements, each prepared on sixteen connections: in a proxy
 * that has just started, where the code of a switch runs for the first time, and in one that has switched before.
 */
const ROUNDS = Number(process.env.HOTSWAP_ROUNDS ?? 30)
const SWITCHES = 3
const CLIENTS = 16
/** Milliseconds that a client thinks between two statements. */
const THINK_MS = Number(process.env.HOTSWAP_THINK_MS ?? 10)
const PHASES = ['heldMs', 'drainMs', 'toolMs', 'planMs', 'checkMs', 'checked'] as const

type Switched = Readonly<Record<(typeof PHASES)[number], number>>

interface Round {
  readonly switches: readonly Switched[]
  /** The longest that a client waited for one answer, in milliseconds. */
  readonly longestMs: number
  readonly queries: number
}

const cleanup = createCleanup()
try {
  const parent = await mkdtemp(join(tmpdir(), 'pg-hotswap-hold-'))
  cleanup.add(() => rm(parent, { recursive: true, force: true }))
  await chmod(parent, 0o711)
  const server = await startEmbeddedPostgres({ directory: join(parent, 'data'), ownSignals: true })
  cleanup.add(() => server.stop())
  await execute(server.url('postgres'), 'CREATE DATABASE app')
  await execute(server.url('app'), HOLD_SCHEMA)
  const rounds: Round[] = []
  for (let index = 0; index < ROUNDS; index++) {
    const name = `round_${index}`
    await execute(server.url('postgres'), `CREATE DATABASE ${name} TEMPLATE app`)
    rounds.push(await runRound(server.url(name)))
    await execute(server.url('postgres'), `DROP DATABASE ${name} WITH (FORCE)`)
  }
  const first = rounds.flatMap(({ switches }) => switches.slice(0, 1))
  const later = rounds.flatMap(({ switches }) => switches.slice(1))
  say(`${rounds.reduce((sum, { queries }) => sum + queries, 0)} statements of ${CLIENTS} clients, none failed`)
  say(`the longest that a client waited, ms: ${spread(rounds.map(({ longestMs }) => longestMs))}`)
  for (const [title, list] of [['first switch of a process', first] as const, ['later ones', later] as const]) {
    say(`${title} (${list.length})`)
    for (const phase of PHASES) say(`  ${phase.padEnd(8)} ${spread(list.map((one) => one[phase]))}`)
  }
} finally {
  await cleanup.run()
}

async function runRound(direct: string): Promise<Round> {
  const { child, url, switches } = await startProxy(direct)
  try {
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connect(url)))
    const app = { stopped: false, longestMs: 0, queries: 0 }
    const running = Promise.all(clients.map((client, index) => work(client, index, app)))
    await sleep(300)
    for (let index = 0; index < SWITCHES; index++) {
      const old = index === 0 ? 'name' : `name_${index - 1}`
      const tool = await connect(url, '-c hotswap.run=on')
      await tool.query(`ALTER TABLE customers RENAME ${old} TO name_${index}`)
      await tool.end()
      await sleep(200)
    }
    app.stopped = true
    await running
    await Promise.all(clients.map((client) => client.end()))
    return { switches, longestMs: app.longestMs, queries: app.queries }
  } finally {
    child.send('close')
    await once(child, 'exit')
  }
}

async function startProxy(direct: string): Promise<{ child: ChildProcess; url: string; switches: Switched[] }> {
  const child = fork(fileURLToPath(new URL('./switch/hold-proxy.ts', import.meta.url)), [direct], {
    execArgv: ['--import', import.meta.resolve('tsx')],
  })
  const [ready] = (await once(child, 'message')) as [{ readonly url: string }]
  const switches: Switched[] = []
  child.on('message', ({ fields }: { readonly fields: Switched }) => switches.push(fields))
  return { child, url: ready.url, switches }
}

/** Each of the fifty statements again and again, with a pause after each. */
async function work(
  client: pg.Client,
  index: number,
  app: { stopped: boolean; longestMs: number; queries: number },
): Promise<void> {
  for (let turn = index * 3; !app.stopped; turn++) {
    const text = HOLD_STATEMENTS[turn % HOLD_STATEMENTS.length] ?? ''
    const since = performance.now()
    await client.query({ name: `s${turn % HOLD_STATEMENTS.length}`, text, values: [1 + index] })
    app.longestMs = Math.max(app.longestMs, performance.now() - since)
    app.queries += 1
    await sleep(THINK_MS)
  }
}

async function connect(connectionString: string, options?: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString, ...(options === undefined ? {} : { options }) })
  await client.connect()
  return client
}

async function execute(url: string, sql: string): Promise<void> {
  const client = await connect(url)
  await client.query(sql)
  await client.end()
}

/** Median, 99th percentile and greatest. */
function spread(numbers: readonly number[]): string {
  const sorted = [...numbers].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return `p50 ${at(0.5).toFixed(1)}, p99 ${at(0.99).toFixed(1)}, max ${at(1).toFixed(1)}`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
