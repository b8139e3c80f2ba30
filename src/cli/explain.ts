import type { Command } from 'commander'
import type { Catalog } from '../catalog/catalog.js'
import { introspect, type TextQuery } from '../catalog/introspect.js'
import type { Config } from '../config/load-config.js'
import { loadRules } from '../config/load-rules.js'
import { suggestName } from '../config/nearest-name.js'
import { formatProblem } from '../config/problem.js'
import { type Explanation, explainRewrite } from '../rewrite/explain.js'
import { type Generation, versionIndex } from '../rewrite/generation.js'
import { toByteString } from '../sql/byte-string.js'
import { loadParser, type Parser } from '../sql/parse.js'
import { type ControlConnection, connectControl } from '../switch/control-connection.js'
import { planVersions } from '../switch/plan-versions.js'
import { createRuleServer } from '../switch/rule-server.js'
import { createStore, type StoredState } from '../switch/store/store.js'
import { addConfigOptions, type ConfigOptions, readConfig } from './config-options.js'
import { type ExitCode, printFailure, printJson, printLine, printProblems } from './exit.js'
import { markEdits } from './mark-edits.js'
import { connectFailure, type Started, startFailed } from './start-failure.js'

interface ExplainOptions extends ConfigOptions {
  readonly version?: string
  readonly searchPath?: string
  readonly json?: true
}

export function addExplain(program: Command, end: (code: ExitCode) => void): void {
  addConfigOptions(program.command('explain'))
    .description('show what becomes of a statement of an old version, and why; needs the database, not the proxy')
    .argument('<sql>', 'the statement, as the app sends it')
    .option(
      '--version <name>',
      'the version that the statement was written for (default: what a client speaks that says nothing)',
    )
    .option('--search-path <schemas>', 'comma-separated (default: that of the upstream URL)')
    .option('--json', 'print the explanation as JSON')
    .addHelpText(
      'after',
      `
Example:
  $ pg-hotswap explain "SELECT name FROM users" --version initial --rules ./rules \\
      --upstream postgres://postgres@localhost:5432/app

It knows the versions of schema hotswap and those that rule files declare.
Exit code 0: the statement would run as shown. 1: it would be refused. 2: wrong usage.`,
    )
    .action(async (sql: string, options: ExplainOptions) => end(await explain(sql, options)))
}

async function explain(sql: string, options: ExplainOptions): Promise<ExitCode> {
  const json = options.json ?? false
  const config = await readConfig(options)
  if (!config.ok) return printProblems(config.problems, json)
  const parser = await loadParser()
  const world = await readWorld(config.value, parser)
  if (!world.ok) return printFailure(world.failure, json)
  const { generation, defaultVersion, path } = world.value
  const names = generation.versions.map(({ name }) => name)
  const wanted = options.version ?? defaultVersion
  const version = versionIndex(generation, wanted)
  if (version < 0) {
    const message = `there is no version "${wanted}"${suggestName(wanted, names)}`
    return printFailure({ message, details: [`Versions are: ${names.join(', ')}.`], exitCode: 2 }, json)
  }
  const explanation = explainRewrite(generation, parser, {
    text: toByteString(sql),
    version,
    path:
      options.searchPath === undefined ? path : ['pg_catalog', ...options.searchPath.split(',').map((s) => s.trim())],
    temporary: [],
    standardConformingStrings: true,
    clientEncoding: 'UTF8',
  })
  if (json) printJson(facts(sql, wanted, explanation))
  else printExplanation(sql, explanation)
  return explanation.outcome.kind === 'refused' ? 1 : 0
}

interface World {
  readonly generation: Generation
  /** What a client speaks that says nothing. */
  readonly defaultVersion: string
  readonly path: readonly string[]
}

/** What schema hotswap says, where there is one. */
async function readStored(query: TextQuery, live: Catalog): Promise<StoredState | undefined> {
  const found = await query("SELECT pg_catalog.to_regclass('hotswap.state')")
  return found[0]?.[0] == null ? undefined : await createStore(query, live).read()
}

/** The versions that the store and the rules know of the database, and what a session of the upstream's user has as its path. */
async function readWorld(config: Config, parser: Parser): Promise<Started<World>> {
  const rules = config.rules === undefined ? { ok: true as const, value: [] } : await loadRules(config.rules, parser)
  if (!rules.ok) return startFailed('the rule files cannot be used', rules.problems.map(formatProblem))
  let control: ControlConnection
  try {
    control = await connectControl({ url: config.upstream, applicationName: 'pg-hotswap explain', connectMs: 10_000 })
  } catch (error) {
    return connectFailure(error, 'upstream', config.upstream)
  }
  try {
    const live = await introspect(control.query)
    const stored = await readStored(control.query, live)
    const server = createRuleServer(control.query, parser)
    const planned = await planVersions(live, rules.value, stored?.steps ?? [], { number: 1, server })
    if (!planned.ok) return startFailed('the rule files do not fit the database', planned.problems.map(formatProblem))
    const { generation } = planned.value
    const rows = await control.query('SELECT pg_catalog.to_json(pg_catalog.current_schemas(true))')
    return {
      ok: true,
      value: {
        generation,
        defaultVersion: stored?.defaultVersion ?? generation.versions[0]?.name ?? '',
        path: JSON.parse(rows[0]?.[0] ?? '[]') as string[],
      },
    }
  } finally {
    await control.end()
  }
}

function facts(sql: string, version: string, { outcome, steps }: Explanation) {
  return {
    outcome: outcome.kind,
    version,
    sql,
    ...(outcome.kind === 'refused' ? { refusal: outcome.refusal } : {}),
    steps: steps.map((step) => ({ ...step, marked: markEdits(step.text, step.edits, ['«', '»']) })),
  }
}

function printExplanation(sql: string, { outcome, steps }: Explanation): void {
  printLine(sql)
  const marks: readonly [string, string] = process.stdout.isTTY ? ['\u001b[7m', '\u001b[0m'] : ['«', '»']
  for (const step of steps) {
    const changed = step.edits.length > 0
    printLine(`\n${step.from} -> ${step.to}${changed ? '' : ': nothing to change'}`)
    if (changed && outcome.kind !== 'refused') printLine(`  ${markEdits(step.text, step.edits, marks)}`)
    for (const { what, why } of step.references) printLine(`    ${what} ${why}`)
  }
  if (steps.length === 0) printLine('\nThis is the version that the database has: the statement passes as it is.')
  if (outcome.kind !== 'refused') return
  const { sqlstate, message, detail, hint } = outcome.refusal
  printLine(`\nrefused: ${message} (${sqlstate})`)
  if (detail !== undefined) printLine(`  ${detail}`)
  if (hint !== undefined) printLine(`  Hint: ${hint}`)
}
