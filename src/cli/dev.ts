import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import pg from 'pg'
import { loadConfig } from '../config/load-config.js'
import { parseListen } from './config-options.js'
import { type EmbeddedServer, startEmbeddedPostgres } from './embedded-postgres.js'
import { type ExitCode, printFailure, printJson, printLine, printProblems } from './exit.js'
import { createLog } from './log.js'
import { runUntilSignal } from './run-until-signal.js'
import { startHotswap } from './start-hotswap.js'

interface DevOptions {
  readonly listen: { readonly host?: string; readonly port: number }
  readonly rules?: string
  readonly database: string
  readonly data?: string
  readonly logLevel: string
  readonly json?: true
}

export function addDev(program: Command, end: (code: ExitCode) => void): void {
  program
    .command('dev')
    .description('run PostgreSQL and the proxy in one command, to try things out')
    .option('--listen <address>', 'PORT or HOST:PORT for the proxy; port 0 takes a free one', parseListen, {
      port: 6432,
    })
    .option('--rules <folder>', 'folder of rule files')
    .option('--database <name>', 'the database, made where it is missing', 'app')
    .option('--data <folder>', "keep PostgreSQL's data here (default: a temporary folder, gone at the end)")
    .option('--log-level <level>', 'fatal, error, warn, info, debug, trace or silent', 'info')
    .option('--json', 'print one line of JSON when everything is ready')
    .addHelpText(
      'after',
      `
Example:
  $ pg-hotswap dev
  DATABASE_URL=postgres://postgres:postgres@127.0.0.1:6432/app
  $ DATABASE_URL=postgres://postgres:postgres@127.0.0.1:6432/app pg-hotswap migrate 0001-people.sql`,
    )
    .action(async (options: DevOptions) => end(await dev(options)))
}

async function dev(options: DevOptions): Promise<ExitCode> {
  const json = options.json ?? false
  const temporary = options.data === undefined ? await temporaryFolder() : undefined
  try {
    const directory = temporary === undefined ? resolve(options.data ?? '') : join(temporary, 'data')
    let server: EmbeddedServer
    try {
      server = await startEmbeddedPostgres({ directory, keep: temporary === undefined, ownSignals: true })
    } catch (error) {
      return printFailure({ message: (error as Error).message, details: [], exitCode: 1 }, json)
    }
    try {
      return await serveFrom(server, options, json)
    } finally {
      await server.stop()
    }
  } finally {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true })
  }
}

async function serveFrom(server: EmbeddedServer, options: DevOptions, json: boolean): Promise<ExitCode> {
  await createDatabase(server, options.database)
  const config = await loadConfig({
    flags: {
      upstream: server.url(encodeURIComponent(options.database)),
      listen: options.listen,
      log: { level: options.logLevel },
      ...(options.rules === undefined ? {} : { rules: options.rules }),
    },
    environment: process.env,
  })
  if (!config.ok) return printProblems(config.problems, json)
  const log = createLog(config.value.logLevel)
  const started = await startHotswap(config.value, log)
  if (!started.ok) return printFailure(started.failure, json)
  const { host, port, url } = started.value
  if (json) printJson({ ready: true, host, port, url, direct: config.value.upstream })
  else {
    printLine(`DATABASE_URL=${url}`)
    printLine(`PostgreSQL itself: ${config.value.upstream}`)
    printLine('Stop with Ctrl-C.')
  }
  await runUntilSignal(started.value, { log, watch: config.value.rules })
  return 0
}

async function createDatabase(server: EmbeddedServer, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.url('postgres') })
  await client.connect()
  try {
    await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`)
  } catch (error) {
    if ((error as pg.DatabaseError).code !== '42P04') throw error
  } finally {
    await client.end()
  }
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pg-hotswap-dev-'))
  // As root the server runs as another user, who must reach its data through this folder.
  await chmod(folder, 0o711)
  return folder
}
