import type { SeenCatalog, TextQuery } from '../catalog/introspect.js'
import type { RuleFile } from '../config/rule-file.js'
import { errorFields } from '../proxy/client-error.js'
import type { Blocker, ClientError, MigratorSession, ProxyLog } from '../proxy/contracts.js'
import type { ErrorFields } from '../rewrite/outcome.js'
import type { Parser } from '../sql/parse.js'
import type { MadeStep } from './check/touched.js'
import type { BudgetedCheck, Checkup } from './plan-within.js'
import type { AtPoint } from './switch-point.js'
import type { SwitchAccess } from './version-source.js'

/** A migration as it was asked for, after the checks that need no database. */
export interface Migration {
  /** What `migrate` called it: the version that it leads to, unless an armed rule file names it. */
  readonly name: string
  readonly sql: string
  /** The rule file that came with it. */
  readonly rules: RuleFile | undefined
}

/** One try of a migration. */
export interface Attempt {
  readonly session: MigratorSession
  readonly migration: Migration
  /** The catalog, as it was seen before the transaction. */
  readonly seen: SeenCatalog | undefined
  readonly access: SwitchAccess
  /** Fires when the client has left. */
  readonly signal: AbortSignal
  /** The control connection. */
  readonly control: TextQuery
  readonly lockTimeoutMs: number
  readonly parser: Parser
  readonly check: BudgetedCheck | undefined
  /** SQL that the transaction begins with (HoldOutcome). */
  readonly enter: string | undefined
  readonly at: AtPoint
  readonly log: ProxyLog
  /** Milliseconds for the file from its first statement on. */
  readonly runMs: number
}

/** How a try ended. After `gave way` another try is worth while. */
export type AttemptOutcome =
  | {
      readonly kind: 'committed'
      readonly version: string
      readonly changed: readonly string[]
      readonly made: MadeStep
      /** What old statements do not survive, where that was allowed. */
      readonly broken: readonly string[]
      readonly checked: Checkup | undefined
    }
  | { readonly kind: 'failed'; readonly error: ErrorFields; readonly differences: readonly string[] }
  | { readonly kind: 'gave way'; readonly reason: string; readonly blockers: readonly Blocker[] }

export function failed(error: ClientError, differences: readonly string[] = []): AttemptOutcome {
  return { kind: 'failed', error: errorFields(error), differences }
}

export function gaveWay(reason: string, blockers: readonly Blocker[] = []): AttemptOutcome {
  return { kind: 'gave way', reason, blockers }
}
