import type { Socket } from 'node:net'
import { createFramer } from '../wire/framer.js'
import { frontendLimit, LARGE_MESSAGE_LIMIT } from '../wire/limits.js'
import { Backend, Frontend } from '../wire/message-types.js'
import { makeEpoch } from './begin-batch.js'
import type { ClientIdentity } from './contracts.js'
import { endSession, endWithError } from './end-session.js'
import { steerFlow } from './flow.js'
import { readClient } from './from-client.js'
import { readServer } from './from-server.js'
import { createOutput } from './output.js'
import { createStatementBook } from './prepared-statements.js'
import { queryShape } from './query-shape.js'
import { createReplyQueue } from './reply-queue.js'
import { isBusy, type ProxyContext, pidOf, type Session, stateOf } from './session.js'
import { openTool } from './tool-session.js'

export interface SessionStart {
  readonly id: number
  readonly kind: Session['kind']
  readonly identity: ClientIdentity
  readonly migration: string
  readonly allowBreaking: boolean
  readonly versionName: string
  /** Index of the version in the current generation. */
  readonly version: number
  readonly since: number
  readonly client: Socket
  readonly server: Socket
}

/** Of a Bind only the names are read; they have to stand within this many bytes. */
const BIND_NAMES = 16 * 1024

/** Makes a session of two connected, paused sockets and lets their bytes flow. The StartupMessage has been sent. */
export function openSession(context: ProxyContext, start: SessionStart): Session {
  const { client, server } = start
  const { limits, options } = context
  const replies = createReplyQueue()
  const conditions = {
    kind: start.kind,
    path: [],
    temporary: [],
    standardConformingStrings: true,
    clientEncoding: 'UTF8',
  }
  // Field by field: objects that are made by spreading have hidden classes of their own, which makes each look-up in a session
  // several times as dear (bench/main.ts, 16 clients).
  const session: Session = {
    id: start.id,
    kind: start.kind,
    context,
    identity: start.identity,
    migration: start.migration,
    allowBreaking: start.allowBreaking,
    firstVersion: start.versionName,
    since: start.since,
    client,
    server,
    fromClient: createFramer({
      limit: (type) => frontendLimit(type, limits.messageBytes),
      need: clientNeed,
    }),
    fromServer: createFramer({
      limit: () => LARGE_MESSAGE_LIMIT,
      need: (type, size) =>
        serverNeed(type, size, replies.head?.collect !== undefined, session.epoch.oids !== undefined),
    }),
    readClient: () => readClient(session),
    readServer: () => readServer(session),
    takeSeat: () => takeSeat(session),
    toClient: createOutput(client),
    toServer: createOutput(server),
    replies,
    statements: createStatementBook(),
    portals: new Map(),
    seat: undefined,
    tool: undefined,
    pausedTool: undefined,
    becameTool: false,
    knowsLedger: false,
    ledgerLock: 'none',
    phase: 'startup',
    key: undefined,
    backend: undefined,
    status: 'I',
    applicationName: start.identity.applicationName,
    standardConformingStrings: conditions.standardConformingStrings,
    clientEncoding: conditions.clientEncoding,
    searchPath: undefined,
    reportsPath: false,
    epoch: makeEpoch(conditions, options.generations.current(), start.version),
    versionName: start.versionName,
    nextVersion: undefined,
    role: undefined,
    path: conditions.path,
    temporary: conditions.temporary,
    epochDue: false,
    probeDue: true,
    versionDue: false,
    tainted: false,
    reset: false,
    versionTainted: false,
    preparedTaint: false,
    lastProbe: '',
    stopped: false,
    held: false,
    discarding: false,
    discardingBatch: false,
    droppingClient: false,
    hooking: false,
    onServing: undefined,
    left: undefined,
    onLost: undefined,
    wake: false,
    droppingServer: false,
    retry: undefined,
    retried: false,
    opening: undefined,
    openingText: undefined,
    // Not 0: a number of another kind would change the hidden class.
    busySince: start.since,
    lastText: '',
    clientEnded: false,
    terminated: false,
    fatalSeen: false,
  }
  limitStartup(session)
  if (session.kind === 'app') takeSeat(session)
  if (session.kind === 'tool') openTool(session)
  wireClient(session)
  wireServer(session)
  client.resume()
  server.resume()
  return session
}

function clientNeed(type: number, size: number): number {
  switch (type) {
    case Frontend.Bind:
      return BIND_NAMES
    case Frontend.CopyData:
    case Frontend.FunctionCall:
      return 0
    default:
      return size
  }
}

/** `translated`: the oids of types in descriptions may have to be replaced. */
function serverNeed(type: number, size: number, collected: boolean, translated: boolean): number {
  switch (type) {
    case Backend.DataRow:
    case Backend.CopyData:
    case Backend.FunctionCallResponse:
      return collected ? size : 0
    case Backend.RowDescription:
      return collected || translated ? size : 0
    default:
      return size
  }
}

function limitStartup(session: Session): void {
  const { startupMs } = session.context.limits
  const left = Math.max(0, session.since + startupMs - Date.now())
  const timer = setTimeout(
    () => endWithError(session, { sqlstate: '57014', message: 'canceling authentication due to timeout' }),
    left,
  )
  session.onServing = () => clearTimeout(timer)
  session.client.once('close', () => clearTimeout(timer))
}

function takeSeat(session: Session): void {
  session.seat = session.context.options.gate.join({
    busy: () => isBusy(session),
    describe: () => {
      const state = stateOf(session)
      return {
        pid: pidOf(session),
        user: session.identity.user,
        applicationName: session.applicationName,
        state: state === 'transaction' || state === 'failed' ? state : 'active',
        busyMs: Date.now() - session.busySince,
        query: queryShape(session.lastText),
      }
    },
    resume: () => {
      if (session.stopped) guarded(session, readClient)
    },
  })
}

/** A bug that one session meets ends that session; the others, and the release of the gate, go on. */
function guarded(session: Session, read: (session: Session) => void): void {
  try {
    read(session)
  } catch (error) {
    const { log } = session.context
    log.warn({ session: session.id, error: error instanceof Error ? error.stack : String(error) }, 'a bug')
    endWithError(session, {
      sqlstate: 'XX000',
      message: 'internal error of pg-hotswap',
      hint: 'Connect again, and please report it: the log of the proxy has more.',
    })
  }
}

function wireClient(session: Session): void {
  const { client } = session
  client.on('data', (chunk: Buffer) => {
    session.fromClient.push(chunk)
    guarded(session, readClient)
  })
  client.on('drain', () => steerFlow(session))
  client.once('end', () => {
    if (session.phase === 'ended') return
    session.clientEnded = true
    session.onLost?.()
    guarded(session, readClient)
  })
  client.on('error', () => endSession(session, 'the connection to the client was lost'))
  client.once('close', () => endSession(session, 'the client closed the connection'))
}

function wireServer(session: Session): void {
  const { server } = session
  server.on('data', (chunk: Buffer) => {
    session.fromServer.push(chunk)
    guarded(session, readServer)
  })
  server.on('drain', () => steerFlow(session))
  server.on('error', () => serverLost(session))
  server.once('end', () => serverLost(session))
  server.once('close', () => serverLost(session))
}

function serverLost(session: Session): void {
  if (session.phase === 'ended') return
  if (session.terminated || session.clientEnded) endSession(session, 'the client closed the connection')
  else if (session.fatalSeen) endSession(session, 'the server ended the session')
  else if (session.fromServer.inside) endSession(session, 'the connection to the server was lost')
  else {
    endWithError(session, {
      sqlstate: '08006',
      message: 'the connection to the PostgreSQL server was lost',
      detail: 'The server closed the connection without saying why.',
    })
  }
}
