import pg from 'pg'
import type { TextQuery } from '../../catalog/introspect.js'
import type { Description, MigratorSession } from '../../proxy/contracts.js'
import { type Generation, versionIndex } from '../../rewrite/generation.js'
import type { Refusal, Rewriter } from '../../rewrite/outcome.js'
import type { TypeOids } from '../../rewrite/type-oids.js'
import { StatementFailure } from '../server-error.js'
import {
  type Before,
  type CheckedStatement,
  type Described,
  errorText,
  labelOf,
  type StatementContext,
} from './checked-statement.js'
import { asClientKnows, compareDescriptions, type TypeNames } from './compare-descriptions.js'
import { planSql, typeList } from './plan-sql.js'
import { requestOf } from './read-ahead.js'
import { contextKey, readPath, searchPathSql } from './statement-session.js'

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
  /** True where each statement has to be planned, since rights may differ; else those of which only the planner knows. */
  readonly planAll: boolean
  /** Milliseconds that are left; throws OutOfTime where none are. */
  readonly left: () => number
}

/** Statements that are described at once, and planned by one Query; the first are fewer, so that the server can begin. */
const FIRST_BATCH = 6
const BATCH = 15

/** What of a statement the planner finds and its analysis does not, rights apart: whether ON CONFLICT has its index. */
const PLANNER_ALONE = /\bconflict\b/i

/**
 * Checks statements of one role and search_path inside the migration's transaction: rewritten for the version as it would
 * be, described, compared with what they were, planned. Nothing of it stays, and no error ends the transaction.
 */
export async function checkGroup(
  check: CheckWithin,
  group: readonly CheckedStatement[],
  opened?: OpenContext,
): Promise<void> {
  const [first] = group
  if (first === undefined) return
  const context = opened ?? openContext(check, first)
  const rewriteBatch = (at: number, path: readonly string[]) =>
    group.slice(at, at + (at === 0 ? FIRST_BATCH : BATCH)).flatMap((statement) => {
      check.left()
      return rewriteNow(check, statement, path) ?? []
    })
  // The path is nearly always what it was when the statements were read, and the server takes a moment to say so.
  const expected = group.find(({ read }) => read !== undefined)?.read?.request.path
  const { problems, unchecked } = check.findings
  const found = [problems.length, unchecked.length] as const
  const ahead = expected === undefined ? undefined : rewriteBatch(0, expected)
  const path = await context.path
  const isExpected = expected?.join() === path.join()
  // What was found of it under another path does not count.
  if (!isExpected) [problems.length, unchecked.length] = found
  const toPlan: RewrittenStatement[] = []
  let batch = ahead !== undefined && isExpected ? ahead : rewriteBatch(0, path)
  for (let at = FIRST_BATCH; at < group.length + BATCH; at += BATCH) {
    const described = askAll(check, batch)
    // Where the next batch ends the check, nobody waits for the answers.
    described.catch(() => undefined)
    // While the server works on one batch, the next one is rewritten.
    const next = rewriteBatch(at, path)
    toPlan.push(...(await compareBatch(check, batch, await described)))
    batch = next
  }
  const planned = toPlan.filter(({ before, text }) => before.plans && (check.planAll || PLANNER_ALONE.test(text)))
  for (let at = 0; at < planned.length; at += BATCH) await planBatch(check, planned.slice(at, at + BATCH))
  context.close()
}

/** The role and search_path of some statements, taken on until it is closed. */
export interface OpenContext {
  readonly key: string
  /** What bare names are looked up in. */
  readonly path: Promise<readonly string[]>
  /** To be called once `path` has resolved. */
  close(): void
}

export function openContext(check: CheckWithin, context: StatementContext): OpenContext {
  const path = takeContext(check, context)
  path.catch(() => undefined)
  return {
    key: contextKey(context),
    path,
    close() {
      // Nobody waits for it: where the connection is lost, what is asked next tells.
      check.query('ROLLBACK TO hotswap_context; RELEASE hotswap_context').catch(() => undefined)
    },
  }
}

/** Takes on the role and search_path of some statements; gives what bare names are looked up in. */
async function takeContext(check: CheckWithin, context: StatementContext): Promise<readonly string[]> {
  const { query, findings, session } = check
  const ask = (sql: string) => query(`SAVEPOINT hotswap_statement; ${sql}`)
  const set = query(`SAVEPOINT hotswap_context;
    SET LOCAL statement_timeout = ${Math.ceil(check.left())}; SET LOCAL plan_cache_mode = force_generic_plan;
    ${searchPathSql(context, true)}; SAVEPOINT hotswap_role`)
  if (context.role === undefined) {
    await set
    return (await readPath(ask)).path
  }
  // Asked at once: only where the role may not be taken on is the last answer an error.
  const taking = session.query(`SET LOCAL ROLE ${pg.escapeIdentifier(context.role)}`)
  const reading = readPath(ask)
  for (const asked of [set, taking, reading]) asked.catch(() => undefined)
  await set
  if ((await taking).ok) return (await reading).path
  await reading.catch(() => undefined)
  await query('ROLLBACK TO hotswap_role')
  findings.strangers.add(context.role)
  return (await readPath(ask)).path
}

/** A statement as it would be sent after the migration. */
interface RewrittenStatement {
  readonly statement: CheckedStatement
  readonly text: string
  /** By the server's oids, as `before` has them by the client's. */
  readonly parameterOids: readonly number[]
  readonly before: Extract<Before, { readonly kind: 'described' }>
  readonly oids: TypeOids | undefined
}

/** Undefined where there is nothing to ask the server. */
function rewriteNow(
  { rewriter, planned, findings }: CheckWithin,
  statement: CheckedStatement,
  path: readonly string[],
): RewrittenStatement | undefined {
  const version = versionIndex(planned, statement.version)
  const { before, text, parameterOids } = statement
  if (version < 0 || before.kind === 'refused') return undefined
  const label = labelOf(statement)
  if (before.kind === 'failed') {
    findings.unchecked.push(`${label}: the server did not take it before the migration: ${errorText(before.error)}`)
    return undefined
  }
  const { read } = statement
  const isReadSo = read !== undefined && read.request.path.join() === path.join()
  let now = isReadSo ? rewriter.rewriteRead?.(read) : undefined
  if (now === undefined) {
    const outcome = rewriter.rewrite(requestOf(statement, version, path))
    if (outcome.kind === 'refused') {
      const list = statement.recorded ? findings.problems : findings.unchecked
      list.push(`${label}: it would be refused: ${refusalText(outcome.refusal)}`)
      return undefined
    }
    now = outcome.kind === 'unchanged' ? text : outcome.text
  }
  if (before.kind === 'rewritten') return undefined
  const oids = rewriter.typeOids?.(version)
  return {
    statement,
    text: now,
    parameterOids: parameterOids.map((oid) => oids?.toServer.get(oid) ?? oid),
    before,
    oids,
  }
}

function askAll({ session }: CheckWithin, batch: readonly RewrittenStatement[]): Promise<readonly Description[]> {
  return session.describe(batch)
}

/** Those of a batch that are described as they were. */
async function compareBatch(
  check: CheckWithin,
  batch: readonly RewrittenStatement[],
  described: readonly Description[],
): Promise<readonly RewrittenStatement[]> {
  const { query, findings } = check
  // The first error fails the transaction, and none that were asked behind it is answered.
  const failed = described.at(-1)?.ok === false
  if (failed) await query('ROLLBACK TO hotswap_statement')
  const good: RewrittenStatement[] = []
  for (const [index, description] of described.entries()) {
    const one = batch[index]
    if (one === undefined) continue
    if (!description.ok) {
      noteError(check, one.statement, description.error)
      continue
    }
    const { before, oids, statement } = one
    const difference = compareDescriptions(before.description, asClientKnows(description, oids))
    if (difference === undefined) good.push(one)
    else {
      const names = await typeNames(query, before.description, description, oids)
      findings.problems.push(`${labelOf(statement)}: ${difference(names)}`)
    }
  }
  if (!failed) return good
  const rest = batch.slice(described.length)
  return [...good, ...(await compareBatch(check, rest, await askAll(check, rest)))]
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

/** Plans some at once; where one of them fails, it is looked for by halves. */
async function planBatch(check: CheckWithin, batch: readonly RewrittenStatement[]): Promise<void> {
  if (batch.length === 0) return
  const { session, query } = check
  const parts: string[] = []
  for (const [index, one] of batch.entries()) {
    const name = `hotswap_check_${index}`
    const types = await typeList(query, one.parameterOids)
    parts.push(`${planSql(name, one.text, types, one.before.description.parameters.length)}; DEALLOCATE ${name}`)
  }
  check.left()
  const result = await session.query(parts.join('; '))
  if (result.ok) return
  await query('ROLLBACK TO hotswap_statement')
  await forgetPrepared(query)
  const [only, ...others] = batch
  if (only !== undefined && others.length === 0) {
    noteError(check, only.statement, result.error)
    return
  }
  const half = batch.length >> 1
  await planBatch(check, batch.slice(0, half))
  await planBatch(check, batch.slice(half))
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
