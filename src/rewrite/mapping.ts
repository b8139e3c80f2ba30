import type { Column, Relation } from '../catalog/catalog.js'

/**
 * How one old column is seen through the new relation. Today a column of the new relation under another (or the same)
 * name; later kinds (computed, dropped, retyped) join this union and the compiler lists the places that must know.
 */
export type ColumnMapping = { readonly kind: 'column'; readonly name: string }

/** A value that an old INSERT must give to a column it does not know. */
export interface InsertValue {
  readonly column: string
  /** Exactly one SQL expression, without references to columns. */
  readonly expression: string
}

/** How one changed relation of the older version is seen through the newer one. */
export interface RelationMapping {
  readonly before: Relation
  readonly after: Relation
  /** By old column name; an entry for every old column, changed or not. */
  readonly columns: ReadonlyMap<string, ColumnMapping>
  /** Columns of `after` that `before` does not have. */
  readonly added: readonly Column[]
  readonly insert: readonly InsertValue[]
}

/** How the older version of a step is seen through the newer one. Relations that are absent here did not change. */
export interface Mapping {
  /** By oid of the older version's relation. */
  readonly relations: ReadonlyMap<number, RelationMapping>
}

/** True where a new column is NOT NULL and has no default: only the rule's value lets an old INSERT succeed. */
export function columnsOnlyRulesFill(change: RelationMapping): boolean {
  return change.added.some(
    (column) => column.notNull && !column.hasDefault && column.identity === 'none' && column.generated === 'none',
  )
}
