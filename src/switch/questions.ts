import { fingerprintSql } from '../catalog/fingerprint.js'
import { defaultsSql, userCatalogSql } from '../catalog/introspect-sql.js'
import type { MigratorSession } from '../proxy/contracts.js'
import { touchedSql } from './check/touched.js'
import { writtenSql } from './check/written-tables.js'

export const transactionSql = 'SELECT pg_catalog.pg_current_xact_id()'

/**
 * What every switch asks inside the migration's transaction. Planning these takes as long as answering them, and traffic is
 * held meanwhile: they are prepared, and asked once, before that. Without parameters their plans are generic ones.
 */
const QUESTIONS = [userCatalogSql, defaultsSql, writtenSql, fingerprintSql, transactionSql, touchedSql]

/** For the rest of a transaction: to the planner our questions look expensive, and compiling them takes longer than running them. */
export const NO_JIT = 'SET LOCAL jit = off'

const nameOf = (index: number) => `"hotswap question ${index}"`

type Asking = Pick<MigratorSession, 'query'>

/**
 * Prepares the questions that are not, in the session's transaction, and asks each once: the first time a backend takes
 * several times as long. Where a table is locked they are left as they are. False in a failed transaction.
 */
export async function prepareQuestions(session: Asking, lockTimeoutMs: number): Promise<boolean> {
  const prepared = await preparedQuestions(session)
  const limits = `SET LOCAL lock_timeout = ${Math.max(1, lockTimeoutMs)}; ${NO_JIT}`
  if (!(await session.query(`SAVEPOINT hotswap_questions; ${limits}`)).ok) return false
  for (const [index, sql] of QUESTIONS.entries()) {
    const name = nameOf(index)
    if (!prepared.has(sql) && !(await session.query(`PREPARE ${name} AS ${sql}`)).ok) break
    if (!(await session.query(`EXECUTE ${name}`)).ok) break
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

/**
 * Asks all questions at once, so that the server answers some while others are thought about. The session that it gives has
 * the answers of this moment; each is given once, and what is asked again is asked anew.
 */
export async function askQuestions<S extends Asking>(session: S): Promise<S> {
  // The migration may have run DISCARD ALL.
  const prepared = await preparedQuestions(session)
  const ask = (sql: string) => {
    const name = prepared.get(sql)
    return session.query(name === undefined ? sql : `EXECUTE ${name}`)
  }
  const answers = new Map(QUESTIONS.map((sql) => [sql, ask(sql)]))
  for (const answer of answers.values()) answer.catch(() => undefined)
  const query: Asking['query'] = (sql) => {
    const answer = answers.get(sql)
    answers.delete(sql)
    return answer ?? ask(sql)
  }
  return { ...session, query }
}

/** For when traffic goes on: nobody finds statements in a session that it did not prepare. */
export async function forgetQuestions(session: Asking): Promise<void> {
  for (const name of (await preparedQuestions(session)).values()) await session.query(`DEALLOCATE ${name}`)
}

/** Names by text. */
async function preparedQuestions(session: Asking): Promise<ReadonlyMap<string, string>> {
  const found = await session.query(
    `SELECT pg_catalog.quote_ident(p.name) FROM pg_catalog.pg_prepared_statements p WHERE p.name LIKE 'hotswap question %'`,
  )
  const names = new Set(found.ok ? found.rows.map(([name]) => name) : [])
  return new Map(QUESTIONS.map((sql, index) => [sql, nameOf(index)] as const).filter(([, name]) => names.has(name)))
}
