import type { Blocker } from '../proxy/contracts.js'
import type { Checkup } from './plan-within.js'

/** What became of a migration; a NOTICE of its own carries it to the client, as JSON. */
export interface MigrationReport {
  readonly ok: boolean
  /** The version that the migration leads to. */
  readonly version: string
  readonly tries: number
  /** Milliseconds that traffic was held, over all tries. */
  readonly heldMs: number
  /** Milliseconds of the longest hold. */
  readonly longestHoldMs: number
  /** Relations that old statements see otherwise now, as `public.users -> public.people`. */
  readonly changed: readonly string[]
  /** A rule file that declares the step, so that it outlives the proxy; only where it was migrated. */
  readonly rule?: string
  /** In place of it, where its author has to fill in what lost columns are, `...` in it. */
  readonly fillIn?: string
  /** What old statements do not survive, where that was allowed. */
  readonly broken: readonly string[]
  /** Statements of the running app that were checked before COMMIT, and what could not be. */
  readonly checked?: Checkup
  /** Why it was refused. */
  readonly differences: readonly string[]
  /** What it gave way to, at the last try. */
  readonly blockers: readonly Blocker[]
}

const prefix = 'hotswap.report '

export function encodeReport(report: MigrationReport): string {
  return `${prefix}${JSON.stringify(report)}`
}

/** The report in a NOTICE's text; undefined for any other notice. */
export function decodeReport(notice: string): MigrationReport | undefined {
  return notice.startsWith(prefix) ? (JSON.parse(notice.slice(prefix.length)) as MigrationReport) : undefined
}
