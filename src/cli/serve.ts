import type { Command } from 'commander'
import { describeVersions } from '../switch/version-source.js'
import { addConfigOptions, type ConfigOptions, parseListen, readConfig } from './config-options.js'
import { type ExitCode, printFailure, printJson, printLine, printProblems } from './exit.js'
import { createLog } from './log.js'
import { runUntilSignal } from './run-until-signal.js'
import { startHotswap } from './start-hotswap.js'

interface ServeOptions extends ConfigOptions {
  readonly json?: true
}

export function addServe(program: Command, end: (code: ExitCode) => void): void {
  addConfigOptions(program.command('serve'))
    .description('run the proxy in front of a PostgreSQL server')
    .option('--listen <address>', 'PORT or HOST:PORT to listen on (default: 127.0.0.1:6432)', parseListen)
    .option('--default-version <name>', 'what a client speaks that says nothing (default: the oldest version)')
    .option('--log-level <level>', 'fatal, error, warn, info, debug, trace or silent')
    .option('--json', 'print one line of JSON when the proxy is ready')
    .addHelpText(
      'after',
      `
Example:
  $ pg-hotswap serve --upstream postgres://postgres@localhost:5432/app --rules ./rules
  $ DATABASE_URL=postgres://postgres@localhost:6432/app npm start

SIGHUP reads the rule files again. SIGINT and SIGTERM let transactions end first.`,
    )
    .action(async (options: ServeOptions) => end(await serve(options)))
}

async function serve(options: ServeOptions): Promise<ExitCode> {
  const json = options.json ?? false
  const config = await readConfig(options)
  if (!config.ok) return printProblems(config.problems, json)
  const log = createLog(config.value.logLevel)
  const started = await startHotswap(config.value, log)
  if (!started.ok) return printFailure(started.failure, json)
  const { host, port, url, versions } = started.value
  const facts = describeVersions({ generation: versions.current().generation, armed: versions.armed })
  if (json) printJson({ ready: true, host, port, ...facts })
  else {
    printLine(`pg-hotswap listens on ${host}:${port}`)
    printLine(`versions: ${facts.versions.join(' -> ')}${facts.armed.map((name) => ` (-> ${name}, armed)`).join('')}`)
    printLine(`point your app here: DATABASE_URL=${withoutPassword(url)}`)
  }
  await runUntilSignal(started.value, { log, watch: config.value.watch ? config.value.rules : undefined })
  return 0
}

function withoutPassword(url: string): string {
  const shown = new URL(url)
  if (shown.password !== '') shown.password = '***'
  return shown.href
}
