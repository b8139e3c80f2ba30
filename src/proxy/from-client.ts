import { Frontend } from '../wire/message-types.js'
import { beginBatch } from './begin-batch.js'
import { endWithError } from './end-session.js'
import { steerFlow } from './flow.js'
import { forward } from './forward.js'
import { discardCancelled } from './held-cancel.js'
import { takeHookQuery } from './hook-query.js'
import { isRetrying } from './retry.js'
import type { Session } from './session.js'
import { plain } from './standing-replies.js'
import { takeMessage } from './take-message.js'
import { takeForTool } from './tool-query.js'
import { leaveTool, mayPause, pauseTool } from './tool-session.js'

/** Takes as many of the client's frames as can be taken now. To be called when there are more bytes, or nothing is in the way any more. */
export function readClient(session: Session): void {
  const { fromClient, toServer, toClient } = session
  session.stopped = false
  while (session.phase !== 'ended' && fromClient.peek()) {
    if (!takeFrame(session)) {
      session.stopped = true
      break
    }
    fromClient.consume()
  }
  if (session.phase === 'ended') return
  toServer.flush()
  toClient.flush()
  const { problem } = fromClient
  if (problem !== undefined) {
    endWithError(session, {
      sqlstate: '08P01',
      message: `invalid message length: ${problem.length} bytes in a message of type ${JSON.stringify(String.fromCharCode(problem.type))}`,
      detail: `The proxy takes 4 to ${problem.limit} bytes in messages of this type.`,
    })
    return
  }
  if (session.clientEnded) endInput(session)
  steerFlow(session)
}

/** The client has sent its last byte. What was taken goes on to its end; work that is held never runs. */
function endInput(session: Session): void {
  if (session.held) session.fromClient.clear()
  else if (session.stopped) return
  session.server.end()
}

/** Takes the frame, or the part of one, that the framer shows; false where it cannot be taken now. */
function takeFrame(session: Session): boolean {
  const { fromClient, replies } = session
  const { type } = fromClient
  if (!fromClient.first) return session.droppingClient || forward(session)
  session.droppingClient = false
  if (session.phase === 'startup') {
    return type === Frontend.Password || type === Frontend.Terminate ? forward(session) : false
  }
  if (session.discarding) return discardCancelled(session)
  if (session.hooking || isRetrying(session)) return false
  switch (type) {
    case Frontend.CopyData:
      session.retry = undefined
      return forward(session)
    case Frontend.CopyDone:
    case Frontend.CopyFail:
      replies.send(plain['copy-end'])
      return forward(session)
    case Frontend.Flush:
      return forward(session)
    case Frontend.Terminate:
      session.terminated = true
      return forward(session)
  }
  if (replies.copyIn && type === Frontend.Sync) return forward(session)
  const tool = session.tool ?? session.pausedTool
  if (tool?.reset === true && replies.idle && session.status === 'I') leaveTool(session)
  if (mayPause(session)) pauseTool(session)
  if (!replies.open && !replies.copyIn && !beginBatch(session)) return false
  if (session.tool !== undefined) return takeForTool(session, session.tool)
  if (session.kind !== 'app') return takeForHook(session)
  if (takeMessage(session)) return true
  return session.tool !== undefined && takeForTool(session, session.tool)
}

/** Only whole Queries reach a hook; what went past it to the server would escape the switch. */
function takeForHook(session: Session): boolean {
  const { type } = session.fromClient
  if (type === Frontend.Query) return takeHookQuery(session)
  if (type === Frontend.Sync) {
    session.replies.send(plain.sync)
    return forward(session)
  }
  endWithError(session, {
    sqlstate: '0A000',
    message: `a ${session.kind} connection takes simple queries only`,
    hint: 'Send the text as one query without parameters.',
  })
  return false
}
