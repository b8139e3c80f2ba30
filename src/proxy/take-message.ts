import { Frontend } from '../wire/message-types.js'
import { takeBind, takeClose, takeDescribe, takeExecute, takeParse } from './extended-query.js'
import { forward } from './forward.js'
import type { Session } from './session.js'
import { takeQuery } from './simple-query.js'
import { plain } from './standing-replies.js'

/** Sends the message that the framer shows on, rewritten where need be; false where it cannot be taken. */
export function takeMessage(session: Session): boolean {
  const { fromClient, replies } = session
  switch (fromClient.type) {
    case Frontend.Query:
      return takeQuery(session)
    case Frontend.Parse:
      return takeParse(session)
    case Frontend.Bind:
      return takeBind(session)
    case Frontend.Describe:
      return takeDescribe(session)
    case Frontend.Execute:
      return takeExecute(session)
    case Frontend.Close:
      return takeClose(session)
    case Frontend.Sync:
      replies.send(plain.sync)
      return forward(session)
    case Frontend.FunctionCall:
      replies.send(plain.call)
      return forward(session)
    default:
      // The server will say what it thinks of it.
      return forward(session)
  }
}
