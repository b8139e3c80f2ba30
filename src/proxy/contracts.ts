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

/** What the server says of a statement that it has parsed. Names are ByteStrings. */
export type Description =
  | {
      readonly ok: true
      /** Type oids. */
      readonly parameters: readonly number[]
      readonly fields: readonly { readonly name: string; readonly typeOid: number; readonly typmod: number }[]
    }
  | { readonly ok: false; readonly error: ErrorFields }

/** What a hook answers to the client's Query. */
export type HookReply =
  | { readonly ok: true; readonly tag: string; readonly notices: readonly string[] }
  | { readonly ok: false; readonly error: ErrorFields }

/** A statement of which it is asked what the server makes of it. */
export interface UnknownStatement {
  /** ByteString. */
  readonly text: string
  readonly parameterOids: readonly number[]
}

/** A session that runs a migration, as the migrator hook sees it. */
export interface MigratorSession {
  readonly user: string
  readonly database: string
  readonly applicationName: string
  /** What a tool's other session has written in a ledger, in a transaction that is open: Flyway's entry is not made in that of the DDL. */
  readonly recordedBeside: string | undefined
  /** The server's backend; until learnPid() was called maybe one that a pooler made up. */
  readonly pid: number | undefined
  /** It was started with `-c hotswap.allow_breaking=on`: what would break old statements is told, not refused. */
  readonly allowBreaking: boolean
  /** Runs SQL on the session's own server connection. Rejects only when the server connection is lost. */
  query(sql: string): Promise<InternalResult>
  /** Asks the session itself which backend it has, where that is not certain: to be called before `pid` is relied on. */
  learnPid(): Promise<void>
  /**
   * Parses and describes statements without running them, all in one batch. In a transaction block an error fails the
   * block: nothing is said of those after the first one that has an error.
   */
  describe(statements: readonly UnknownStatement[]): Promise<readonly Description[]>
  /** Sends a NoticeResponse (severity NOTICE) to the client at once. */
  notice(text: string): void
}

/** Runs each Query of a session that was started with `-c hotswap.migrate=NAME`. */
export interface MigratorHook {
  /** `signal` fires when the client or the server of the session vanishes. `name` is the option's value. */
  run(session: MigratorSession, text: string, name: string, signal: AbortSignal): Promise<HookReply>
}

/** What a statement of a migration tool does, as far as its text tells. */
export interface ToolStatement {
  /**
   * `shape`: it may change what old statements see, so traffic is held before it runs. `alone`: PostgreSQL runs it outside
   * transaction blocks only. `ledger`: it writes the table in which a tool keeps what it has run.
   */
  readonly kind: 'shape' | 'neutral' | 'ledger' | 'begin' | 'commit' | 'rollback' | 'prepare transaction' | 'alone'
  /** The statement alone (ByteString). */
  readonly text: string
  /** Characters (of the client's encoding, taken as bytes where it is not UTF-8) of the whole text before it. */
  readonly offset: number
  /** Tables that it alters, as its text names them: only their owner's statement holds anybody. */
  readonly alters: readonly string[]
  /** A function that it makes, without its schema. */
  readonly makes?: string
  /** What a ledger calls the migration that it records, or the number of the parameter that says so. */
  readonly records?: { readonly name: string } | { readonly parameter: number }
  /** The migration is recorded before it runs, outside its transaction. */
  readonly recordsAhead?: true
}

/** Sessions that run migrations by themselves, statement by statement: tools, psql (decision 18). */
export interface ToolHook {
  /**
   * The statements of a text; undefined where it cannot be parsed, and the server will say so. `made`: functions that the
   * session has made, which nobody else may see yet.
   */
  read(text: string, made?: ReadonlySet<string>): readonly ToolStatement[] | undefined
  /** Tables in which tools keep what they have run, folded, without their schema. */
  readonly ledgers: readonly string[]
  /** True where DDL that changes shapes is refused in sessions that are no tools. */
  readonly guarded: boolean
  open(session: MigratorSession, signal: AbortSignal): ToolMigration
}

/** The migrations of one tool's session, one transaction after the other. All of it runs inside a transaction block. */
export interface ToolMigration {
  /** True from the first `shape` statement of a transaction to its end. */
  readonly switching: boolean
  /** Takes note of a statement that ran, or is to run. */
  note(statement: ToolStatement): void
  /** Takes note of the parameter that a ledger's entry is bound to. */
  noteName(statement: ToolStatement, value: Uint8Array): void
  /**
   * Runs a `shape` statement by `execute`, traffic held; where the lock is not to be had, again after a pause, as long as
   * nothing else of the transaction holds anybody up.
   */
  run(statement: ToolStatement, execute: () => Promise<InternalResult>): Promise<InternalResult>
  /** Compares, checks, stores and commits; where it is refused the transaction is rolled back, and the answer is an error. */
  commit(): Promise<InternalResult>
  /** To be called where the transaction has ended in another way, or the session is gone. */
  abandon(): void
  /** What the session's transaction has called the migration in a ledger, last. */
  readonly recorded: string | undefined
  /** Why the transaction of the session was ended by us, told once. */
  reason(): ClientError | undefined
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

/** What decides the meaning of the names in a session's statements. */
export interface SpeakingSession {
  readonly identity: ClientIdentity
  /** The version that it speaks. */
  readonly versionName: string
  /** current_user, as far as it was asked; undefined before. */
  readonly role: string | undefined
  /** As reported by ParameterStatus (PostgreSQL 18), or as it was asked last; undefined before. */
  readonly searchPath: string | undefined
  readonly standardConformingStrings: boolean
  readonly clientEncoding: string
}

/** A server connection whose session is about to serve its client. */
export interface NewBackend {
  /** As its BackendKeyData has it, which a pooler in between makes up; undefined where there was none. */
  readonly pid: number | undefined
  /** What its session is to speak. */
  readonly version: string
  /** Asks on the connection itself for pg_backend_pid(). */
  ask(): Promise<number>
}

/** `busy`: the server may still work for it; `maybe reset`: so it may, and the session may have sent DISCARD ALL before. */
export type SessionEnd = 'idle' | 'busy' | 'maybe reset'

export type Admitted =
  /** `pid` is the backend; `left` is to be called when the session ends. */
  | { readonly ok: true; readonly pid: number; left(end: SessionEnd): void }
  | { readonly ok: false; readonly error: ClientError }

/** Decides whether app sessions may serve; other proxies have to know of them first. */
export interface Admission {
  admit(backend: NewBackend): Promise<Admitted>
  /** A session that is not admitted says that the backend is its own: whoever had it before has come to an end. */
  taken(pid: number): Promise<void>
  /** A session that serves speaks another version from now on; why it may not, where it has to end. */
  speak(version: string): Promise<ClientError | undefined>
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
  readonly tools?: ToolHook
  readonly control?: ControlHook
  readonly admission?: Admission
  /** Told of each text that an app's session sends, and of the end of its Parse (its parameter types); must be quick. */
  readonly recorded?: (session: SpeakingSession, text: string, types: Buffer | undefined) => void
  readonly limits?: Partial<ProxyLimits>
  readonly log?: ProxyLog
}

/** One client connection, as status pages show it. */
export interface SessionInfo {
  readonly id: number
  /** `relayed`: another database, or replication. */
  readonly kind: 'starting' | 'app' | 'migrator' | 'tool' | 'control' | 'relayed'
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
  /** Statements that name what only a newer version has, and were taken for its. */
  readonly newer: number
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
  /** Lets app sessions that speak `from` speak `to` from their next transaction on; gives how many. */
  moveSessions(from: string, to: string): number
  /** Ends all sessions of apps, at once. */
  endSessions(error: ClientError): void
  /** Stops listening, lets transactions end until the deadline, then closes what is left. */
  close(options?: { readonly deadlineMs?: number }): Promise<void>
}

export type StartProxy = (options: ProxyOptions) => Promise<Proxy>
export type CreateHoldGate = () => HoldGate
