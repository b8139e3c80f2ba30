import { Buffer } from 'node:buffer'
import { serialize } from 'pg-protocol'
import { encodeParse } from '../wire/frontend.js'
import { rewriteUnder } from './epoch.js'
import type { PreparedStatement } from './prepared-statements.js'
import type { ExpectedReply, ReplyKind, Settlement } from './reply-queue.js'
import type { Session } from './session.js'
import { hasSameTypes, typesForServer } from './type-oids.js'

/** A statement of ours, on the server only while a statement is prepared again. */
const SCRATCH = 'hotswap_scratch'

const closeScratch = serialize.close({ type: 'S', name: SCRATCH })
const NO_TYPES = Buffer.alloc(2)
const swallowed = (kind: ReplyKind): ExpectedReply => Object.freeze({ kind, injected: true })
const CLOSE = swallowed('close')
const BIND = swallowed('bind')

/**
 * Brings a statement up to the session's epoch before it is used: where it would now be sent as another text, or types have other oids, messages that
 * prepare it again go out in front of the one that uses it, in the same batch, their replies swallowed.
 *
 * The name stays the same on the server, so that SQL's EXECUTE and DEALLOCATE find it. The new text is first prepared under
 * a scratch name; if that fails the server skips what follows, the old statement lives, and the error is the client's answer
 * (not where `errorForClient` is false: an EXECUTE in a Query has an answer of its own).
 */
export function bringUpToDate(session: Session, statement: PreparedStatement, errorForClient = true): void {
  const { epoch, replies } = session
  if (statement.epoch === epoch && !statement.lost) return
  // In a failed transaction the server answers 25P02 to whatever comes; while it skips it answers nothing.
  if (session.status === 'E' || replies.skipping) return
  const outcome = rewriteUnder(epoch, statement.text, statement.types)
  const sent = outcome.kind === 'unchanged' ? statement.text : outcome.text
  const before = { epoch: statement.epoch, outcome: statement.outcome, sent: statement.sent, lost: statement.lost }
  statement.epoch = epoch
  statement.outcome = outcome
  if (sent === before.sent && !before.lost && hasSameTypes(epoch, before.epoch)) return
  statement.sent = sent
  statement.lost = false
  session.context.counters.reprepared++
  const settle = (how: Settlement) => {
    if (how === 'skipped') Object.assign(statement, before)
    else if (how === 'failed') statement.lost = true
  }
  if (statement.madeBy === 'prepare') prepareBySql(session, statement, errorForClient, settle)
  else prepareByParse(session, statement, { epoch, outcome }, settle)
}

function prepareByParse(
  session: Session,
  statement: PreparedStatement,
  origin: Pick<PreparedStatement, 'epoch' | 'outcome'>,
  settle: (how: Settlement) => void,
): void {
  const { replies, toServer } = session
  const { name, sent } = statement
  const types = typesForServer(origin.epoch, statement.types)
  // A failed Parse of the unnamed statement leaves none, so there is nothing to try first.
  const parse = { kind: 'parse', injected: true, errorForClient: true, origin } as const
  if (name === '') {
    replies.send({ ...parse, onSettled: settle })
    toServer.put(encodeParse(name, sent, types))
    return
  }
  replies.send(CLOSE)
  replies.send(parse)
  replies.send(CLOSE)
  replies.send({ ...parse, onSettled: settle })
  replies.send(CLOSE)
  toServer.put(closeScratch)
  toServer.put(encodeParse(SCRATCH, sent, types))
  toServer.put(encodeClose(name))
  toServer.put(encodeParse(name, sent, types))
  toServer.put(closeScratch)
}

/** A statement made by SQL PREPARE has types by name, so SQL makes it again; nothing of it is looked at before that runs. */
function prepareBySql(
  session: Session,
  statement: PreparedStatement,
  errorForClient: boolean,
  settle: (how: Settlement) => void,
): void {
  const { replies, toServer } = session
  replies.send(CLOSE)
  replies.send({ kind: 'parse', injected: true, errorForClient })
  replies.send(CLOSE)
  replies.send(BIND)
  replies.send({
    kind: 'execute',
    injected: true,
    errorForClient,
    origin: { epoch: statement.epoch, outcome: statement.outcome },
    onSettled: settle,
  })
  replies.send(CLOSE)
  replies.send(CLOSE)
  toServer.put(closeScratch)
  toServer.put(encodeParse(SCRATCH, statement.sent, NO_TYPES))
  toServer.put(encodeClose(statement.name))
  toServer.put(serialize.bind({ portal: SCRATCH, statement: SCRATCH }))
  toServer.put(serialize.execute({ portal: SCRATCH }))
  toServer.put(serialize.close({ type: 'P', name: SCRATCH }))
  toServer.put(closeScratch)
}

/** Close of a statement of the client's, whose name is a ByteString. */
function encodeClose(name: string): Buffer {
  const frame = Buffer.alloc(5 + 1 + name.length + 1)
  frame.write('C')
  frame.writeInt32BE(frame.length - 1, 1)
  frame.write('S', 5)
  frame.write(name, 6, 'latin1')
  return frame
}
