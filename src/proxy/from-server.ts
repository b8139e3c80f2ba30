import {
  decodeBackendKeyData,
  decodeCommandTag,
  decodeFields,
  decodeParameterStatus,
  decodeReadyForQuery,
  encodeErrorResponse,
  encodeNoticeResponse,
  withoutChannelBinding,
} from '../wire/backend.js'
import { Backend } from '../wire/message-types.js'
import { openingAfter } from './block-opening.js'
import { errorFields } from './client-error.js'
import { endWithError } from './end-session.js'
import { UNCHANGED } from './epoch.js'
import { steerFlow } from './flow.js'
import { errorForClient, type Origin } from './origin.js'
import type { ExpectedReply } from './reply-queue.js'
import { considerRetry, endFailedAttempt, goOnRetrying, isWorthRetry } from './retry.js'
import { isBusy, type Session } from './session.js'
import { startSession } from './start-session.js'
import { noteReady } from './tool-session.js'
import { describeForClient } from './type-oids.js'

/** Takes the server's frames, and lets the client's go on where they waited for one of them. */
export function readServer(session: Session): void {
  const { fromServer, toClient } = session
  while (session.phase !== 'ended' && fromServer.peek()) {
    if (fromServer.first) {
      const verdict = takeFrame(session)
      if (verdict === 'wait') break
      session.droppingServer = verdict === 'drop'
    }
    if (!session.droppingServer) toClient.pass(fromServer.buffer, fromServer.start, fromServer.end)
    fromServer.consume()
  }
  if (session.phase === 'ended') return
  toClient.flush()
  if (fromServer.problem !== undefined) {
    endWithError(session, {
      sqlstate: '08P01',
      message: 'lost synchronization with the server',
      detail: `A message of type ${JSON.stringify(String.fromCharCode(fromServer.problem.type))} says that it has ${fromServer.problem.length} bytes.`,
    })
    return
  }
  if (session.wake) {
    session.wake = false
    if (session.stopped) session.readClient()
  }
  steerFlow(session)
}

type Verdict = 'pass' | 'drop' | 'wait'

function takeFrame(session: Session): Verdict {
  const { fromServer, replies } = session
  const { type, buffer, start, end } = fromServer
  const { head } = replies
  switch (type) {
    case Backend.NoticeResponse:
      return takeNotice(session, head)
    case Backend.NotificationResponse:
      return 'pass'
    case Backend.ParameterStatus:
      takeParameter(session, ...decodeParameterStatus(buffer, start, end))
      return 'pass'
    case Backend.ErrorResponse:
      return takeError(session, head)
    case Backend.ReadyForQuery:
      return takeReady(session, head)
  }
  if (head === undefined) return session.phase === 'startup' ? takeStartup(session) : 'pass'
  head.collect?.(type, buffer, start, end)
  if (type !== Backend.DataRow && type !== Backend.CopyData) {
    if (type === Backend.CommandComplete) head.onTag?.(decodeCommandTag(buffer, start, end))
    replies.receive(type)
    if (type === Backend.CopyInResponse) session.wake = true
  }
  if (head.injected) return 'drop'
  session.retry = undefined
  if (session.opening !== undefined) {
    const tag = type === Backend.CommandComplete ? decodeCommandTag(buffer, start, end) : ''
    session.opening = openingAfter(session.opening, type, tag)
  }
  const { oids } = session.epoch
  return oids !== undefined && describeForClient(session, oids) ? 'drop' : 'pass'
}

function takeStartup(session: Session): Verdict {
  const { type, buffer, start, end } = session.fromServer
  if (type === Backend.BackendKeyData) {
    session.key = decodeBackendKeyData(buffer, start, end)
    session.context.byPid.set(session.key.pid, session)
  }
  if (type !== Backend.Authentication) return 'pass'
  const offered = withoutChannelBinding(buffer, start, end)
  if (offered === undefined) return 'pass'
  session.toClient.put(offered)
  return 'drop'
}

function takeParameter(session: Session, name: string, value: string): void {
  switch (name) {
    case 'standard_conforming_strings':
      session.epochDue ||= session.standardConformingStrings !== (value === 'on')
      session.standardConformingStrings = value === 'on'
      break
    case 'client_encoding':
      session.epochDue ||= session.clientEncoding !== value
      session.clientEncoding = value
      break
    case 'application_name':
      session.applicationName = value
      break
    case 'search_path':
      if (session.searchPath !== value) {
        session.probeDue = true
        session.tainted = true
      }
      session.searchPath = value
      session.reportsPath = true
  }
}

function takeError(session: Session, head: ExpectedReply | undefined): Verdict {
  const { fromServer, replies, toClient, retry } = session
  const { type, buffer, start, end } = fromServer
  const fields = decodeFields(buffer, start, end)
  if (fields.get('V') === 'FATAL' || fields.get('V') === 'PANIC') {
    // The end of the session is the client's business whatever was asked.
    session.fatalSeen = true
    head?.collect?.(type, buffer, start, end)
    return 'pass'
  }
  if (head === undefined) return 'pass'
  if (retry !== undefined && isWorthRetry(session, head, fields)) considerRetry(session, retry)
  switch (retry?.stage) {
    case 'asking':
      return 'wait'
    case 'swallowing':
      retry.failure = encodeErrorResponse(errorForClient(fields, originOf(session, head)))
      replies.receive(type)
      endFailedAttempt(session)
      return 'drop'
    case 'reopening':
      replies.receive(type)
      return 'drop'
  }
  session.retry = undefined
  session.opening = undefined
  session.wake = true
  const ended = session.tool?.migration.reason()
  head.collect?.(type, buffer, start, end)
  replies.receive(type)
  if (head.injected && head.errorForClient !== true) return 'drop'
  // Why the transaction is a failed one: we have ended it.
  const answer =
    ended !== undefined && /^(?:25P02|57014)$/.test(fields.get('C') ?? '')
      ? errorFields(ended)
      : errorForClient(fields, originOf(session, head))
  if (answer === fields) return 'pass'
  toClient.put(encodeErrorResponse(answer))
  return 'drop'
}

function originOf({ epoch }: Session, head: ExpectedReply | undefined): Origin {
  return head?.origin ?? { epoch, outcome: UNCHANGED }
}

/** A notice names things as an error does. */
function takeNotice(session: Session, head: ExpectedReply | undefined): Verdict {
  const { fromServer, toClient, epoch } = session
  if (epoch.bare) return 'pass'
  const fields = decodeFields(fromServer.buffer, fromServer.start, fromServer.end)
  const answer = errorForClient(fields, originOf(session, head))
  if (answer === fields) return 'pass'
  toClient.put(encodeNoticeResponse(answer))
  return 'drop'
}

function takeReady(session: Session, head: ExpectedReply | undefined): Verdict {
  const { fromServer, replies, retry } = session
  session.status = decodeReadyForQuery(fromServer.buffer, fromServer.start)
  if (session.phase === 'startup' && head === undefined) return startSession(session)
  replies.receive(Backend.ReadyForQuery)
  session.wake = true
  if (session.status === 'I') {
    session.ledgerLock = 'none'
    if (session.tainted) {
      // What a transaction did to its names may have ended with it.
      session.tainted = false
      session.probeDue = true
      session.versionDue ||= session.versionTainted
      session.versionTainted = false
    }
    if (session.portals.size > 0) session.portals.clear()
  }
  if (retry?.stage === 'swallowing' || retry?.stage === 'reopening') {
    if (goOnRetrying(session, retry)) return 'drop'
    session.retry = undefined
    if (retry.failure !== undefined) session.toClient.put(retry.failure)
    return 'pass'
  }
  session.retry = undefined
  if (!session.hooking) {
    if (session.status === 'I') session.tool?.migration.abandon()
    noteReady(session)
  }
  if (session.seat !== undefined && !isBusy(session)) session.seat.settled()
  return head?.injected ? 'drop' : 'pass'
}
