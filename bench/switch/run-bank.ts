import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { encodeMigration } from '../../src/switch/migration-text.js'
import type { BankReport } from './bank-app.js'
import { type BankMigration, type Expected, MIGRATIONS } from './migrations.js'
import { ACCOUNTS } from './teller.js'

export interface BankOptions {
  /** The proxy's URL. */
  readonly url: string
  /** The database's own. */
  readonly direct: string
  readonly tellers: number
  /** Milliseconds of traffic before each migration. */
  readonly pauseMs: number
  /** Milliseconds that traffic was held for switches, as the proxy logs them. */
  readonly holds: () => readonly number[]
  readonly say?: (line: string) => void
}

export interface BankOutcome {
  readonly app: BankReport
  /** What became of each migration, where it was not what was expected. */
  readonly surprises: readonly string[]
  readonly migrations: number
  /** Milliseconds of the holds of switches. */
  readonly held: { readonly p50: number; readonly p99: number; readonly max: number }
  /** What the bank's books say in the end, against what the app did. */
  readonly books: { readonly total: number; readonly transfers: number }
}

/** The schema that the app knows. */
export function bankSchema(): Promise<string> {
  return readFile(fileURLToPath(new URL('./bank-schema.sql', import.meta.url)), 'utf8')
}

/** Runs the app of version 1 and all migrations beside it. */
export async function runBank(options: BankOptions): Promise<BankOutcome> {
  const app = startApp(options)
  try {
    await app.busy()
    const surprises: string[] = []
    for (const [index, migration] of MIGRATIONS.entries()) {
      await sleep(options.pauseMs)
      const [became, told] = await runMigration(options, migration, index)
      options.say?.(`${index + 1}. ${became}${told === '' ? '' : `: ${told}`}`)
      if (became !== migration.expected) {
        surprises.push(
          `${index + 1}. ${migration.statements.join('; ')}: ${became}, not ${migration.expected}: ${told}`,
        )
      }
    }
    await sleep(options.pauseMs)
    const report = await app.stop()
    const held = [...options.holds()].sort((a, b) => a - b)
    const at = (share: number) => held[Math.min(held.length - 1, Math.floor(held.length * share))] ?? 0
    return {
      app: report,
      surprises,
      migrations: MIGRATIONS.length,
      held: { p50: at(0.5), p99: at(0.99), max: at(1) },
      books: await readBooks(options.direct),
    }
  } finally {
    app.kill()
  }
}

/** What is wrong with an outcome; nothing where the app noticed nothing. */
export function complaints({ app, surprises, books }: BankOutcome): readonly string[] {
  return [
    ...app.failures,
    ...(app.failed + app.wrong === 0 ? [] : [`${app.failed} failed, ${app.wrong} wrong`]),
    ...surprises,
    ...(books.total === ACCOUNTS * 1000 ? [] : [`the balances sum up to ${books.total}`]),
    ...(books.transfers === app.transfers ? [] : [`${app.transfers} transfers were made, ${books.transfers} are kept`]),
  ]
}

function startApp({ url, tellers }: BankOptions) {
  const child: ChildProcess = fork(fileURLToPath(new URL('./bank-app.ts', import.meta.url)), [String(tellers)], {
    env: { PATH: process.env.PATH, DATABASE_URL: url },
    execArgv: ['--import', import.meta.resolve('tsx')],
  })
  const report = new Promise<BankReport>((resolve, reject) => {
    child.on('message', (message: BankReport) => {
      if (message.kind === 'report') resolve(message)
    })
    child.once('exit', (code) => reject(new Error(`the app ended with code ${code}`)))
  })
  report.catch(() => undefined)
  return {
    async busy() {
      await Promise.race([once(child, 'message'), report])
    },
    async stop() {
      child.send('stop')
      return await report
    },
    kill: () => child.kill('SIGKILL'),
  }
}

async function runMigration(
  { url, direct }: BankOptions,
  migration: BankMigration,
  index: number,
): Promise<readonly [Expected, string]> {
  const unblock = await block(migration, { url, direct })
  const option = migration.rules === undefined ? 'run=on' : `migrate=bank-${index + 1}`
  const client = new pg.Client({ connectionString: url, options: `-c hotswap.${option}` })
  client.on('error', () => undefined)
  const notices: string[] = []
  client.on('notice', ({ message = '' }) => notices.push(message))
  await client.connect()
  try {
    for (const statement of migration.statements) {
      const rules = migration.rules === undefined ? undefined : { file: 'rules.yaml', text: migration.rules }
      await client.query(rules === undefined ? statement : encodeMigration({ sql: statement, rules }))
    }
    const version = notices.some((notice) => /^version |hotswap\.report/.test(notice))
    return [version ? 'switched' : 'no version', '']
  } catch (error) {
    const { code, message, detail = '' } = error as pg.DatabaseError
    await client.query('ROLLBACK').catch(() => undefined)
    const became = code === '55000' ? 'refused' : code === '55P03' ? 'gives way' : 'fails'
    return [became, `${code} ${message} ${detail}`.split('\n')[0] ?? '']
  } finally {
    await client.end()
    await unblock()
  }
}

/** Puts something in a migration's way; gives what takes it away again. */
async function block(
  { blocker }: BankMigration,
  { url, direct }: Pick<BankOptions, 'url' | 'direct'>,
): Promise<() => Promise<void>> {
  if (blocker === undefined) return async () => undefined
  const client = new pg.Client({ connectionString: blocker.kind === 'outside' ? direct : url })
  client.on('error', () => undefined)
  await client.connect()
  await client.query('BEGIN')
  await client.query(blocker.sql)
  if (blocker.kind === 'idle') {
    return async () => {
      await client.query('COMMIT')
      await client.end()
    }
  }
  const ended = sleep(700).then(() => client.end())
  return () => ended
}

async function readBooks(direct: string): Promise<BankOutcome['books']> {
  const client = new pg.Client({ connectionString: direct })
  await client.connect()
  const { rows } = await client.query(
    'SELECT (SELECT sum(balance)::integer FROM accounts) AS total, (SELECT count(*)::integer FROM movements) AS transfers',
  )
  await client.end()
  return rows[0] as BankOutcome['books']
}
