import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { startEmbeddedPostgres } from '../../src/cli/embedded-postgres.js'
import { type Hotswap, startHotswap } from '../../src/cli/start-hotswap.js'
import { loadConfig } from '../../src/config/load-config.js'
import { formatProblem } from '../../src/config/problem.js'
import type { ProxyLog } from '../../src/proxy/contracts.js'
import type { MigrationReport } from '../../src/switch/migration-report.js'
import { type Cleanup, createCleanup } from '../cleanup.js'
import { type AppProcess, startApp } from './app-process.js'
import { type DemoOutcome, formatOutcome, judge } from './outcome.js'
import { runCommand } from './run-command.js'

// Milliseconds. The whole must end within 30 s, also where starting PostgreSQL takes long.
const DEADLINE = 29_000
const BEFORE = 4_000
const AFTER = 4_000
const AROUND = { before: 100, after: 400 }

const json = process.argv.includes('--json')
const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const began = Date.now()

function say(line: string): void {
  process.stdout.write(`${((Date.now() - began) / 1000).toFixed(1).padStart(5)} s  ${line}\n`)
}

async function demo(undo: Cleanup['add']): Promise<DemoOutcome> {
  say('starting PostgreSQL (embedded) and the proxy')
  const parent = await mkdtemp(join(tmpdir(), 'pg-hotswap-demo-'))
  undo(() => rm(parent, { recursive: true, force: true }))
  // As root the server runs as another user, who must reach its data through this folder.
  await chmod(parent, 0o711)
  const server = await startEmbeddedPostgres({ directory: join(parent, 'data'), ownSignals: true })
  undo(() => server.stop())
  const direct = server.url('postgres')
  await query(direct, await readFile(file('schema.sql'), 'utf8'))

  let switched = 0
  const hotswap = await startProxy(direct, (message) => {
    if (message === 'switched') switched = Date.now()
  })
  undo(() => hotswap.close({ deadlineMs: 500 }))
  say(`the app starts: it knows version 1 of the schema and ${hotswap.url.replace(/:[^:@/]*@/, ':...@')}`)
  const app = startApp(hotswap.url)
  undo(() => app.kill())
  await until(() => app.progress.queries > 0)
  await watch(app, BEFORE)

  say('pg-hotswap migrate 0002-issues.sql')
  const migration = await migrate(hotswap.url)
  say(`tickets are tracker.issues now; traffic was held for ${migration.heldMs} ms`)
  await watch(app, AFTER)
  const during = { from: switched - migration.heldMs - AROUND.before, to: switched + AROUND.after }
  const report = await app.stop(during)
  const { rewritten, reprepared } = hotswap.proxy.counters()
  const rows = await query(
    direct,
    `SELECT (SELECT count(*)::integer FROM tracker.issues) AS tickets,
            (SELECT count(message)::integer FROM comments) AS comments`,
  )
  const [counted] = rows as { tickets: number; comments: number }[]
  return judge({ app: report, migration, rewritten, reprepared, rows: counted ?? { tickets: -1, comments: -1 } })
}

async function startProxy(upstream: string, onLog: (message: string) => void): Promise<Hotswap> {
  const flags = { upstream, listen: { host: '127.0.0.1', port: 0 } }
  const config = await loadConfig({ flags, environment: {} })
  if (!config.ok) throw new Error(config.problems.map(formatProblem).join('\n'))
  const add = (_: object, message: string) => onLog(message)
  const log: ProxyLog = { info: add, warn: add, debug: add }
  const started = await startHotswap(config.value, log)
  if (!started.ok) throw new Error([started.failure.message, ...started.failure.details].join('\n'))
  return started.value
}

async function migrate(url: string): Promise<MigrationReport> {
  const args = ['migrate', file('0002-issues.sql'), '--rules', file('0002-issues.yaml'), '--url', url, '--json']
  const { code, stdout, stderr } = await runCommand(args)
  if (code !== 0) throw new Error(`migrate ended with code ${code}: ${stderr}`)
  return JSON.parse(stdout) as MigrationReport
}

/** Shows what the app does, for some milliseconds. */
async function watch(app: AppProcess, ms: number): Promise<void> {
  const end = Date.now() + ms
  while (Date.now() < end) {
    const last = app.progress.queries
    const from = Date.now()
    await sleep(Math.min(1000, end - from))
    const rate = ((app.progress.queries - last) * 1000) / (Date.now() - from)
    say(
      `${String(app.progress.queries).padStart(7)} queries, ${rate.toFixed(0).padStart(5)} a second, ${app.progress.failed} failed`,
    )
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(20)
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}

const cleanup = createCleanup()
let outcome: DemoOutcome | undefined
try {
  const late = sleep(DEADLINE, undefined, { ref: false }).then(() => {
    throw new Error(`not finished within ${DEADLINE / 1000} s`)
  })
  outcome = await Promise.race([demo(cleanup.add), late])
} catch (error) {
  process.stderr.write(`the demo failed: ${(error as Error).message}\n`)
}
await cleanup.run()
if (outcome !== undefined) process.stdout.write(`\n${formatOutcome(outcome)}\n`)
if (json) process.stdout.write(`${JSON.stringify(outcome ?? { ok: false })}\n`)
process.exitCode = outcome?.ok ? 0 : 1
