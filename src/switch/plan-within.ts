import type { Catalog } from '../catalog/catalog.js'
import { isSystemSchema } from '../catalog/diff.js'
import { formatDifference, qualifiedName } from '../catalog/difference.js'
import { readFingerprint } from '../catalog/fingerprint.js'
import {
  introspect,
  introspectChanges,
  introspectMarked,
  type SeenCatalog,
  type TextQuery,
} from '../catalog/introspect.js'
import type { DeclaredVersions } from '../config/declare.js'
import { fitRule } from '../config/fit-rule.js'
import { formatProblem, type Problem } from '../config/problem.js'
import type { RuleFile } from '../config/rule-file.js'
import type { TypeTable } from '../config/rule-server.js'
import type { MigratorSession, ProxyLog } from '../proxy/contracts.js'
import type { Generation } from '../rewrite/generation.js'
import { objectNow, relationNow } from '../rewrite/gone.js'
import type { Mapping } from '../rewrite/mapping.js'
import { planStep, type RelationRules } from '../rewrite/plan-step.js'
import type { Parser } from '../sql/parse.js'
import { type AttemptOutcome, failed, gaveWay, type Migration } from './attempt.js'
import { bindRules } from './bind-rules.js'
import { refuseDifferences, withLostColumns, wouldBreak } from './breaking.js'
import { findMissingCasts } from './casts.js'
import { findBackfills } from './check/backfills.js'
import type { PreparedCheck } from './check/check-step.js'
import type { MadeStep } from './check/touched.js'
import { readWritten } from './check/written-tables.js'
import { checkInserts, type TryStatement } from './check-inserts.js'
import type { AppliedStep } from './plan-versions.js'
import { askQuestions, transactionSql } from './questions.js'
import { findUnexplained } from './retyped-columns.js'
import { StatementFailure } from './server-error.js'
import { createShadowTypes } from './shadow-types.js'
import { KNOWN_LEDGERS } from './tool-statement.js'
import type { SwitchAccess } from './version-source.js'

/** A migration that has run, but is not committed. */
export interface RanMigration {
  readonly session: MigratorSession
  readonly access: SwitchAccess
  readonly parser: Parser
  readonly migration: Migration
  readonly check: BudgetedCheck | undefined
  /** The catalog before it ran, where that was seen in a transaction like this one. */
  readonly seen: SeenCatalog | undefined
}

/** The check before COMMIT, ready to run, and the milliseconds that it may take. */
export interface BudgetedCheck {
  readonly prepared: PreparedCheck
  readonly budgetMs: number
}

/** What a migration led to, ready to be committed. */
export interface PlannedStep {
  readonly kind: 'planned'
  readonly versions: DeclaredVersions
  readonly step: AppliedStep
  readonly fingerprint: string
  /** pg_current_xact_id(), to ask for its end where the answer to COMMIT is lost. */
  readonly transaction: string
  readonly made: MadeStep
  /** Relations and objects that old statements see otherwise now; empty where none does. */
  readonly changed: readonly string[]
  /** What old statements do not survive, where that was allowed. */
  readonly broken: readonly string[]
  /** Statements of the running app that were checked, and what could not be. */
  readonly checked: Checkup | undefined
}

export interface Checkup {
  readonly statements: number
  readonly ms: number
  readonly unchecked: readonly string[]
}

/**
 * Compares the catalogs inside the migration's transaction, merges the rules for the step, and plans the versions as they
 * would be. Rejects with StatementFailure where the server refuses one of our own questions.
 */
export async function planWithin(ran: RanMigration): Promise<PlannedStep | AttemptOutcome> {
  const { access, parser, migration } = ran
  const before = access.head
  let { session, queryOids } = await askQuestions(ran.session)
  let query = textQueryOf(session)
  const { catalog: migrated, marks } =
    ran.seen === undefined
      ? await introspectMarked(query, before)
      : await introspectChanges({ query, queryOids }, ran.seen, before)
  const named = [access.armed[0], migration.rules].filter((file) => file?.version === migration.name)
  const told = named.filter((file) => file !== undefined)
  const shadows = await createShadowTypes(query, before, migrated, migration.name, told)
  if (shadows.kind === 'refused') return failed(shadows.error)
  if (shadows.kind === 'made') {
    session = (await askQuestions(ran.session)).session
    query = textQueryOf(session)
  }
  const after = shadows.kind === 'made' ? await introspect(query, before) : migrated

  const armed = findArmed(access.armed[0], after, migration.name, await access.types(access.armed.slice(0, 1)))
  const rules = [armed, migration.rules].filter((file) => file !== undefined)
  const problems: Problem[] = []
  const stepRules = new Map<number, RelationRules>()
  for (const file of rules) {
    const bound = await bindRules(query, before, after, file, parser)
    if (bound.ok) for (const [oid, values] of bound.value) stepRules.set(oid, values)
    else problems.push(...bound.problems)
  }
  if (problems.length > 0) return rulesContradict(problems)
  const planned = planStep(before, after, stepRules)
  const casts = await findMissingCasts(tryWithin(session), planned.mapping)
  const allRules = withLostColumns(stepRules, casts, before)
  const { mapping } = casts.length === 0 ? planned : planStep(before, after, allRules)
  const { sql } = migration
  const written = await readWritten(query)
  const differences = [
    ...planned.differences,
    ...casts.map(({ difference }) => difference),
    ...findUnexplained(sql, parser, before, after, stepRules),
    ...findBackfills({ sql, parser, before, after, rules: stepRules, ledgers: KNOWN_LEDGERS, written }),
  ]
  const mayBreak = session.allowBreaking && !differences.some(({ final }) => final)
  if (differences.length > 0 && !mayBreak) return refuseDifferences(differences)
  const step: AppliedStep = {
    name: armed?.version ?? migration.name,
    before,
    rules: allRules,
    ...(differences.length > 0 ? { accepted: true } : {}),
  }
  const versions = await access.plan(after, step)
  if (!versions.ok) return rulesContradict(versions.problems)
  const { generation } = versions.value
  const wrong = await checkInserts(tryWithin(session), generation, rules)
  if (wrong.length > 0) return rulesContradict(wrong)
  const checked = await runCheck({ ...ran, session }, generation)
  if (checked !== undefined && 'kind' in checked) return checked
  return {
    kind: 'planned',
    versions: versions.value,
    step,
    fingerprint: shadows.kind === 'made' ? await readFingerprint(query) : marks.fingerprint,
    checked: checked?.checkup,
    broken: [...differences.map(formatDifference), ...(checked?.problems ?? [])],
    transaction: (await query(transactionSql))[0]?.[0] ?? '',
    made: { before, after, mapping },
    changed: [...changesOf(mapping), ...(differences.length > 0 ? goneFrom(before, after, mapping) : [])],
  }
}

export function logBroken(log: ProxyLog, { step, broken }: Pick<PlannedStep, 'step' | 'broken'>): void {
  log.warn({ version: step.name, broken }, 'a migration breaks old statements, as its author allowed')
}

function changesOf(mapping: Mapping): string[] {
  return [...mapping.relations.values(), ...(mapping.objects?.values() ?? [])]
    .filter(({ before }) => !isSystemSchema(before.schema))
    .map((change) => {
      const now = 'relabelled' in change ? change.relabelled?.now : undefined
      return `${qualifiedName(change.before)} -> ${qualifiedName(now ?? change.after)}`
    })
}

/** What old statements may name and the newer version does not have. */
function goneFrom(before: Catalog, after: Catalog, mapping: Mapping): string[] {
  const facts = { before, after, mapping }
  const relations = before.relations.filter((relation) => relationNow(facts, relation) === undefined)
  const objects = (before.objects ?? []).filter((object) => objectNow(facts, object) === undefined)
  return [...relations, ...objects].map((gone) => `${qualifiedName(gone)} (dropped)`)
}

async function runCheck(
  { session, check }: RanMigration,
  planned: Generation,
): Promise<{ readonly checkup: Checkup; readonly problems: readonly string[] } | AttemptOutcome | undefined> {
  if (check === undefined) return undefined
  const outcome = await check.prepared.run(session, planned, check.budgetMs)
  if (outcome.kind === 'over budget')
    return gaveWay(`the check of the app's statements took too long: ${outcome.reason}`)
  const { problems, statements, ms, unchecked } = outcome
  if (problems.length > 0 && !session.allowBreaking) return wouldBreak(problems)
  return { checkup: { statements, ms, unchecked }, problems }
}

/** The first armed rule file, where this is the migration that it waits for. */
function findArmed(file: RuleFile | undefined, after: Catalog, name: string, types: TypeTable): RuleFile | undefined {
  if (file === undefined) return undefined
  return file.version === name || fitRule(after, file, types).kind === 'after' ? file : undefined
}

function rulesContradict(problems: readonly Problem[]): AttemptOutcome {
  const lines = problems.map(formatProblem)
  return failed(
    {
      sqlstate: 'F0000',
      message: 'the migration was rolled back: the rule files do not fit what it did',
      detail: lines.join('\n'),
    },
    lines,
  )
}

/** Within the migration's transaction, which an error must not end. */
function tryWithin(session: MigratorSession): TryStatement {
  const query = textQueryOf(session)
  return async (sql) => {
    await query('SAVEPOINT hotswap_check')
    const result = await session.query(sql)
    await query('ROLLBACK TO hotswap_check')
    if (result.ok) return undefined
    return { sqlstate: result.error.get('C') ?? '', message: result.error.get('M') ?? '' }
  }
}

/** Rejects with StatementFailure where the server refuses. */
export function textQueryOf(session: MigratorSession): TextQuery {
  return async (sql) => {
    const result = await session.query(sql)
    if (!result.ok) throw new StatementFailure(result.error)
    return result.rows.map((row) => [...row])
  }
}
