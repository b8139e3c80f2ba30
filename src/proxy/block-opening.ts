import { Backend } from '../wire/message-types.js'
import type { Session } from './session.js'

/**
 * How far a batch begun outside a transaction is on its way to be a BEGIN and no more. The server's answers tell, so it
 * does not matter how the client writes BEGIN, or by which messages it sends it:
 *
 *     watched -- BindComplete --> bound        one portal, the BEGIN's own: another one would end with the transaction
 *     watched, bound -- CommandComplete BEGIN or START TRANSACTION --> begun
 *     any -- an answer that says that something else ran --> undefined
 */
export type Opening = 'watched' | 'bound' | 'begun'

/** A longer text is not kept. */
const LONGEST = 1024

/** To be called when a batch begins. */
export function watchOpening(session: Session): void {
  const { replies, status, context } = session
  const watched = replies.idle && status === 'I' && context.options.generations.refresh !== undefined
  session.opening = watched ? 'watched' : undefined
  session.openingText = undefined
}

/** The BEGIN that is all of the session's transaction block; undefined where there is none, or more than it. */
export function openedBy(session: Session): string | undefined {
  return session.opening === 'begun' && session.status === 'T' ? session.openingText : undefined
}

/** Takes note of a text that is sent to be run; undefined where it is not known. */
export function noteRun(session: Session, text: string | undefined): void {
  if (session.opening === undefined) return
  session.openingText = text !== undefined && text.length <= LONGEST ? text : undefined
}

/** What an answer to one of the client's messages makes of it. `tag` is that of a CommandComplete. */
export function openingAfter(opening: Opening, type: number, tag: string): Opening | undefined {
  switch (type) {
    case Backend.ParseComplete:
    case Backend.ParameterDescription:
    case Backend.NoData:
    case Backend.CloseComplete:
      return opening
    case Backend.BindComplete:
      return opening === 'watched' ? 'bound' : undefined
    case Backend.CommandComplete:
      return opening !== 'begun' && /^(?:BEGIN|START TRANSACTION)$/.test(tag) ? 'begun' : undefined
    default:
      return undefined
  }
}
