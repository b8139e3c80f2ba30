import { marksSql } from '../catalog/fingerprint.js'
import type { OidsQuery } from '../catalog/introspect.js'
import { defaultsSql, relationDefaultsSql, relationsSql, userCatalogSql } from '../catalog/introspect-sql.js'
import type { InternalResult, MigratorSession } from '../proxy/contracts.js'
import { touchedSql } from './check/touched.js'
import { writtenSql } from './check/written-tables.js'
import { StatementFailure } from './server-error.js'

export const transactionSql = 'SELECT pg_catalog.pg_current_xact_id()'

/**
 * What every switch asks inside the migration's transaction, after marksSql, which tells what of the catalog to read. Planning
 * these takes as long as answering them, and traffic is held meanwhile: they are prepared, and asked once, before that. Their
 * plans are generic ones.
 */
const QUESTIONS = [writtenSql, transactionSql, touchedSql]

/** Asked where more than relations have changed. */
const SELDOM = [userCatalogSql, defaultsSql]

/** Asked about relations, which are $1 (oid[]). */
const OIDS_QUESTIONS = [relationsSql, relationDefaultsSql]

const ALL = [marksSql, ...QUESTIONS, ...SELDOM, ...OIDS_QUESTIONS]

const nameOf = (sql: string) => `"hotswap question ${ALL.indexOf(sql)}"`

/** The first executions of a statement with parameters would each be planned anew. Set when the migration has run. */
const GENERIC = 'SET LOCAL plan_cache_mode = force_generic_plan'

/** For the rest of a transaction: to the planner our questions look expensive, and compiling them takes longer than running them. */
export const NO_JIT = 'SET LOCAL jit = off'

type Asking = Pick<MigratorSession, 'query'>

/**
 * Prepares the questions that are not, in the session's transaction, and asks each once: the first time a backend takes
 * several times as long. Where a table is locked they are left as they are. False in a failed transaction.
 */
export async function prepareQuestions(session: Asking, lockTimeoutMs: number): Promise<boolean> {
  const prepared = await preparedQuestions(session)
  const limits = `SET LOCAL lock_timeout = ${Math.max(1, lockTimeoutMs)}; ${NO_JIT}; ${GENERIC}`
  if (!(await session.query(`SAVEPOINT hotswap_questions; ${limits}`)).ok) return false
  for (const sql of ALL) {
    const name = nameOf(sql)
    const ofOids = OIDS_QUESTIONS.includes(sql)
    if (!prepared.has(sql)) {
      if (!(await session.query(`PREPARE ${name}${ofOids ? ' (oid[])' : ''} AS ${sql}`)).ok) break
    }
    if (!(await session.query(execute(name, ofOids ? [] : undefined))).ok) break
  }
  await session.query('ROLLBACK TO hotswap_questions; RELEASE hotswap_questions')
  return true
}

/** prepareQuestions for a session outside a transaction. */
export async function prepareQuestionsAlone(session: Asking, lockTimeoutMs: number): Promise<void> {
  await session.query('BEGIN')
  try {
    await prepareQuestions(session, lockTimeoutMs)
  } finally {
    await session.query('ROLLBACK')
  }
}

/** A session whose questions are asked ahead. */
export interface Asked<S> {
  /** Gives each answer once; what is asked again is asked anew. */
  readonly session: S
  /** Rejects with StatementFailure where the server refuses. */
  readonly queryOids: OidsQuery
}

/**
 * Asks the marks at once, and the other questions behind the last one about relations: the server answers them while the
 * relations are compared. A savepoint stays open, in which the rest of the transaction runs.
 */
export async function askQuestions<S extends Asking>(session: S): Promise<Asked<S>> {
  const looking = preparedQuestions(session, `SAVEPOINT hotswap_ask; ${GENERIC}`)
  const asked = session.query(execute(nameOf(marksSql)))
  asked.catch(() => undefined)
  const prepared = await looking
  if (!prepared.has(marksSql)) {
    // The migration has run DEALLOCATE ALL.
    await asked
    await session.query('ROLLBACK TO hotswap_ask')
  }
  const ask = (sql: string) => {
    const name = prepared.get(sql)
    return session.query(name === undefined ? sql : execute(name))
  }
  const answers = new Map<string, Promise<InternalResult>>()
  const askAhead = (sql: string) => {
    const answer = ask(sql)
    answer.catch(() => undefined)
    answers.set(sql, answer)
  }
  if (prepared.has(marksSql)) answers.set(marksSql, asked)
  else askAhead(marksSql)
  const query: Asking['query'] = (sql) => {
    const answer = answers.get(sql)
    answers.delete(sql)
    return answer ?? ask(sql)
  }
  return {
    session: { ...session, query },
    async queryOids(sql, oids) {
      const name = prepared.get(sql)
      const answer = session.query(name === undefined ? sql.replaceAll('$1', arrayOf(oids)) : execute(name, oids))
      if (sql === OIDS_QUESTIONS.at(-1)) QUESTIONS.forEach(askAhead)
      const result = await answer
      if (!result.ok) throw new StatementFailure(result.error)
      return result.rows.map((row) => [...row])
    },
  }
}

function execute(name: string, oids?: readonly number[]): string {
  return oids === undefined ? `EXECUTE ${name}` : `EXECUTE ${name} (${arrayOf(oids)})`
}

function arrayOf(oids: readonly number[]): string {
  return `'{${oids.join()}}'`
}

/** For when traffic goes on: nobody finds statements in a session that it did not prepare. */
export async function forgetQuestions(session: Asking): Promise<void> {
  for (const name of (await preparedQuestions(session)).values()) await session.query(`DEALLOCATE ${name}`)
}

/** Names by text; `first` is SQL that runs before. */
async function preparedQuestions(session: Asking, first?: string): Promise<ReadonlyMap<string, string>> {
  const found = await session.query(
    `${first === undefined ? '' : `${first}; `}SELECT pg_catalog.quote_ident(p.name) FROM pg_catalog.pg_prepared_statements p WHERE p.name LIKE 'hotswap question %'`,
  )
  const names = new Set(found.ok ? found.rows.map(([name]) => name) : [])
  const all = ALL.map((sql) => [sql, nameOf(sql)] as const)
  return new Map(all.filter(([, name]) => names.has(name)))
}
