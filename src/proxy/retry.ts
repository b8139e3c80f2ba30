import { Buffer } from 'node:buffer'
import { serialize } from 'pg-protocol'
import type { ErrorFields } from '../rewrite/outcome.js'
import { encodeParse } from '../wire/frontend.js'
import { endWithError } from './end-session.js'
import type { ExpectedReply } from './reply-queue.js'
import { isBusy, type Retry, type Session } from './session.js'

/** Keeps the client's frame that is being sent on, while its batch may yet be processed a second time. */
export function keepForRetry(session: Session, retry: Retry): void {
  if (retry.stage !== 'watching') return
  const { buffer, start, end } = session.fromClient
  retry.bytes += end - start
  if (retry.bytes > session.context.limits.retryBytes) session.retry = undefined
  else retry.parts.push(buffer.subarray(start, end))
}

/** True while the client's frames have to wait for it. */
export function isRetrying({ retry }: Session): boolean {
  return retry !== undefined && retry.stage !== 'watching' && retry.stage !== 'declined'
}

/**
 * True where an error is the very first answer to a batch that is kept and says that a name is unknown: then the database
 * may have been migrated under a rule that waits for it. Not where a statement is prepared again for an EXECUTE in a Query:
 * that Query has been sent, and has an answer of its own.
 */
export function isWorthRetry(session: Session, head: ExpectedReply, fields: ErrorFields): boolean {
  const { retry, fromClient, replies } = session
  const sqlstate = fields.get('C')
  if (retry?.stage !== 'watching' || (sqlstate !== '42P01' && sqlstate !== '42703')) return false
  // What a function or procedure met inside comes after work that may have been committed, or cannot be undone.
  if (['W', 'p', 'q'].some((code) => fields.has(code))) return false
  return !fromClient.inside && !replies.begun && (!head.injected || head.errorForClient === true)
}

/**
 * Decides whether the batch is processed again: where another generation is in force than the one that it was rewritten
 * under. Where it is the same one the database is looked at again, and the server's frames wait until that is known.
 */
export function considerRetry(session: Session, retry: Retry): void {
  if (isOutdated(session)) {
    retry.stage = 'swallowing'
    return
  }
  retry.stage = 'asking'
  const answer = session.context.options.generations.refresh?.() ?? Promise.resolve(false)
  answer
    .catch((error: unknown) => {
      session.context.log.warn({ session: session.id, error }, 'the database could not be looked at again')
    })
    .then(() => {
      if (session.phase === 'ended') return
      retry.stage = isOutdated(session) ? 'swallowing' : 'declined'
      session.readServer()
    })
}

function isOutdated({ context, epoch }: Session): boolean {
  return context.options.generations.current() !== epoch.active
}

/** After the error was taken in: where the batch has no Sync yet, ours ends the server's skipping. */
export function endFailedAttempt(session: Session): void {
  if (!session.replies.skipping) return
  session.replies.send({ kind: 'sync', injected: true })
  session.toServer.put(serialize.sync())
  session.toServer.flush()
}

/** A cancel request meant for the client's statement can hit the BEGIN instead, but not again and again. */
const ATTEMPTS = 3

/**
 * Goes on after a ReadyForQuery that was not for the client; false where the error of the failed attempt is its answer after
 * all, and so is this ReadyForQuery.
 */
export function goOnRetrying(session: Session, retry: Retry): boolean {
  const { begin } = retry
  // That of the ROLLBACK.
  if (!session.replies.idle) return true
  const reopened = retry.stage === 'reopening' && session.status === 'T'
  if (begin === undefined ? session.status === 'I' : reopened) {
    // The client's frames are taken again once the server's is stepped over.
    queueMicrotask(() => {
      if (session.phase !== 'ended') processAgain(session, retry)
    })
    return true
  }
  const failed = session.status === 'E'
  // A block that could not even be rolled back stays as it is; one that is gone has to be opened.
  if (begin === undefined || failed === (retry.stage === 'reopening')) return false
  if (retry.attempts === ATTEMPTS) {
    endWithError(session, {
      sqlstate: '58000',
      message: 'a transaction block could not be opened again',
      hint: 'Connect again, and run the transaction again.',
    })
    return true
  }
  retry.stage = 'reopening'
  retry.attempts++
  if (failed) runInjected(session, 'ROLLBACK')
  runInjected(session, begin)
  session.toServer.flush()
  return true
}

const NAME = 'hotswap_block'
const NO_TYPES = Buffer.alloc(2)
const RUN = ['close', 'parse', 'bind', 'execute', 'close', 'sync'] as const

/**
 * Runs a statement in a batch of its own; its answers are dropped. By the extended protocol and under a name of ours, since
 * a simple Query would drop the client's unnamed statement. ROLLBACK AND CHAIN would not do for a failed block: the server
 * has forgotten its isolation level by then.
 */
function runInjected(session: Session, text: string): void {
  for (const kind of RUN) session.replies.send({ kind, injected: true })
  session.toServer.put(
    Buffer.concat([
      serialize.close({ type: 'S', name: NAME }),
      encodeParse(NAME, text, NO_TYPES),
      serialize.bind({ portal: NAME, statement: NAME }),
      serialize.execute({ portal: NAME }),
      serialize.close({ type: 'S', name: NAME }),
      serialize.sync(),
    ]),
  )
}

/** Once the failed attempt's ReadyForQuery was swallowed: the client's frames are read a second time. */
function processAgain(session: Session, retry: Retry): void {
  session.retry = undefined
  session.retried = true
  session.context.counters.retried++
  session.fromClient.unshift(Buffer.concat(retry.parts))
  session.readClient()
  // The gate may have been shut meanwhile, and then the batch waits at it.
  if (session.seat !== undefined && !isBusy(session)) session.seat.settled()
}
