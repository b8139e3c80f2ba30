import type { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import type { Relation } from '../catalog/catalog.js'
import type { BackendKey } from '../wire/backend.js'
import type { Framer } from '../wire/framer.js'
import type { TransactionStatus } from '../wire/message-types.js'
import type { Opening } from './block-opening.js'
import type {
  ClientIdentity,
  GateSeat,
  ProxyCounters,
  ProxyLimits,
  ProxyLog,
  ProxyOptions,
  SessionEnd,
  SessionInfo,
} from './contracts.js'
import type { Epoch } from './epoch.js'
import type { Output } from './output.js'
import type { PreparedStatement, StatementBook } from './prepared-statements.js'
import type { ReplyQueue } from './reply-queue.js'
import type { EffectsReader } from './statement-effects.js'
import type { ToolState } from './tool-session.js'

/** What all sessions of a proxy share. */
export interface ProxyContext {
  readonly options: ProxyOptions
  readonly limits: ProxyLimits
  readonly log: ProxyLog
  readonly counters: { -readonly [K in keyof ProxyCounters]: ProxyCounters[K] }
  readonly readEffects: EffectsReader
  /** Sessions of the managed database by server pid, for cancel requests. */
  readonly byPid: Map<number, Session>
  /** Sessions of migration tools. */
  readonly tools: Set<Session>
}

/** A batch of the client kept for one retry, and how far that is. */
export interface Retry {
  /** The client's own frames. */
  readonly parts: Buffer[]
  bytes: number
  /** The BEGIN that is all of the transaction block before the batch; undefined for a batch outside a block. */
  readonly begin: string | undefined
  /** `asking`: refresh() runs; `swallowing`: the failed attempt's answer is dropped; `reopening`: so are those to a new BEGIN. */
  stage: 'watching' | 'asking' | 'declined' | 'swallowing' | 'reopening'
  /** The error that the client gets after all where its block cannot be opened again; an ErrorResponse. */
  failure: Buffer | undefined
  /** How often the block's BEGIN was sent again. */
  attempts: number
}

/**
 * One client connection with its one server connection, in the managed database. All of the session's mutable state is
 * here; the functions that work on it are next door: from-client, from-server, begin-batch, prepare-again, retry.
 *
 *     client --> fromClient (frames) --> toServer --> server
 *     client <-- toClient <-- fromServer (frames) <-- server
 */
export interface Session {
  readonly id: number
  /** `tool`: it runs migrations by itself; an app's session may become one. `migrator`: it sends `migrate`'s files. */
  kind: 'app' | 'migrator' | 'tool' | 'control'
  readonly context: ProxyContext
  readonly identity: ClientIdentity
  /** The value of hotswap.migrate. */
  readonly migration: string
  /** hotswap.allow_breaking is on. */
  readonly allowBreaking: boolean
  /** The version of the start of the session, which RESET hotswap.version goes back to. */
  firstVersion: string
  readonly since: number
  readonly client: Socket
  readonly server: Socket
  readonly fromClient: Framer
  readonly fromServer: Framer
  readonly toClient: Output
  readonly toServer: Output
  readonly replies: ReplyQueue
  readonly statements: StatementBook
  /** By portal name, as far as they were bound to known statements. */
  readonly portals: Map<string, PreparedStatement>
  /** Takes as many of the client's frames as can be taken now. */
  readonly readClient: () => void
  /** Takes as many of the server's frames as can be taken now. */
  readonly readServer: () => void
  /** Joins the hold gate. */
  readonly takeSeat: () => void
  /** Its place at the hold gate; a migrator and a control session have none. */
  seat: GateSeat | undefined
  /** Of a migration tool. */
  tool: ToolState | undefined
  /** Of an app's session that was a tool's, and will be again where it works on migrations. */
  pausedTool: ToolState | undefined
  /** The message at hand has made it one. */
  becameTool: boolean
  /** It has named a table in which tools keep what they have run. */
  knowsLedger: boolean
  /** How far its transaction block is to what Flyway does around DDL on another connection: an advisory lock, then a ledger. */
  ledgerLock: 'none' | 'taken' | 'ledger named'

  phase: 'startup' | 'serving' | 'ended'
  key: BackendKey | undefined
  /** pg_backend_pid(), once it is certain: a pooler in between makes keys up. */
  backend: number | undefined
  /** As of the last ReadyForQuery. */
  status: TransactionStatus
  applicationName: string
  standardConformingStrings: boolean
  clientEncoding: string
  /** As reported by ParameterStatus (PostgreSQL 18), or as it was asked last; undefined before. */
  searchPath: string | undefined
  /** The server says by itself what search_path is. */
  reportsPath: boolean

  epoch: Epoch
  versionName: string
  /** The version that it is to speak from its next transaction on. */
  nextVersion: string | undefined
  /** current_user as of the last probe; undefined before. */
  role: string | undefined
  path: readonly string[]
  temporary: readonly Relation[]
  /** The epoch's ingredients have changed. */
  epochDue: boolean
  /** What names mean has to be asked again before the next batch. */
  probeDue: boolean
  /** The version too, so ask even where nothing is rewritten. */
  versionDue: boolean
  /** The transaction changed what names mean; its end may change it back. */
  tainted: boolean
  /** It has sent DISCARD ALL. */
  reset: boolean
  /** It changed the version. */
  versionTainted: boolean
  /** SQL PREPARE was used on a text that changes what names mean: so may any EXECUTE. */
  preparedTaint: boolean
  /** The last probe's answer as it came. */
  lastProbe: string

  /** The client's next frame cannot be taken now; something that the server does will change that. */
  stopped: boolean
  /** The client's next batch waits at the gate. */
  held: boolean
  /** A cancelled batch is thrown away, up to its Sync. */
  discarding: boolean
  /** Its first frame is gone. */
  discardingBatch: boolean
  /** The rest of the client's frame under way is thrown away too. */
  droppingClient: boolean
  /** The hook answers a Query; nothing else is taken meanwhile. */
  hooking: boolean
  /** To be called when the client may send its first statement. */
  onServing: (() => void) | undefined
  /** To be called when an admitted session ends. */
  left: ((end: SessionEnd) => void) | undefined
  /** To be called when the session ends while a hook runs. */
  onLost: (() => void) | undefined
  /** Something has changed that the client's frames may have waited for. */
  wake: boolean
  /** The rest of the server's frame under way is not for the client. */
  droppingServer: boolean
  retry: Retry | undefined
  /** The batch that begins is a retry itself. */
  retried: boolean
  /** Whether the transaction block is a BEGIN and no more, as far as the answers tell; undefined where it is not. */
  opening: Opening | undefined
  /** The last text that ran while `opening` is watched. */
  openingText: string | undefined

  /** Date.now() when the transaction or batch under way began. */
  busySince: number
  lastText: string
  clientEnded: boolean
  /** The client said Terminate. */
  terminated: boolean
  /** The server said why it ends the session. */
  fatalSeen: boolean
}

export function isBusy(session: Session): boolean {
  return session.phase === 'serving' && (session.status !== 'I' || !session.replies.idle || session.hooking)
}

/** The server's backend, as far as is known. */
export function pidOf({ backend, key }: Session): number | undefined {
  return backend ?? key?.pid
}

export function sessionInfo(session: Session): SessionInfo {
  return {
    id: session.id,
    kind: session.kind,
    user: session.identity.user,
    database: session.identity.database,
    applicationName: session.applicationName,
    version: session.kind === 'app' ? spokenVersion(session) : undefined,
    pid: pidOf(session),
    state: stateOf(session),
    since: session.since,
  }
}

/** What its next statement is taken for: between two transactions that is the version that it is moved to. */
function spokenVersion(session: Session): string {
  return isBusy(session) ? session.versionName : (session.nextVersion ?? session.versionName)
}

export function stateOf(session: Session): SessionInfo['state'] {
  if (session.phase !== 'serving') return 'starting'
  if (!session.replies.idle || session.hooking) return 'active'
  if (session.status !== 'I') return session.status === 'T' ? 'transaction' : 'failed'
  return session.held ? 'held' : 'idle'
}
