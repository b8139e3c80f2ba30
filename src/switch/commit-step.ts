import type { TextQuery } from '../catalog/introspect.js'
import type { MigratorSession, ProxyLog } from '../proxy/contracts.js'
import type { AttemptOutcome } from './attempt.js'
import { commitTransaction } from './commit-transaction.js'
import { headOf } from './plan-versions.js'
import { type PlannedStep, textQueryOf } from './plan-within.js'
import { refreshStatistics } from './refresh-statistics.js'
import type { AtPoint } from './switch-point.js'
import type { SwitchAccess } from './version-source.js'

export interface CommitOptions {
  readonly session: MigratorSession
  readonly control: TextQuery
  readonly access: SwitchAccess
  readonly at: AtPoint
  readonly log: ProxyLog
}

/**
 * Records a planned step in its migration's own transaction, commits it and puts it in force here; undefined where it is.
 * Rejects with StatementFailure where the step cannot be recorded.
 */
export async function commitStep(
  { session, control, access, at, log }: CommitOptions,
  { versions, step, fingerprint, transaction }: PlannedStep,
): Promise<AttemptOutcome | undefined> {
  const number = await access.record(textQueryOf(session), step, headOf(versions), fingerprint)
  await at('recorded')
  const refused = await commitTransaction(session, control, transaction)
  if (refused !== undefined) return refused
  await at('committed')
  access.publish(versions, step, fingerprint, number)
  // Nobody waits for it: traffic goes on, with default estimates for a moment.
  refreshStatistics(control, step.before, headOf(versions)).catch((error: unknown) => {
    log.warn({ version: step.name, error: String(error) }, 'statistics of retyped columns could not be made again')
  })
  await at('published')
  return undefined
}
