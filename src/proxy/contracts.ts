import type { Generation } from '../rewrite/generation.js'
import type { ErrorFields, Rewriter } from '../rewrite/outcome.js'

/** A generation with the rewriter made for it; swapped whole. */
export interface ActiveGeneration {
  readonly generation: Generation
  readonly rewriter: Rewriter
}

/** Where sessions find the generation in force. Asked for each batch, never kept across one. */
export interface GenerationSource {
  current(): ActiveGeneration
  /**
   * Looks at the database again (armed rules); true where `current()` is another generation than before the call.
   * Sessions keep the bytes of a batch for one retry only where this exists.
   */
  refresh?(): Promise<boolean>
}

/** A session whose work under way keeps the gate from being drained. */
export interface Blocker {
  /** The server's backend, as in pg_stat_activity; undefined before BackendKeyData. */
  readonly pid: number | undefined
  readonly user: string
  readonly applicationName: string
  /** `active`: the server works on it; the other two are ReadyForQuery's T and E. */
  readonly state: 'active' | 'transaction' | 'failed'
  /** Milliseconds since the transaction's first message. */
  readonly busyMs: number
  /** The last statement with its literals replaced by `?`. */
  readonly query: string
}

/** What the gate needs to know of a session of the managed database. */
export interface GateMember {
  /** In a transaction, or with replies outstanding. */
  busy(): boolean
  describe(): Blocker
  /** Called at release: go on with what was kept. */
  resume(): void
}

/** A session's place at the gate. */
export interface GateSeat {
  /** To be called when `busy()` has become false. */
  settled(): void
  leave(): void
}

/** Stops new transactions of the managed database while a switch runs. Made by `createHoldGate`. */
export interface HoldGate {
  readonly held: boolean
  /** New transactions wait from now on. Holding what is held is a bug and throws. */
  hold(): void
  /** Lets everything go on. Releasing what is not held does nothing. */
  release(): void
  /** True once no session is busy while held; false when `signal` fired first, or the gate was released. */
  drained(signal: AbortSignal): Promise<boolean>
  /** The sessions that are still busy. */
  blockers(): readonly Blocker[]
  /** Sessions call this; a migrator or control session never does. */
  join(member: GateMember): GateSeat
}

/** The last result set of a (multi-statement) simple query, or its error. Rows are text, decoded as UTF-8. */
export type InternalResult =
  | { readonly ok: true; readonly rows: readonly (readonly (string | null)[])[]; readonly tag: string }
  | { readonly ok: false; readonly error: ErrorFields }

/** What a hook answers to the client's Query. */
export type HookReply =
  | { readonly ok: true; readonly tag: string; readonly notices: readonly string[] }
  | { readonly ok: false; readonly error: ErrorFields }

/** A session that runs a migration, as the migrator hook sees it. */
export interface MigratorSession {
  readonly user: string
  readonly database: string
  readonly applicationName: string
  /** The server's backend. */
  readonly pid: number | undefined
  /** Runs SQL on the session's own server connection. Rejects only when the server connection is lost. */
  query(sql: string): Promise<InternalResult>
  /** Sends a NoticeResponse (severity NOTICE) to the client at once. */
  notice(text: string): void
}

/** Runs each Query of a session that was started with `-c hotswap.migrate=NAME`. */
export interface MigratorHook {
  /** `signal` fires when the client or the server of the session vanishes. `name` is the option's value. */
  run(session: MigratorSession, text: string, name: string, signal: AbortSignal): Promise<HookReply>
}

/** Answers the Queries of a session that was started with `-c hotswap.control=on`. */
export interface ControlHook {
  run(text: string): Promise<HookReply>
}

/** What a client says of itself in its StartupMessage. */
export interface ClientIdentity {
  readonly user: string
  /** Without an alias's `@NAME`. */
  readonly database: string
  readonly applicationName: string
  /** From `-c hotswap.version=NAME`, or the alias `app@NAME`. */
  readonly requestedVersion?: string
}

/** An error of our own making, as text. */
export interface ClientError {
  readonly sqlstate: string
  readonly message: string
  readonly detail?: string
  readonly hint?: string
}

/** The version that a client speaks, or why it may not connect. */
export type VersionChoice = { readonly version: string } | { readonly error: ClientError }

export type ChooseVersion = (client: ClientIdentity) => VersionChoice

/** The log, in pino's shape. Never given literals or passwords. */
export interface ProxyLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  debug(fields: object, message: string): void
}

export interface Address {
  readonly host: string
  readonly port: number
}

/** Bounds on what one session may make us keep; all have defaults (`defaultLimits`). */
export interface ProxyLimits {
  /** Milliseconds from accept to the end of authentication; PostgreSQL's authentication_timeout. */
  readonly startupMs: number
  /** Milliseconds to reach the server. */
  readonly connectMs: number
  /** Bytes of the longest message that we must see whole (Query, Parse, Bind, ...). */
  readonly messageBytes: number
  /** Bytes kept of a session whose work is held; beyond, TCP back-pressure. */
  readonly heldBytes: number
  /** Bytes of the longest batch kept for one retry after `refresh`. */
  readonly retryBytes: number
}

export interface ProxyOptions {
  readonly listen: Address
  readonly upstream: Address
  /** The managed database. Sessions to any other are relayed untouched. */
  readonly database: string
  readonly generations: GenerationSource
  readonly gate: HoldGate
  readonly chooseVersion: ChooseVersion
  readonly migrator?: MigratorHook
  readonly control?: ControlHook
  readonly limits?: Partial<ProxyLimits>
  readonly log?: ProxyLog
}

/** One client connection, as status pages show it. */
export interface SessionInfo {
  readonly id: number
  /** `relayed`: another database, or replication. */
  readonly kind: 'starting' | 'app' | 'migrator' | 'control' | 'relayed'
  readonly user: string
  readonly database: string
  readonly applicationName: string
  /** The version that it speaks; undefined where nothing is rewritten for it. */
  readonly version: string | undefined
  readonly pid: number | undefined
  /** `held`: its next transaction waits at the gate. */
  readonly state: 'starting' | 'idle' | 'active' | 'transaction' | 'failed' | 'held'
  /** Date.now() at accept. */
  readonly since: number
}

/** Totals since the proxy started, over statements of sessions in the managed database. */
export interface ProxyCounters {
  readonly connections: number
  /** Query and Parse messages looked at. */
  readonly statements: number
  readonly rewritten: number
  readonly refused: number
  /** Statements of older versions that look at tables in the system catalogs, which show the newest version's. */
  readonly catalogReads: number
  /** Statements prepared again because the generation or version changed. */
  readonly reprepared: number
  /** Batches processed again after `refresh`. */
  readonly retried: number
}

/** A running proxy. */
export interface Proxy {
  readonly host: string
  readonly port: number
  sessions(): readonly SessionInfo[]
  counters(): ProxyCounters
  /** Stops listening, lets transactions end until the deadline, then closes what is left. */
  close(options?: { readonly deadlineMs?: number }): Promise<void>
}

export type StartProxy = (options: ProxyOptions) => Promise<Proxy>
export type CreateHoldGate = () => HoldGate
