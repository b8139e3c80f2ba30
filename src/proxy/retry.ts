import { Buffer } from 'node:buffer'
import { serialize } from 'pg-protocol'
import type { Retry, Session } from './session.js'

/** Keeps the client's frame that is being sent on, while its batch may yet be processed a second time. */
export function keepForRetry(session: Session, retry: Retry): void {
  if (retry.stage !== 'watching') return
  const { buffer, start, end } = session.fromClient
  retry.bytes += end - start
  if (retry.bytes > session.context.limits.retryBytes) session.retry = undefined
  else retry.parts.push(buffer.subarray(start, end))
}

/**
 * True where an error is the very first answer to a batch begun outside a transaction and says that a name is unknown: then
 * the database may have been migrated under a rule that waits for it, and `refresh` looks.
 */
export function isWorthRetry(session: Session, sqlstate: string | undefined): boolean {
  const { retry, fromClient } = session
  return retry?.stage === 'watching' && !fromClient.inside && (sqlstate === '42P01' || sqlstate === '42703')
}

/** Looks at the database again; the server's frames wait until it is known whether the batch is processed again. */
export function askForRetry(session: Session, retry: Retry): void {
  retry.stage = 'asking'
  const { generations } = session.context.options
  const answer = generations.refresh?.() ?? Promise.resolve(false)
  answer
    .catch((error: unknown) => {
      session.context.log.warn({ session: session.id, error }, 'the database could not be looked at again')
      return false
    })
    .then((changed) => {
      if (session.phase === 'ended') return
      retry.stage = changed ? 'swallowing' : 'declined'
      session.readServer()
    })
}

/** After the error was taken in: where the batch has no Sync yet, ours ends the server's skipping. */
export function endFailedAttempt(session: Session): void {
  if (!session.replies.skipping) return
  session.replies.send({ kind: 'sync', injected: true })
  session.toServer.put(serialize.sync())
  session.toServer.flush()
}

/** Once the failed attempt's ReadyForQuery was swallowed: the client's frames are read a second time. */
export function processAgain(session: Session, retry: Retry): void {
  session.retry = undefined
  session.retried = true
  session.context.counters.retried++
  session.fromClient.unshift(Buffer.concat(retry.parts))
  session.readClient()
}
