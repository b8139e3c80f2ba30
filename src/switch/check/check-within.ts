import pg from 'pg'
import type { TextQuery } from '../../catalog/introspect.js'
import type { Description, MigratorSession } from '../../proxy/contracts.js'
import { type Generation, versionIndex } from '../../rewrite/generation.js'
import type { Refusal, Rewriter } from '../../rewrite/outcome.js'
import type { TypeOids } from '../../rewrite/type-oids.js'
import { StatementFailure } from '../server-error.js'
import { type CheckedStatement, type Described, errorText, labelOf } from './checked-statement.js'
import { asClientKnows, compareDescriptions, type TypeNames } from './compare-descriptions.js'
import { planSql, typeList } from './plan-sql.js'
import { readPath, searchPathSql } from './statement-session.js'

/** The migrator's connection, inside its transaction. */
export type CheckSession = Pick<MigratorSession, 'user' | 'query' | 'describe'>

/** What a check found so far. */
export interface Findings {
  readonly problems: string[]
  readonly unchecked: string[]
  /** Roles that the migrator may not take on. */
  readonly strangers: Set<string>
}

/** The check must end: time is up, or a lock is not to be had. */
export class OutOfTime extends Error {}

export interface CheckWithin {
  readonly session: CheckSession
  readonly query: TextQuery
  readonly planned: Generation
  readonly rewriter: Rewriter
  readonly findings: Findings
  /** Milliseconds that are left; throws OutOfTime where none are. */
  readonly left: () => number
}

/** Statements that are planned by one Query. */
const BATCH = 10

/**
 * Checks statements of one role and search_path inside the migration's transaction: rewritten for the version as it would
 * be, described, compared with what they were, planned. Nothing of it stays, and no error ends the transaction.
 */
export async function checkGroup(check: CheckWithin, group: readonly CheckedStatement[]): Promise<void> {
  const [context] = group
  if (context === undefined) return
  const { query, findings } = check
  await query(`SAVEPOINT hotswap_context;
    SET LOCAL statement_timeout = ${Math.ceil(check.left())}; SET LOCAL plan_cache_mode = force_generic_plan;
    ${searchPathSql(context, true)}`)
  if (context.role !== undefined && !(await takeRole(check, context.role))) findings.strangers.add(context.role)
  const path = await readPath(query)
  await query('SAVEPOINT hotswap_statement')
  const toPlan: PlannedStatement[] = []
  for (const statement of group) {
    check.left()
    const planned = await describeNow(check, statement, path)
    if (planned !== undefined) toPlan.push(planned)
  }
  for (let at = 0; at < toPlan.length; at += BATCH) await planBatch(check, toPlan.slice(at, at + BATCH))
  await query('ROLLBACK TO hotswap_context; RELEASE hotswap_context')
}

async function takeRole({ query, session }: CheckWithin, role: string): Promise<boolean> {
  await query('SAVEPOINT hotswap_role')
  const taken = await session.query(`SET LOCAL ROLE ${pg.escapeIdentifier(role)}`)
  if (!taken.ok) await query('ROLLBACK TO hotswap_role')
  return taken.ok
}

/** A statement that is described as it was, and may be planned. */
interface PlannedStatement {
  readonly statement: CheckedStatement
  readonly text: string
  readonly parameterOids: readonly number[]
  readonly parameters: number
}

async function describeNow(
  check: CheckWithin,
  statement: CheckedStatement,
  path: readonly string[],
): Promise<PlannedStatement | undefined> {
  const { rewriter, planned, findings, session, query } = check
  const version = versionIndex(planned, statement.version)
  const { before, text, parameterOids } = statement
  if (version < 0 || before.kind === 'refused') return undefined
  const label = labelOf(statement)
  const outcome = rewriter.rewrite({
    text,
    version,
    path,
    temporary: [],
    standardConformingStrings: true,
    clientEncoding: 'UTF8',
    declaredTypes: parameterOids.length === 0 ? undefined : parameterOids.join(),
  })
  if (before.kind === 'failed') {
    findings.unchecked.push(`${label}: the server did not take it before the migration: ${errorText(before.error)}`)
    return undefined
  }
  if (outcome.kind === 'refused') {
    const list = statement.recorded ? findings.problems : findings.unchecked
    list.push(`${label}: it would be refused: ${refusalText(outcome.refusal)}`)
    return undefined
  }
  if (before.kind === 'rewritten') return undefined
  const oids = rewriter.typeOids?.(version)
  const sent = outcome.kind === 'unchanged' ? text : outcome.text
  const types = parameterOids.map((oid) => oids?.toServer.get(oid) ?? oid)
  const described = await session.describe(sent, types)
  if (!described.ok) {
    await query('ROLLBACK TO hotswap_statement')
    noteError(check, statement, described.error)
    return undefined
  }
  const difference = compareDescriptions(before.description, asClientKnows(described, oids))
  if (difference !== undefined) {
    findings.problems.push(`${label}: ${difference(await typeNames(query, before.description, described, oids))}`)
    return undefined
  }
  return before.plans
    ? { statement, text: sent, parameterOids: types, parameters: described.parameters.length }
    : undefined
}

function refusalText({ sqlstate, message, detail, hint }: Refusal): string {
  const more = [detail, hint].filter((text) => text !== undefined).join(' ')
  return `${sqlstate} ${message}${more === '' ? '' : ` (${more})`}`
}

// Time is up, a lock was not to be had, a deadlock: nothing is said of the statement.
const NO_ANSWER = new Set(['57014', '55P03', '40P01'])

function noteError({ findings }: CheckWithin, statement: CheckedStatement, error: ReadonlyMap<string, string>): void {
  const sqlstate = error.get('C') ?? ''
  if (NO_ANSWER.has(sqlstate)) throw new OutOfTime(errorText(error))
  const line = `${labelOf(statement)}: ${errorText(error)}`
  // Nobody is known to send it, so that the migrator's own rights say nothing.
  if (!statement.recorded && sqlstate === '42501') findings.unchecked.push(line)
  // Under another role's name than its own, it is the migrator who may not.
  else if (sqlstate === '42501' && statement.role !== undefined && findings.strangers.has(statement.role)) {
    findings.unchecked.push(line)
  } else findings.problems.push(line)
}

/** Plans some at once; where one of them fails, each by itself. */
async function planBatch(check: CheckWithin, batch: readonly PlannedStatement[]): Promise<void> {
  const { session, query } = check
  const parts: string[] = []
  for (const [index, one] of batch.entries()) {
    const name = `hotswap_check_${index}`
    const types = await typeList(query, one.parameterOids)
    parts.push(`${planSql(name, one.text, types, one.parameters)}; DEALLOCATE ${name}`)
  }
  check.left()
  const result = await session.query(parts.join('; '))
  if (result.ok) return
  await query('ROLLBACK TO hotswap_statement')
  await forgetPrepared(query)
  const [only, ...others] = batch
  if (only !== undefined && others.length === 0) noteError(check, only.statement, result.error)
  else for (const one of batch) await planBatch(check, [one])
}

/** PREPARE is not undone by a rollback. */
async function forgetPrepared(query: TextQuery): Promise<void> {
  const rows = await query(`SELECT name FROM pg_catalog.pg_prepared_statements WHERE name LIKE 'hotswap\\_check\\_%'`)
  for (const [name] of rows) await query(`DEALLOCATE ${name}`)
}

/** Names of the types of both descriptions, in the oids that the client knows. */
async function typeNames(
  query: TextQuery,
  before: Described,
  after: Extract<Description, { ok: true }>,
  oids: TypeOids | undefined,
): Promise<TypeNames> {
  const pairs = [before, asClientKnows(after, oids)].flatMap(({ parameters, fields }) => [
    ...parameters.map((oid) => [oid, -1] as const),
    ...fields.map(({ typeOid, typmod }) => [typeOid, typmod] as const),
  ])
  const list = [...new Set(pairs.map(([oid, typmod]) => `(${oid}, ${typmod})`))].join(', ')
  const rows = await query(`SELECT t.oid, t.typmod, pg_catalog.format_type(t.oid, t.typmod)
    FROM (VALUES ${list}) AS t (oid, typmod)`)
  const names = new Map(rows.map(([oid, typmod, name]) => [`${oid} ${typmod}`, name ?? '']))
  return (oid, typmod) => names.get(`${oid} ${typmod}`) ?? String(oid)
}

/** Rejects with StatementFailure where the server refuses one of our own questions, OutOfTime where it had no time. */
export function questionsOf(session: CheckSession): TextQuery {
  return async (sql) => {
    const result = await session.query(sql)
    if (result.ok) return result.rows.map((row) => [...row])
    if (NO_ANSWER.has(result.error.get('C') ?? '')) throw new OutOfTime(errorText(result.error))
    throw new StatementFailure(result.error)
  }
}
