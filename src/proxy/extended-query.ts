import { Buffer } from 'node:buffer'
import { decodeBindNames, decodeExecutePortal, decodeParse, decodeTarget, encodeParse } from '../wire/frontend.js'
import { drops, noteEffects, tagReader } from './apply-effects.js'
import { noteRun } from './block-opening.js'
import { endWithError } from './end-session.js'
import { rewriteUnder } from './epoch.js'
import { forward, replace } from './forward.js'
import { noteOutcome, noteText } from './note-statement.js'
import { bringUpToDate } from './prepare-again.js'
import type { PreparedStatement } from './prepared-statements.js'
import { becameTool, recognizeTool } from './recognize-tool.js'
import { refusedVersion } from './refuse-version.js'
import type { Session } from './session.js'
import { plain, standingReplies } from './standing-replies.js'
import { typesForServer } from './type-oids.js'

// Each function takes the message that the framer shows; false where it cannot be taken.

const NO_TYPES = Buffer.alloc(2)

export function takeParse(session: Session): boolean {
  const { replies, statements, epoch, context } = session
  const { buffer, start, end } = session.fromClient
  const parse = decodeParse(buffer, start, end)
  if (parse === undefined) {
    replies.send(plain.parse)
    return forward(session)
  }
  const { name, text } = parse
  const effects = context.readEffects(text, session.standardConformingStrings)
  const types = end - parse.typesAt === 2 ? NO_TYPES : Buffer.from(buffer.subarray(parse.typesAt, end))
  noteText(session, text, types)
  const notMigrator = recognizeTool(session, effects, text)
  if (becameTool(session)) return false
  const outcome = notMigrator ?? refusedVersion(session, effects) ?? rewriteUnder(epoch, text, types)
  const sent = outcome.kind === 'unchanged' ? text : outcome.text
  const made = { name, madeBy: 'parse' as const, text, types, effects, epoch, outcome, sent, lost: false }
  const statement: PreparedStatement = Object.assign(made, { replies: standingReplies(made) })
  replies.send({ kind: 'parse', injected: false, origin: { epoch, outcome }, onSettled: statements.declare(statement) })
  noteOutcome(session, outcome)
  const typesSent = typesForServer(epoch, types)
  if (outcome.kind === 'unchanged' && typesSent === types) return forward(session)
  return replace(session, encodeParse(name, sent, typesSent))
}

export function takeBind(session: Session): boolean {
  const { replies, portals } = session
  const { buffer, start, end, last } = session.fromClient
  const names = decodeBindNames(buffer, start, end)
  if (names === undefined) {
    if (!last) {
      endWithError(session, { sqlstate: '08P01', message: 'the names in a Bind message are too long' })
      return false
    }
    replies.send(plain.bind)
    return forward(session)
  }
  const statement = session.statements.get(names.statement)
  if (statement === undefined) {
    portals.delete(names.portal)
    replies.send(plain.bind)
    return forward(session)
  }
  // Prepared once, it may be part of another migration now.
  recognizeTool(session, statement.effects, statement.text)
  if (becameTool(session)) return false
  bringUpToDate(session, statement)
  session.lastText = statement.text
  portals.set(names.portal, statement)
  replies.send(statement.replies.bind)
  return forward(session)
}

export function takeDescribe(session: Session): boolean {
  const { buffer, start, end } = session.fromClient
  const target = decodeTarget(buffer, start, end)
  const book = target?.kind === 'statement' ? session.statements : session.portals
  const statement = target === undefined ? undefined : book.get(target.name)
  if (statement !== undefined && target?.kind === 'statement') bringUpToDate(session, statement)
  session.replies.send(statement?.replies.describe ?? plain.describe)
  return forward(session)
}

export function takeExecute(session: Session): boolean {
  const { buffer, start, end } = session.fromClient
  const portal = decodeExecutePortal(buffer, start, end)
  const statement = portal === undefined ? undefined : session.portals.get(portal)
  noteRun(session, statement?.text)
  if (statement?.effects === undefined) {
    session.replies.send(statement?.replies.execute ?? plain.execute)
    return forward(session)
  }
  noteEffects(session, statement.effects)
  for (const name of statement.effects.executes) {
    const executed = session.statements.get(name)
    if (executed !== undefined) bringUpToDate(session, executed)
  }
  const onTag = tagReader(session, statement.effects)
  const dropped = drops(statement.effects)
  if (onTag === undefined) {
    session.replies.send(statement.replies.execute)
  } else {
    const onSettled = session.statements.expectDrop(dropped)
    session.replies.send({ ...statement.replies.execute, onTag, onSettled })
  }
  return forward(session)
}

export function takeClose(session: Session): boolean {
  const { buffer, start, end } = session.fromClient
  const target = decodeTarget(buffer, start, end)
  if (target?.kind === 'statement') {
    session.replies.send({ kind: 'close', injected: false, onSettled: session.statements.close(target.name) })
  } else {
    if (target !== undefined) session.portals.delete(target.name)
    session.replies.send(plain.close)
  }
  return forward(session)
}
