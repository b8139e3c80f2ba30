import type { RangeVar } from 'libpg-query'
import type { Relation } from '../catalog/catalog.js'
import type { VisibleColumn } from './scope.js'

/**
 * Where a range variable stands, which decides how it can be shown.
 * - `from`: an item of FROM or USING; may have an alias and column aliases
 * - `target`: what INSERT, UPDATE, DELETE or MERGE changes; may have an alias, never column aliases
 * - `pseudo`: `excluded`, `old` and `new`, which follow their target and have no text of their own
 * - `name`: a bare relation name (COPY, TRUNCATE, LOCK), where no alias can stand
 * - `function`: a function in FROM that gives rows of a relation; may have an alias and column aliases
 * - `opaque`: a subquery, CTE, function or join alias, whose column names are the statement's own
 */
export type RangeRole = 'from' | 'target' | 'pseudo' | 'name' | 'function' | 'opaque'

/** A name that FROM or a DML target brings into scope. */
export interface RangeVariable {
  readonly role: RangeRole
  /** The name that qualified references use; undefined for a subquery or join without alias. */
  readonly name: string | undefined
  /** The schema that a three-part reference may name; only of a relation without alias. */
  readonly schema: string | undefined
  /** The catalog relation behind it; undefined where it is opaque or unknown to the catalog. */
  readonly relation: Relation | undefined
  /** Visible column names in order, after column aliases; undefined where they cannot be known. */
  readonly columns: readonly string[] | undefined
  /** Of an opaque range variable whose columns are not all known: those that are. */
  readonly some?: readonly string[]
  /** How many leading columns an alias list of the statement renames. */
  readonly aliased: number
  readonly node: RangeVar | undefined
  /** Of a range variable inside of a join with an alias: how the alias shows its columns. */
  inJoin?: 'by name' | 'by position'
  /** Of a join alias: the columns it shows, before its own column list. */
  readonly joined?: readonly VisibleColumn[]
}

/** Columns that every table has and no `*` shows (PostgreSQL: System Columns). */
export const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(['tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid'])
