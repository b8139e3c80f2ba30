import type { TextQuery } from '../catalog/introspect.js'
import type { MigratorSession } from '../proxy/contracts.js'
import { type AttemptOutcome, failed } from './attempt.js'
import { isCommitted } from './commit-doubt.js'

/** Ends the transaction; undefined where it is committed. */
export async function commitTransaction(
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

/** What becomes of a migration whose connection is gone in its transaction, before the COMMIT. */
export function connectionLost(session: MigratorSession, control: TextQuery, error: unknown): AttemptOutcome {
  // The backend may not have noticed, and would go on with the DDL while it holds its locks.
  if (session.pid !== undefined)
    control(`SELECT pg_catalog.pg_terminate_backend(${session.pid})`).catch(() => undefined)
  return lostConnection(error)
}

/** The same before its transaction. */
export function lostConnection(error: unknown): AttemptOutcome {
  return failed({ sqlstate: '08006', message: `the connection of the migration was lost: ${String(error)}` })
}
