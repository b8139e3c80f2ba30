import pg from 'pg'
import type { Catalog } from '../../src/catalog/catalog.js'
import { introspect, type TextQuery } from '../../src/catalog/introspect.js'
import type { Step, Version } from '../../src/rewrite/generation.js'
import { loadParser, type Parser } from '../../src/sql/parse.js'
import { compareAnswers, type Verdict } from './compare-answers.js'
import type { HistoryStep } from './history.js'
import { type OldClients, openOldClients } from './old-clients.js'
import type { CorpusQuery, Project } from './project.js'
import { runMigration } from './run-migration.js'
import { shapeQueries } from './shape-queries.js'
import { connectStatements, type Description } from './statement-client.js'
import { createStepPlanner, type StepPlan } from './step-planner.js'

export interface ReplayOptions {
  readonly project: Project
  readonly history: readonly HistoryStep[]
  /** The statements of HEAD's app: those that the last version is asked for. */
  readonly server: { readonly host: string; readonly port: number; readonly database: string }
  readonly rules: string | undefined
  readonly drafts: string | undefined
  /** Leave out the statements where neither mapping nor catalogs show a change: they are forwarded as they are. */
  readonly quick: boolean
  /** Ask for the tables' own shapes too, or alone where the project has no statements. */
  readonly shapes: boolean
  /** Ask the statements of every n-th version at the head; 0 for none. */
  readonly jumps: number
  readonly onStep: (report: StepReport) => void
}

/** One statement and what became of it. */
export interface Tried {
  readonly query: CorpusQuery
  readonly verdict: Verdict
  /** What was sent in its place; undefined where it was sent as it is. */
  readonly sent: string | undefined
}

export interface StepReport {
  readonly name: string
  /** The version that the statements are of. */
  readonly version: string
  readonly plan: StepPlan
  readonly tried: readonly Tried[]
  /** Statements that did not fit their own schema, and so prove nothing. */
  readonly unfit: number
}

export interface JumpReport {
  readonly version: string
  readonly steps: number
  readonly tried: readonly Tried[]
}

export interface ReplayReport {
  readonly steps: readonly StepReport[]
  readonly jumps: readonly JumpReport[]
  /** Migrations that the server did not take, with its words: they are left out. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[]
}

/** An app's statements with what they are on their own schema. */
interface AppVersion {
  readonly version: number
  readonly statements: readonly { readonly query: CorpusQuery; readonly truth: Description }[]
  readonly unfit: number
}

/** Runs a project's migrations one after another, and its statements through the proxy after each. */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const { server } = options
  const migrator = new pg.Client({ ...server, user: 'postgres', password: 'postgres' })
  // A failure shows itself at the next query.
  migrator.on('error', () => undefined)
  await migrator.connect()
  const parser = await loadParser()
  const query: TextQuery = async (text) =>
    (await migrator.query({ text, rowMode: 'array', types: asText })).rows as (string | null)[][]
  const versions: Version[] = [{ name: 'empty', catalog: await introspect(query) }]
  const steps: Step[] = []
  const old = await openOldClients({ server, versions, steps, parser })
  try {
    return await replayOn(options, { migrator, parser, query, versions, steps, old })
  } finally {
    await old.close()
    await migrator.end()
  }
}

interface Stage {
  readonly migrator: pg.Client
  readonly parser: Parser
  readonly query: TextQuery
  readonly versions: Version[]
  readonly steps: Step[]
  readonly old: OldClients
}

async function replayOn(options: ReplayOptions, stage: Stage): Promise<ReplayReport> {
  const { migrator, parser, query, versions, steps, old } = stage
  const planner = await createStepPlanner({ rules: options.rules, drafts: options.drafts, query, parser })
  if (options.project.setup !== undefined) await migrator.query(options.project.setup)
  const reports: StepReport[] = []
  const skipped: { name: string; reason: string }[] = []
  const apps = new Map<string, AppVersion>()
  for (const step of options.history) {
    const before = newest(versions)
    const app = apps.get(releaseOf(step, options)) ?? (await meetApp(step, before, versions.length - 1, options))
    apps.set(releaseOf(step, options), app)
    try {
      await runMigration(migrator, parser, step.sql)
    } catch (error) {
      skipped.push({ name: step.name, reason: String((error as Error).message) })
    }
    // Migrations set search_path, row_security and more for themselves.
    await migrator.query('RESET ALL')
    const after = await introspect(query, before)
    const plan = await planner.plan(step, before, after)
    versions.push({ name: step.name, catalog: after })
    steps.push({ mapping: plan.mapping })
    old.publish()
    const tried = options.quick && isUnchanged(plan) ? [] : await tryAll(old, versions, app)
    const report = { name: step.name, version: versionName(versions, app.version), plan, tried, unfit: app.unfit }
    reports.push(report)
    options.onStep(report)
  }

  const jumps: JumpReport[] = []
  const far = [...apps.values()].filter((app) => app.statements.length > 0)
  for (const [index, app] of far.entries()) {
    if (options.jumps === 0 || index % options.jumps !== 0) continue
    const tried = await tryAll(old, versions, app)
    jumps.push({ version: versionName(versions, app.version), steps: versions.length - 1 - app.version, tried })
  }
  return { steps: reports, jumps, skipped }
}

/** A project without statements is met anew before each migration; an app stays the same for one release. */
function releaseOf(step: HistoryStep, { project }: ReplayOptions): string {
  return project.queries === undefined ? step.key : step.release
}

async function meetApp(
  step: HistoryStep,
  catalog: Catalog,
  version: number,
  { server, project, shapes }: ReplayOptions,
): Promise<AppVersion> {
  const queries = [...(await step.queries()), ...(shapes || project.queries === undefined ? shapeQueries(catalog) : [])]
  const client = await connectStatements(server)
  const answers = await client.describeAll(queries)
  await client.end()
  const statements = queries.flatMap((query, index) => {
    const truth = answers[index]
    return truth?.kind === 'described' ? [{ query, truth }] : []
  })
  return { version, statements, unfit: queries.length - statements.length }
}

async function tryAll(
  old: OldClients,
  versions: readonly Version[],
  { version, statements }: AppVersion,
): Promise<readonly Tried[]> {
  if (statements.length === 0) return []
  const asked = await old.ask(
    versionName(versions, version),
    statements.map(({ query }) => query),
  )
  return statements.map(({ query, truth }, index): Tried => {
    const one = asked[index]
    if (one === undefined) throw new Error('a statement without an answer')
    return { query, verdict: compareAnswers(truth, one.answer, one.refused), sent: one.sent }
  })
}

function isUnchanged({ mapping, open }: StepPlan): boolean {
  return mapping.relations.size === 0 && (mapping.objects?.size ?? 0) === 0 && open.length === 0
}

function newest(versions: readonly Version[]): Catalog {
  const last = versions.at(-1)
  if (last === undefined) throw new Error('no version')
  return last.catalog
}

function versionName(versions: readonly Version[], index: number): string {
  return versions[index]?.name ?? ''
}

const asText = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig
