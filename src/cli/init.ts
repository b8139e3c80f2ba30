import type { Command } from 'commander'
import { firstVersion } from '../config/load-rules.js'
import { type ControlConnection, connectControl } from '../switch/control-connection.js'
import { makeDdlTrigger } from '../switch/store/ddl-trigger.js'
import { openStore, storeGrants } from '../switch/store/open-store.js'
import { addConfigOptions, type ConfigOptions, readConfig } from './config-options.js'
import { type ExitCode, printFailure, printJson, printLine, printProblems } from './exit.js'
import { connectFailure, describeUrl } from './start-failure.js'

interface InitOptions extends ConfigOptions {
  readonly role?: string
  readonly anew?: true
  readonly eventTrigger?: true
  readonly json?: true
}

export function addInit(program: Command, end: (code: ExitCode) => void): void {
  addConfigOptions(program.command('init'))
    .description('make the version store (schema hotswap) in the database, where serve may not')
    .option('--role <name>', 'the role of the proxy: it is granted what it needs of the store')
    .option('--anew', 'forget all stored versions, and begin with the schema as it is')
    .option(
      '--event-trigger',
      'let the database tell the proxies at once of DDL that goes round them (superusers only)',
    )
    .option('--json', 'print the facts as JSON')
    .addHelpText(
      'after',
      `
Example:
  $ pg-hotswap init --control postgres://owner@localhost:5432/app --upstream postgres://localhost:5432/app --role hotswap

serve does the same by itself where its role may make a schema. A store that is there is brought up to date and stays.

Exit code 0: it is there. 1: it cannot be made or used. 2: wrong usage.`,
    )
    .action(async (options: InitOptions) => end(await init(options)))
}

async function init(options: InitOptions): Promise<ExitCode> {
  const json = options.json ?? false
  const config = await readConfig(options)
  if (!config.ok) return printProblems(config.problems, json)
  const url = config.value.control
  let control: ControlConnection
  try {
    control = await connectControl({ url, applicationName: 'pg-hotswap init', connectMs: 10_000 })
  } catch (error) {
    const refused = connectFailure(error, 'control', url)
    if (refused.ok) throw error
    return printFailure(refused.failure, json)
  }
  try {
    const opened = await openStore({
      query: control.query,
      defaultVersion: firstVersion,
      anew: options.anew ?? false,
    })
    if (opened.kind !== 'open') return printFailure({ ...opened, exitCode: 1 }, json)
    const refusal = options.eventTrigger === true ? await makeDdlTrigger(control.query) : undefined
    if (refusal !== undefined) return printFailure({ ...noTrigger(refusal), exitCode: 1 }, json)
    for (const grant of options.role === undefined ? [] : storeGrants(options.role)) await control.query(grant)
    if (json) printJson({ ok: true, created: opened.created })
    else {
      printLine(`the version store of ${describeUrl(url)} ${opened.created ? 'was made' : 'is there, and up to date'}`)
    }
    return 0
  } finally {
    await control.end()
  }
}

function noTrigger(refusal: string): { readonly message: string; readonly details: readonly string[] } {
  return {
    message: `the event trigger cannot be made: ${refusal}`,
    details: [
      'PostgreSQL lets superusers alone make one: pg-hotswap init --event-trigger --control URL of one.',
      'Without it, DDL that goes round the proxy is found within `poll`. The version store itself is there.',
    ],
  }
}
