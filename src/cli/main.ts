#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { addCheck } from './check.js'
import { addDev } from './dev.js'
import type { ExitCode } from './exit.js'
import { addMigrate } from './migrate.js'
import { addReload } from './reload.js'
import { addServe } from './serve.js'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}
const program = new Command('pg-hotswap')
  .description('Hot-swap a PostgreSQL schema under a running app.')
  .version(version)
  .showHelpAfterError('(add --help for help)')
  .exitOverride()
const end = (code: ExitCode) => {
  process.exitCode = code
}
for (const add of [addServe, addDev, addMigrate, addReload, addCheck]) add(program, end)

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  // Commander has printed it; asking for help or the version is no error.
  process.exitCode = error.exitCode === 0 ? 0 : 2
}
