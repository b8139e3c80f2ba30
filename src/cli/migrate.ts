import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Command } from 'commander'
import type { DatabaseError } from 'pg'
import { decodeReport, type MigrationReport } from '../switch/migration-report.js'
import { encodeMigration } from '../switch/migration-text.js'
import { type ExitCode, printFailure, printJson, printLine } from './exit.js'
import { askProxy, describeDatabaseError, proxyUrl, requireProxy } from './proxy-client.js'
import { type Started, startFailed } from './start-failure.js'

interface MigrateOptions {
  readonly url?: string
  readonly rules?: string
  readonly name?: string
  readonly save?: string
  readonly allowBreaking?: true
  readonly json?: true
}

export function addMigrate(program: Command, end: (code: ExitCode) => void): void {
  program
    .command('migrate')
    .alias('rollback')
    .description('run an SQL file through the running proxy, while the app keeps running')
    .argument('<file>', 'the migration: SQL without BEGIN and COMMIT, run in one transaction')
    .option('--url <url>', "the proxy's URL [DATABASE_URL]")
    .option('--rules <file>', 'rule file with what the migration cannot show, e.g. values for new NOT NULL columns')
    .option('--name <version>', 'the new version (default: the name of the file without .sql)')
    .option(
      '--save <folder>',
      'write the step as a rule file there, where none has its name, for the next start of the proxy',
    )
    .option('--allow-breaking', 'migrate even where old statements would not survive it, and print what breaks')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      `
Example:
  $ pg-hotswap migrate migrations/0003-person-name.sql --rules rules/0003-person-name.yaml
  $ pg-hotswap migrate migrations/0004-orders.sql --save rules
  $ pg-hotswap rollback migrations/0004-orders.down.sql         # one more step: the way back is a migration, too

The step is kept in schema hotswap of the database; --save is for a proxy without a store, and for whoever wants to read it.

Exit code 0: migrated. 1: rolled back, nothing has changed. 2: wrong usage.`,
    )
    .action(async (file: string, options: MigrateOptions) => end(await migrate(file, options)))
}

async function migrate(file: string, options: MigrateOptions): Promise<ExitCode> {
  const json = options.json ?? false
  const url = proxyUrl(options.url)
  if (!url.ok) return printFailure(url.failure, json)
  const sql = await readText(file)
  if (!sql.ok) return printFailure(sql.failure, json)
  const rules = options.rules === undefined ? undefined : await readText(options.rules)
  if (rules?.ok === false) return printFailure(rules.failure, json)
  const proxy = await requireProxy(url.value)
  if (!proxy.ok) return printFailure(proxy.failure, json)

  const text = encodeMigration({
    sql: sql.value,
    rules: rules === undefined ? undefined : { file: options.rules ?? '', text: rules.value },
  })
  const name = options.name ?? basename(file).replace(/\.sql$/, '')
  const onNotice = (notice: string) => {
    if (decodeReport(notice) === undefined) process.stderr.write(`${notice}\n`)
  }
  const also = options.allowBreaking === true ? ['allow_breaking=on'] : []
  const answer = await askProxy({ url: url.value, setting: { name: 'migrate', value: name }, also, text, onNotice })
  if (!answer.ok) return printFailure(answer.failure, json)
  const report = answer.value.notices.map(decodeReport).find((found) => found !== undefined)
  if (answer.value.ok) {
    if (json) printJson(report)
    else printReport(report)
    return options.save === undefined || report === undefined ? 0 : await saveRule(options.save, report, json)
  }
  return printRefusal(answer.value.error, { report, file, sql: sql.value, json })
}

function printReport(report: MigrationReport | undefined): void {
  if (report === undefined) return
  const tries = report.tries === 1 ? '1 try' : `${report.tries} tries`
  printLine(`migrated to version ${report.version}: ${tries}, traffic held for ${report.heldMs} ms`)
  for (const change of report.changed) printLine(`  ${change}`)
  if (report.broken.length > 0) printLine('breaks statements of older versions, as allowed:')
  for (const line of report.broken) printLine(`  ${line}`)
}

/** Writes the step's rule file; one that is there already declares the step, and stays. */
async function saveRule(folder: string, { version, rule, fillIn }: MigrationReport, json: boolean): Promise<ExitCode> {
  const file = join(folder, `${version}.yaml`)
  if (fillIn !== undefined) {
    const say = `not saved: the proxy would not take ${file} until each "..." in it says what a lost column is:`
    if (!json) printLine(`${say}\n${fillIn}`)
    return 0
  }
  try {
    await writeFile(file, rule ?? '', { flag: 'wx' })
    if (!json) printLine(`  saved as ${file}`)
    return 0
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return 0
    const failure = {
      message: `the migration is done, but ${file} could not be written (${code})`,
      details: [],
      exitCode: 1 as const,
    }
    return printFailure(failure, json)
  }
}

interface Refusal {
  readonly report: MigrationReport | undefined
  readonly file: string
  readonly sql: string
  readonly json: boolean
}

function printRefusal(error: DatabaseError, { report, file, sql, json }: Refusal): ExitCode {
  const place = error.position === undefined ? '' : `${file}:${linePosition(sql, Number(error.position))}: `
  const details = describeDatabaseError(error)
  process.stderr.write(
    `error: ${place}${error.message} (${error.code})\n${details.map((line) => `  ${line}\n`).join('')}`,
  )
  if (json) {
    const { code, message, detail, hint, position } = error
    printJson({ ok: false, ...report, error: { code, message, detail, hint, position } })
  }
  return 1
}

/** `line:column` of a 1-based position in characters. */
function linePosition(text: string, position: number): string {
  const lines = [...text]
    .slice(0, position - 1)
    .join('')
    .split('\n')
  return `${lines.length}:${[...(lines.at(-1) ?? '')].length + 1}`
}

async function readText(file: string): Promise<Started<string>> {
  try {
    return { ok: true, value: await readFile(file, 'utf8') }
  } catch (error) {
    return startFailed(
      `cannot read ${file} (${(error as NodeJS.ErrnoException).code})`,
      ['Check the name of the file.'],
      2,
    )
  }
}
