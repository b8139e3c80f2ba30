import type { MigratorSession } from '../proxy/contracts.js'
import { type Attempt, type AttemptOutcome, failed, gaveWay } from './attempt.js'
import { commitStep } from './commit-step.js'
import { connectionLost, lostConnection } from './commit-transaction.js'
import { logBroken, type PlannedStep, planWithin, textQueryOf } from './plan-within.js'
import { NO_JIT } from './questions.js'
import { StatementFailure } from './server-error.js'

/**
 * Runs the file in one transaction on the migrator's own connection while traffic is held, and publishes what it led to:
 *
 *     BEGIN; the file; introspect; compare; check; record; COMMIT; publish
 *
 * Anything else than a step that old statements survive is rolled back.
 */
export async function switchInTransaction(attempt: Attempt): Promise<AttemptOutcome> {
  const { session, control, signal } = attempt
  let begun = false
  try {
    const begin = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = ${Math.max(1, attempt.lockTimeoutMs)}`
    await textQueryOf(session)(`${begin}; ${NO_JIT}`)
    begun = true
    const prepared = await prepareStep(attempt)
    if (prepared.kind !== 'planned') {
      await session.query('ROLLBACK')
      return prepared
    }
    if (signal.aborted) {
      await session.query('ROLLBACK')
      return clientLeft
    }
    const { step, made, changed, broken, checked } = prepared
    const refused = await commitStep(
      { session, control, access: attempt.access, at: attempt.at, log: attempt.log },
      prepared,
    )
    if (refused !== undefined) return refused
    if (broken.length > 0) logBroken(attempt.log, prepared)
    return { kind: 'committed', version: step.name, made, changed, broken, checked }
  } catch (error) {
    if (error instanceof StatementFailure) {
      await session.query('ROLLBACK').catch(() => undefined)
      return { kind: 'failed', error: error.fields, differences: [] }
    }
    // A pooler gives the backend of a session that is gone to another one, but never in the middle of a transaction.
    return begun ? connectionLost(session, control, error) : lostConnection(error)
  }
}

const clientLeft = failed({ sqlstate: '57014', message: 'the client of the migration has left' })

async function prepareStep(attempt: Attempt): Promise<PlannedStep | AttemptOutcome> {
  const { session, migration, access, parser, check, seen } = attempt
  if (attempt.enter !== undefined && !(await enter(session, attempt.enter))) {
    return gaveWay('the switch was ended by another proxy')
  }
  const stopped = await runFile(attempt)
  if (stopped !== undefined) return stopped
  await attempt.at('ran')
  const planned = await planWithin({ session, access, parser, migration, check, seen })
  await attempt.at('planned')
  return planned
}

/** Whether traffic is held still, and will be until the transaction has ended (HoldOutcome). */
export async function enter(session: MigratorSession, sql: string): Promise<boolean> {
  const entered = await session.query(sql)
  return entered.ok && entered.rows[0]?.[0] === 't'
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

function tooLong(runMs: number): AttemptOutcome {
  return failed({
    sqlstate: '57014',
    message: `the migration ran longer than the ${Math.round(runMs)} ms that traffic may be held for it`,
    hint: 'Take what works on many rows out of the file and run it before, or raise hold.timeout.',
  })
}
