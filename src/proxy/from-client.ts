import { Buffer } from 'node:buffer'
import { serialize } from 'pg-protocol'
import {
  decodeBindNames,
  decodeExecutePortal,
  decodeParse,
  decodeQuery,
  decodeTarget,
  encodeParse,
  encodeQuery,
} from '../wire/frontend.js'
import { Frontend } from '../wire/message-types.js'
import { drops, noteEffects, tagReader } from './apply-effects.js'
import { beginBatch } from './begin-batch.js'
import { endWithError } from './end-session.js'
import { rewriteUnder } from './epoch.js'
import { steerFlow } from './flow.js'
import { discardCancelled } from './held-cancel.js'
import { takeHookQuery } from './hook-query.js'
import { bringUpToDate } from './prepare-again.js'
import type { PreparedStatement } from './prepared-statements.js'
import { refusedVersion } from './refuse-version.js'
import { keepForRetry } from './retry.js'
import type { Session } from './session.js'
import { plain, standingReplies } from './standing-replies.js'

const NO_TYPES = Buffer.alloc(2)

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
  if (session.hooking || session.retry?.stage === 'asking' || session.retry?.stage === 'swallowing') return false
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
  if (!replies.open && !replies.copyIn && !beginBatch(session)) return false
  if (session.kind !== 'app') return takeForHook(session)
  switch (type) {
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

/** Sends what the framer shows on as it came. */
function forward(session: Session): true {
  const { buffer, start, end } = session.fromClient
  if (session.retry !== undefined) keepForRetry(session, session.retry)
  session.toServer.pass(buffer, start, end)
  return true
}

/** Sends other bytes in place of what the framer shows. */
function replace(session: Session, bytes: Buffer): true {
  if (session.retry !== undefined) keepForRetry(session, session.retry)
  session.toServer.put(bytes)
  return true
}

function takeQuery(session: Session): boolean {
  const { replies, statements, epoch, context } = session
  const { buffer, start, end } = session.fromClient
  const text = decodeQuery(buffer, start, end)
  if (text === undefined) {
    replies.send(plain.query)
    return forward(session)
  }
  context.counters.statements++
  noteText(session, text)
  const effects = context.readEffects(text, session.standardConformingStrings)
  const unnamed = statements.get('')
  if (epoch.bare && effects === undefined && unnamed === undefined) {
    replies.send(plain.query)
    return forward(session)
  }
  let outcome = refusedVersion(session, effects) ?? rewriteUnder(epoch, text)
  let onTag: ((tag: string) => void) | undefined
  if (effects !== undefined) {
    noteEffects(session, effects)
    onTag = tagReader(session, effects)
    for (const name of effects.executes) {
      const executed = statements.get(name)
      if (executed === undefined) continue
      updateForQuery(session, executed)
      if (executed.outcome.kind === 'refused' && outcome.kind === 'unchanged') outcome = executed.outcome
    }
  }
  const dropped = drops(effects)
  const dropsEnd = dropped.length === 0 ? undefined : statements.expectDrop(dropped)
  replies.send({
    kind: 'query',
    injected: false,
    origin: { epoch, outcome },
    ...(onTag === undefined ? {} : { onTag }),
    onSettled(how) {
      dropsEnd?.()
      // exec_simple_query drops the unnamed statement.
      if (how === 'done') statements.forget('')
    },
  })
  return outcome.kind === 'unchanged'
    ? forward(session)
    : replace(session, encodeQuery(counted(session, outcome.kind, outcome.text)))
}

/** The beginning is enough to show; a part of a long string would keep the whole alive. */
function noteText(session: Session, text: string): void {
  session.lastText = text.length <= 4096 ? text : Buffer.from(text.slice(0, 1024), 'latin1').toString('latin1')
}

function counted(session: Session, kind: 'rewritten' | 'refused', text: string): string {
  session.context.counters[kind]++
  return text
}

/** Prepares again what an EXECUTE in a Query uses, in a batch of its own. */
function updateForQuery(session: Session, statement: PreparedStatement): void {
  const { replies, toServer } = session
  const { open } = replies
  bringUpToDate(session, statement, false)
  if (open || !replies.open) return
  replies.send({ kind: 'sync', injected: true })
  toServer.put(serialize.sync())
}

function takeParse(session: Session): boolean {
  const { replies, statements, epoch, context } = session
  const { buffer, start, end } = session.fromClient
  const parse = decodeParse(buffer, start, end)
  if (parse === undefined) {
    replies.send(plain.parse)
    return forward(session)
  }
  const { name, text } = parse
  context.counters.statements++
  noteText(session, text)
  const effects = context.readEffects(text, session.standardConformingStrings)
  const outcome = refusedVersion(session, effects) ?? rewriteUnder(epoch, text)
  const sent = outcome.kind === 'unchanged' ? text : outcome.text
  const types = end - parse.typesAt === 2 ? NO_TYPES : Buffer.from(buffer.subarray(parse.typesAt, end))
  const made = { name, madeBy: 'parse' as const, text, types, effects, epoch, outcome, sent, lost: false }
  const statement: PreparedStatement = Object.assign(made, { replies: standingReplies(made) })
  replies.send({ kind: 'parse', injected: false, origin: { epoch, outcome }, onSettled: statements.declare(statement) })
  return outcome.kind === 'unchanged'
    ? forward(session)
    : replace(session, encodeParse(name, counted(session, outcome.kind, sent), types))
}

function takeBind(session: Session): boolean {
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
  bringUpToDate(session, statement)
  portals.set(names.portal, statement)
  replies.send(statement.replies.bind)
  return forward(session)
}

function takeDescribe(session: Session): boolean {
  const { buffer, start, end } = session.fromClient
  const target = decodeTarget(buffer, start, end)
  const book = target?.kind === 'statement' ? session.statements : session.portals
  const statement = target === undefined ? undefined : book.get(target.name)
  if (statement !== undefined && target?.kind === 'statement') bringUpToDate(session, statement)
  session.replies.send(statement?.replies.describe ?? plain.describe)
  return forward(session)
}

function takeExecute(session: Session): boolean {
  const { buffer, start, end } = session.fromClient
  const portal = decodeExecutePortal(buffer, start, end)
  const statement = portal === undefined ? undefined : session.portals.get(portal)
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

function takeClose(session: Session): boolean {
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
