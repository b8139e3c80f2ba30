import { fatalResponse } from './client-error.js'
import type { ClientError } from './contracts.js'
import { isBusy, type Session } from './session.js'

/** How long a side that is told of the end may take to take note of it, in milliseconds. */
const LINGER_MS = 5_000

/** Ends a session with an error that the client gets where it can: not in the middle of another message. */
export function endWithError(session: Session, error: ClientError): void {
  if (session.phase === 'ended') return
  if (!session.fromServer.inside || session.droppingServer) session.toClient.put(fatalResponse(error))
  endSession(session, error.message)
}

/**
 * Ends a session: what was written goes out, both sockets close, and whoever waits for an answer is told that none will come.
 */
export function endSession(session: Session, reason: string): void {
  if (session.phase === 'ended') return
  const started = session.phase === 'serving'
  const busy = isBusy(session)
  session.phase = 'ended'
  session.toClient.flush()
  session.client.destroySoon()
  // A server that is told Terminate closes by itself; any other must be made to.
  if (session.terminated) session.server.destroySoon()
  else session.server.destroy()
  for (const socket of [session.client, session.server]) {
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    timer.unref()
    socket.once('close', () => clearTimeout(timer))
  }
  const { byPid, log } = session.context
  if (session.key !== undefined && byPid.get(session.key.pid) === session) byPid.delete(session.key.pid)
  session.left?.(busy ? (session.reset || session.kind !== 'app' ? 'maybe reset' : 'busy') : 'idle')
  session.seat?.leave()
  session.fromClient.clear()
  session.replies.abandon()
  session.onLost?.()
  log.info(
    {
      session: session.id,
      kind: session.kind,
      user: session.identity.user,
      database: session.identity.database,
      applicationName: session.applicationName,
      version: session.versionName,
      ms: Date.now() - session.since,
      started,
      reason,
    },
    'session ended',
  )
}
