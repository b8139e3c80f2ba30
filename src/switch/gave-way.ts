import { errorFields } from '../proxy/client-error.js'
import type { ClientError, InternalResult } from '../proxy/contracts.js'
import type { ErrorFields } from '../rewrite/outcome.js'
import type { AttemptOutcome } from './attempt.js'
import { describeBlocker } from './blocker.js'
import type { Obstacle } from './drain.js'

// What a migration tool is told of a transaction that was not to be.

export const rolledBack: ClientError = { sqlstate: 'XX000', message: 'the migration was rolled back' }

/** Why a statement may succeed the next time; undefined where it will not. */
export function reasonToTryAgain(sqlstate: string | undefined): string | undefined {
  if (sqlstate === '55P03') return 'a lock was not to be had in time'
  if (sqlstate === '55006') return 'the switch was ended by another proxy'
  return sqlstate === '40P01' ? 'a deadlock was found' : undefined
}

/** `own`: the app waits for the migration itself, so that no try can help. */
export function gaveWayAtLast({ reason, blockers }: Obstacle, tries: number, own: boolean): InternalResult {
  if (own) {
    return {
      ok: false,
      error: errorFields({
        sqlstate: '55P03',
        message: 'the migration gave way: transactions of the app wait for locks that it took before',
        ...(blockers.length === 0 ? {} : { detail: blockers.map(describeBlocker).join('\n') }),
        hint: 'Let the statements that change tables come first in the transaction, or in one of their own.',
      }),
    }
  }
  const error: ClientError = {
    sqlstate: '55P03',
    message: `the migration gave way ${tries} times: ${reason}`,
    ...(blockers.length === 0 ? {} : { detail: blockers.map(describeBlocker).join('\n') }),
    hint: 'Nothing was changed. Try again when less is going on, end what is in the way, or raise hold.timeout.',
  }
  return { ok: false, error: errorFields(error) }
}

/** The error that an outcome other than a COMMIT is. */
export function errorOf(outcome: AttemptOutcome): ErrorFields {
  if (outcome.kind === 'failed') return outcome.error
  if (outcome.kind === 'committed') return errorFields(rolledBack)
  const hint = 'Nothing was changed. Run it again when less is going on, or raise hold.check.'
  return errorFields({ sqlstate: '55P03', message: `the migration gave way: ${outcome.reason}`, hint })
}
