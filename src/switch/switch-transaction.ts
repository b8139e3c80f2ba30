import type { Catalog } from '../catalog/catalog.js'
import { isSystemSchema } from '../catalog/diff.js'
import { formatDifference, qualifiedName } from '../catalog/difference.js'
import { readFingerprint } from '../catalog/fingerprint.js'
import { introspect, type TextQuery } from '../catalog/introspect.js'
import type { DeclaredVersions } from '../config/declare.js'
import { fitRule } from '../config/fit-rule.js'
import { formatProblem, type Problem } from '../config/problem.js'
import type { RuleFile } from '../config/rule-file.js'
import type { TypeTable } from '../config/rule-server.js'
import type { MigratorSession } from '../proxy/contracts.js'
import { planStep, type RelationRules } from '../rewrite/plan-step.js'
import { type Attempt, type AttemptOutcome, failed, gaveWay } from './attempt.js'
import { bindRules } from './bind-rules.js'
import { checkCasts } from './casts.js'
import { checkInserts, type TryStatement } from './check-inserts.js'
import { isCommitted } from './commit-doubt.js'
import type { AppliedStep } from './plan-versions.js'
import { findUnexplained } from './retyped-columns.js'
import { ruleOfStep } from './rule-of-step.js'
import { StatementFailure } from './server-error.js'

/**
 * Runs the file in one transaction on the migrator's own connection while traffic is held, and publishes what it led to:
 *
 *     BEGIN; introspect; the file; introspect; compare; COMMIT; publish
 *
 * Anything else than a step that old statements survive is rolled back.
 */
export async function switchInTransaction(attempt: Attempt): Promise<AttemptOutcome> {
  const { session, control, signal } = attempt
  try {
    const prepared = await prepareStep(attempt)
    if (prepared.kind !== 'planned') {
      await session.query('ROLLBACK')
      return prepared
    }
    if (signal.aborted) {
      await session.query('ROLLBACK')
      return clientLeft
    }
    const refused = await commit(session, control, prepared.transaction)
    if (refused !== undefined) return refused
    attempt.access.publish(prepared.versions, prepared.step, prepared.fingerprint)
    const { step, changed, rule } = prepared
    return { kind: 'committed', version: step.name, changed, rule }
  } catch (error) {
    if (error instanceof StatementFailure) {
      await session.query('ROLLBACK').catch(() => undefined)
      return { kind: 'failed', error: error.fields, differences: [] }
    }
    return connectionLost(session, control, error)
  }
}

const clientLeft = failed({ sqlstate: '57014', message: 'the client of the migration has left' })

interface PlannedStep {
  readonly kind: 'planned'
  readonly versions: DeclaredVersions
  readonly step: AppliedStep
  readonly fingerprint: string
  /** pg_current_xact_id(), to ask for its end where the answer to COMMIT is lost. */
  readonly transaction: string
  readonly changed: readonly string[]
  readonly rule: string
}

async function prepareStep(attempt: Attempt): Promise<PlannedStep | AttemptOutcome> {
  const { session, migration, access } = attempt
  const query = textQueryOf(session)
  await query(
    `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = ${Math.max(1, attempt.lockTimeoutMs)}`,
  )
  const before = await introspect(query, access.head)
  const stopped = await runFile(attempt)
  if (stopped !== undefined) return stopped
  const after = await introspect(query, before)

  const armed = findArmed(access.armed[0], after, migration.name, await access.types(access.armed.slice(0, 1)))
  const rules = [armed, migration.rules].filter((file) => file !== undefined)
  const problems: Problem[] = []
  const stepRules = new Map<number, RelationRules>()
  for (const file of rules) {
    const bound = await bindRules(query, before, after, file, attempt.parser)
    if (bound.ok) for (const [oid, values] of bound.value) stepRules.set(oid, values)
    else problems.push(...bound.problems)
  }
  if (problems.length > 0) return rulesContradict(problems)
  const { mapping, differences } = planStep(before, after, stepRules)
  const unexplained = findUnexplained(migration.sql, attempt.parser, before, after, stepRules)
  if (differences.length + unexplained.length > 0) {
    return wouldBreak([...differences, ...unexplained].map(formatDifference))
  }
  const step: AppliedStep = { name: armed?.version ?? migration.name, before, rules: stepRules }
  const planned = await access.plan(after, step)
  if (!planned.ok) return rulesContradict(planned.problems)
  const { generation } = planned.value
  const wrong = [
    ...(await checkInserts(tryWithin(session), generation, rules)),
    ...(await checkCasts(tryWithin(session), generation, rules)),
  ]
  if (wrong.length > 0) return rulesContradict(wrong)
  return {
    kind: 'planned',
    versions: planned.value,
    step,
    fingerprint: await readFingerprint(query),
    transaction: (await query('SELECT pg_catalog.pg_current_xact_id()'))[0]?.[0] ?? '',
    rule: ruleOfStep(mapping),
    changed: [...mapping.relations.values(), ...(mapping.objects?.values() ?? [])]
      .filter(({ before }) => !isSystemSchema(before.schema))
      .map(({ before, after }) => `${qualifiedName(before)} -> ${qualifiedName(after)}`),
  }
}

/** The first armed rule file, where this is the migration that it waits for. */
function findArmed(file: RuleFile | undefined, after: Catalog, name: string, types: TypeTable): RuleFile | undefined {
  if (file === undefined) return undefined
  return file.version === name || fitRule(after, file, types).kind === 'after' ? file : undefined
}

/** Runs the file's SQL; undefined where it succeeded. */
async function runFile({ session, migration, control, runMs, signal }: Attempt): Promise<AttemptOutcome | undefined> {
  const cancel = () => {
    // Without an answer the statement ends by itself; its own outcome tells.
    if (session.pid !== undefined) control(`SELECT pg_catalog.pg_cancel_backend(${session.pid})`).catch(() => undefined)
  }
  let late = false
  const timer = setTimeout(() => {
    late = true
    cancel()
  }, runMs)
  signal.addEventListener('abort', cancel)
  try {
    const result = await session.query(migration.sql)
    if (result.ok) return undefined
    const sqlstate = result.error.get('C')
    if (sqlstate === '55P03') return gaveWay('a lock was not to be had in time')
    if (sqlstate === '40P01') return gaveWay('a deadlock was found')
    if (sqlstate === '57014' && late) return tooLong(runMs)
    return { kind: 'failed', error: result.error, differences: [] }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', cancel)
  }
}

/** Ends the transaction; undefined where it is committed. */
async function commit(
  session: MigratorSession,
  control: TextQuery,
  transaction: string,
): Promise<AttemptOutcome | undefined> {
  try {
    const result = await session.query('COMMIT')
    if (!result.ok) return { kind: 'failed', error: result.error, differences: [] }
    if (result.tag === 'COMMIT') return undefined
    return failed({ sqlstate: '25P02', message: 'the migration left its transaction in a failed state' })
  } catch (error) {
    const committed = await isCommitted(control, transaction)
    if (committed === true) return undefined
    if (committed === false) return connectionLost(session, control, error)
    return failed({
      sqlstate: '08007',
      message: 'the connection was lost during COMMIT, and the database does not say whether it took place',
      hint: 'Look at the database; then reload, with a rule file for the migration where it took place.',
    })
  }
}

function connectionLost(session: MigratorSession, control: TextQuery, error: unknown): AttemptOutcome {
  // The backend may not have noticed, and would go on with the DDL while it holds its locks.
  if (session.pid !== undefined)
    control(`SELECT pg_catalog.pg_terminate_backend(${session.pid})`).catch(() => undefined)
  return failed({ sqlstate: '08006', message: `the connection of the migration was lost: ${String(error)}` })
}

function tooLong(runMs: number): AttemptOutcome {
  return failed({
    sqlstate: '57014',
    message: `the migration ran longer than the ${Math.round(runMs)} ms that traffic may be held for it`,
    hint: 'Take what works on many rows out of the file and run it before, or raise hold.timeout.',
  })
}

function wouldBreak(differences: readonly string[]): AttemptOutcome {
  return failed(
    {
      sqlstate: '55000',
      message: 'the migration was rolled back: statements of the running app would not survive it',
      detail: differences.join('\n'),
    },
    differences,
  )
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

function textQueryOf(session: MigratorSession): TextQuery {
  return async (sql) => {
    const result = await session.query(sql)
    if (!result.ok) throw new StatementFailure(result.error)
    return result.rows.map((row) => [...row])
  }
}
