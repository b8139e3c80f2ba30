import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { type Hotswap, startHotswap } from '../../src/cli/start-hotswap.js'
import { type Config, loadConfig } from '../../src/config/load-config.js'
import { formatProblem } from '../../src/config/problem.js'
import { decodeReport, type MigrationReport } from '../../src/switch/migration-report.js'
import { encodeMigration } from '../../src/switch/migration-text.js'
import type { AtPoint } from '../../src/switch/switch-point.js'
import { createDatabase, type TestDatabase } from './database.js'

// How long a switch takes on a busy machine is no test's business, but for those that say so.
const patience = { timeoutMs: 10_000, checkMs: 10_000 }

/** A proxy with its control plane in front of a database of its own. */
export interface TestHotswap extends Hotswap {
  readonly database: TestDatabase
  readonly log: readonly { readonly message: string; readonly fields: object }[]
  /** A client through the proxy; `options` as in a URL, e.g. `-c hotswap.version=initial`. */
  connect(options?: string): Promise<pg.Client>
  writeRule(name: string, text: string): Promise<void>
  migrate(name: string, sql: string, rules?: string): Promise<MigrationResult>
  stop(): Promise<void>
}

/** What became of a migration: its report, and the error that the client got, if it did. */
export interface MigrationResult {
  readonly report: MigrationReport | undefined
  readonly notices: readonly string[]
  readonly error: pg.DatabaseError | undefined
}

export interface HotswapSettings {
  readonly rules?: Readonly<Record<string, string>>
  readonly config?: Partial<Config>
  /** Runs before the proxy starts, with the database's own URL. */
  readonly prepare?: (url: string) => Promise<void>
  /** Called at each point of a switch, which waits for it. */
  readonly at?: AtPoint
}

export async function startTestHotswap(sql: string, settings: HotswapSettings = {}): Promise<TestHotswap> {
  const database = await createDatabase(sql)
  await settings.prepare?.(database.url)
  const rules = await mkdtemp(join(tmpdir(), 'hotswap-rules-'))
  await mkdir(rules, { recursive: true })
  for (const [name, text] of Object.entries(settings.rules ?? {})) await writeFile(join(rules, name), text)
  const config = await loadConfig({
    flags: { upstream: database.url, rules, listen: { host: '127.0.0.1', port: 0 } },
    environment: {},
  })
  if (!config.ok) throw new Error(config.problems.map(formatProblem).join('\n'))
  const log: { message: string; fields: object }[] = []
  const add = (fields: object, message: string) => log.push({ message, fields })
  const started = await startHotswap(
    { ...config.value, pollMs: 50, hold: { ...config.value.hold, ...patience }, ...settings.config },
    { info: add, warn: add, debug: add },
    settings.at,
  )
  const clients: pg.Client[] = []
  const clean = async () => {
    await database.drop()
    await rm(rules, { recursive: true })
  }
  if (!started.ok) {
    await clean()
    throw new StartRefused([started.failure.message, ...started.failure.details].join('\n'))
  }
  const hotswap = started.value
  const connect = async (options?: string) => {
    const client = new pg.Client({ connectionString: hotswap.url, ...(options === undefined ? {} : { options }) })
    client.on('error', () => undefined)
    clients.push(client)
    await client.connect()
    return client
  }
  return {
    ...hotswap,
    database,
    log,
    connect,
    writeRule: (name, text) => writeFile(join(rules, name), text),
    migrate: async (name, text, ruleText) => {
      const client = await connect(`-c hotswap.migrate=${name}`)
      const notices: string[] = []
      client.on('notice', (notice) => notices.push(notice.message ?? ''))
      let error: pg.DatabaseError | undefined
      const sent = { sql: text, rules: ruleText === undefined ? undefined : { file: `${name}.yaml`, text: ruleText } }
      await client.query(encodeMigration(sent)).catch((thrown: pg.DatabaseError) => {
        error = thrown
      })
      await client.end()
      const report = notices.map(decodeReport).find((found) => found !== undefined)
      return { report, notices, error }
    },
    stop: async () => {
      await Promise.all(clients.map((client) => client.end().catch(() => undefined)))
      await hotswap.close({ deadlineMs: 1000 })
      await clean()
    },
  }
}

/** The proxy was not started, and said why. */
export class StartRefused extends Error {}

/** Waits until a condition holds; fails after `ms` milliseconds. */
export async function waitFor(condition: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const deadline = Date.now() + ms
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('the condition did not come true in time')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
