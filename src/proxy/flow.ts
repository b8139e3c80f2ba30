import type { Session } from './session.js'

/**
 * Stops or goes on reading from each side: a side is read only while the other takes what it is sent, and a client whose
 * work waits may fill a bounded store and no more. A frame that is not complete yet does not count: it could never end.
 */
export function steerFlow(session: Session): void {
  if (session.phase === 'ended') return
  const { client, server, fromClient, fromServer, context } = session
  const { heldBytes } = context.limits
  pauseIf(client, server.writableNeedDrain || (session.stopped && fromClient.pending > heldBytes))
  pauseIf(server, client.writableNeedDrain || (session.retry?.stage === 'asking' && fromServer.pending > heldBytes))
}

function pauseIf(socket: Session['client'], wanted: boolean): void {
  if (wanted === socket.isPaused()) return
  if (wanted) socket.pause()
  else socket.resume()
}
