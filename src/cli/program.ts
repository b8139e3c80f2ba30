import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addCheck } from './check.js'
import { addDev } from './dev.js'
import { addExplain } from './explain.js'
import { addInit } from './init.js'
import { addMigrate } from './migrate.js'
import { addPromote } from './promote.js'
import { addReload } from './reload.js'
import { addRetire } from './retire.js'
import { addRun } from './run.js'
import { addServe } from './serve.js'
import { addStatus } from './status.js'

/** The command line; `end` is given the exit code of the command that ran. Wrong usage throws a CommanderError. */
export function createProgram(end: (code: number) => void): Command {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  const program = new Command('pg-hotswap')
    .description('Hot-swap a PostgreSQL schema under a running app.')
    .version(version)
    .showHelpAfterError('(add --help for help)')
    // So that `explain --version NAME` is not asked of the program.
    .enablePositionalOptions()
    .exitOverride()
  for (const add of [
    addServe,
    addDev,
    addMigrate,
    addRun,
    addReload,
    addStatus,
    addPromote,
    addRetire,
    addExplain,
    addCheck,
    addInit,
  ])
    add(program, end)
  return program
}
