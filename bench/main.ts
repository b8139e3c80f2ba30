import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres } from '../src/cli/embedded-postgres.js'
import { type Cleanup, createCleanup } from './cleanup.js'
import { chooseLoad, type Load } from './load.js'
import { benchParsers, formatParserBench } from './parsers.bench.js'
import { type ServerProcess, startServer } from './server-process.js'
import { type Cell, formatSummaries, type Result, summarise } from './summary.js'
import { headSchema, ruleFile, type Workload, workloads } from './workloads.js'

const quick = process.argv.includes('--quick')
const ROUNDS = quick ? 1 : 5
const SECONDS = 1
const CLIENTS = [1, 16]
const DATABASE = 'postgres'
const FORWARDER = 'bare forwarder'

/** What stands between the clients and PostgreSQL. */
interface Subject {
  readonly name: string
  readonly port: number
  readonly sql: (workload: Workload) => string
  /** The process between; none where the clients reach PostgreSQL directly. */
  readonly process?: ServerProcess
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function bench(undo: Cleanup['add']): Promise<void> {
  const parent = await mkdtemp(join(tmpdir(), 'pg-hotswap-bench-'))
  undo(() => rm(parent, { recursive: true, force: true }))
  // As root the server runs as another user, who must reach its data through this folder.
  await chmod(parent, 0o711)
  const server = await startEmbeddedPostgres({ directory: join(parent, 'data'), ownSignals: true })
  undo(() => server.stop())
  await prepare(server.url(DATABASE))
  const rules = join(parent, 'rules')
  await mkdir(rules)
  await writeFile(join(rules, '0002-accounts.yaml'), ruleFile)

  const serve = ['serve', '--upstream', server.url(DATABASE), '--listen', '0', '--log-level', 'silent', '--json']
  const main = '../src/cli/main.ts'
  const forwarder = await startServer('./forwarder.ts', [String(server.port)])
  undo(() => forwarder.stop())
  const plain = await startServer(main, serve)
  undo(() => plain.stop())
  const rewriting = await startServer(main, [...serve, '--rules', rules])
  undo(() => rewriting.stop())
  const head = ({ head: sql }: Workload) => sql
  const subjects: readonly Subject[] = [
    { name: 'direct', port: server.port, sql: head },
    { name: FORWARDER, port: forwarder.port, sql: head, process: forwarder },
    { name: 'proxy, no rules', port: plain.port, sql: head, process: plain },
    { name: 'proxy, all rewritten', port: rewriting.port, sql: ({ old }) => old, process: rewriting },
  ]

  const load = await chooseLoad()
  undo(() => load.close())
  say(`${load.name}; ${ROUNDS} rounds of ${SECONDS} s each; ${cpus().length} x ${cpus()[0]?.model}`)
  const cells: Cell[] = []
  for (const workload of workloads) {
    for (const clients of CLIENTS) cells.push(await measure(load, workload, clients, subjects))
  }
  const summaries = cells.map((cell) => summarise(cell, FORWARDER))
  say(`\n${formatSummaries(summaries)}\n`)
  const parsers = await benchParsers(quick ? 3 : 21)
  say(formatParserBench(parsers))

  const results = new URL('./results/', import.meta.url)
  await mkdir(results, { recursive: true })
  const file = new URL(`${new Date().toISOString().replaceAll(':', '-')}.json`, results)
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, node: process.version }
  await writeFile(
    file,
    `${JSON.stringify({ machine, load: load.name, rounds: ROUNDS, summaries, cells, parsers }, null, 2)}\n`,
  )
  say(`\nwritten to bench/results/${file.pathname.split('/').at(-1)}`)
}

/** The subjects take turns, so that what else the machine does meets all of them. */
async function measure(load: Load, workload: Workload, clients: number, subjects: readonly Subject[]): Promise<Cell> {
  const results: Record<string, Result[]> = Object.fromEntries(subjects.map(({ name }) => [name, []]))
  // The first round lets compilers and caches settle, and does not count.
  for (let round = quick ? 1 : 0; round <= ROUNDS; round += 1) {
    for (const { name, port, sql, process: between } of subjects) {
      const { protocol } = workload
      const options = { port, database: DATABASE, clients, protocol, sql: sql(workload), seconds: SECONDS }
      const before = await between?.cpuUs()
      const result = await load.run(options)
      const after = await between?.cpuUs()
      const cpuUs = before === undefined || after === undefined ? undefined : (after - before) / result.statements
      if (round > 0) results[name]?.push(cpuUs === undefined ? result : { ...result, cpuUs })
    }
  }
  say(`${workload.name}, ${clients} clients: done`)
  return { workload: workload.name, clients, results }
}

async function prepare(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(headSchema)
  await client.end()
}

const cleanup = createCleanup()
try {
  await bench(cleanup.add)
} catch (error) {
  process.exitCode = 1
  process.stderr.write(`the bench failed: ${(error as Error).message}\n`)
}
await cleanup.run()
