import { encodeErrorResponse, encodeReadyForQuery } from '../wire/backend.js'
import { Frontend } from '../wire/message-types.js'
import { errorFields } from './client-error.js'
import type { Session } from './session.js'

/** Answers a cancel request for a batch that the gate holds: the server knows nothing of it, and it never runs. */
export function cancelHeld(session: Session): void {
  session.held = false
  session.discarding = true
  session.toClient.put(
    encodeErrorResponse(errorFields({ sqlstate: '57014', message: 'canceling statement due to user request' })),
  )
  session.readClient()
}

/** Throws away a frame of the cancelled batch, whose first frame decides what ends it: a Query itself, else the next Sync. */
export function discardCancelled(session: Session): true {
  const { type, last } = session.fromClient
  const first = !session.discardingBatch
  session.discardingBatch = true
  if (type !== Frontend.Sync && !(first && (type === Frontend.Query || type === Frontend.FunctionCall))) return true
  session.toClient.put(encodeReadyForQuery(session.status))
  session.discarding = false
  session.discardingBatch = false
  // The rest of a long FunctionCall follows in parts.
  session.droppingClient = !last
  return true
}
