import type { Namespace } from './namespace.js'
import type { RangeReference, Reference, RowUse } from './reference.js'
import type { Scope } from './scope.js'

/** A CTE in scope; its columns are undefined where they cannot be known. */
export interface CteScope {
  readonly name: string
  readonly columns: readonly string[] | undefined
  readonly outer: CteScope | undefined
}

/** What the walk over one statement shares: where names are looked up, and what was found so far. */
export interface ResolveContext {
  readonly namespace: Namespace
  readonly references: Reference[]
}

/** Where in the statement the walk is. */
export interface Place {
  readonly scope: Scope | undefined
  readonly ctes: CteScope | undefined
  /** How a whole row at this place is used. */
  readonly rowUse: RowUse
  /** True where only bare column names may stand. */
  readonly bareOnly: boolean
  /** True for the target list of the statement itself, whose columns the client sees. */
  readonly outermost: boolean
}

export const STATEMENT_PLACE: Place = {
  scope: undefined,
  ctes: undefined,
  rowUse: 'type',
  bareOnly: false,
  outermost: true,
}

export function findCte(ctes: CteScope | undefined, name: string): CteScope | undefined {
  for (let cte = ctes; cte !== undefined; cte = cte.outer) if (cte.name === name) return cte
  return undefined
}

/** Tells the range references of one query level of each other. */
export function linkSiblings(references: readonly RangeReference[]): void {
  const siblings = references.map((reference) => reference.range)
  for (const reference of references) reference.siblings = siblings
}
