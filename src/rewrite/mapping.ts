import type { Column, Relation } from '../catalog/catalog.js'
import type { ChangedObject } from '../catalog/diff-objects.js'
import type { Difference } from '../catalog/difference.js'

/** How one old column is seen through the new relation. */
export type ColumnMapping = PlainColumn | ComputedColumn

/** A column of the new relation, under another or the same name, with the same type. */
export interface PlainColumn {
  readonly kind: 'column'
  readonly name: string
}

/**
 * An old column that no new column shows as it was: retyped, dropped, split, merged, or with other values.
 *
 *     name text = first || ' ' || last        first = split_part(value, ' ', 1), last = split_part(value, ' ', 2)
 */
export interface ComputedColumn {
  readonly kind: 'computed'
  /** The old type with its length, as it stands after `::` in the newer version. */
  readonly type: string
  /** What old statements read, over the new relation's columns. */
  readonly read: Expression
  /** What old statements write, over `value`, which has the old type. Empty: the value is checked and discarded. */
  readonly writes: readonly ColumnWrite[]
  /** False: nothing says what the new columns become where an old statement writes it, so such statements are refused. */
  readonly writable?: false
  /** What became of it, where nothing can be read of it or written to it: statements that do are refused. */
  readonly lost?: Difference
  /** True where NULL is written as NULL. */
  readonly keepsNull?: true
  /** Of an enum: what its old labels are called now, where identity or their names show it. */
  readonly labels?: ReadonlyMap<string, string>
  /** Where the old column was NOT NULL and nothing is written any more: the setting that tells of a NULL (dropped-not-null). */
  readonly notNull?: string
  /** The one new column that holds the value, where its index may serve old predicates. */
  readonly key?: KeyColumn
}

export interface ColumnWrite {
  /** The new column. */
  readonly column: string
  readonly expression: Expression
}

/**
 * How old predicates may use an index of the new column (decision 6). With x of the old type and n the column's value:
 * - `injective`: `read(n) = x` implies `n = write(x)`
 * - `total`: `write(x)` fails for no x, and `read(write(x)) = x`
 * - `monotone`: `read(n) < read(m)` exactly where `n < m`
 * - `comparable`: n compares with values of the old type by operators of its own index, with the answers of old times
 *   (integer and bigint, varchar and text): no `write` is needed
 */
export interface KeyColumn extends KeyProperties {
  readonly column: string
  readonly write: Expression
  /** Where `write` is not total: a condition on `value` under which it fails not. */
  readonly guard?: Expression
}

export interface KeyProperties {
  readonly injective: boolean
  readonly total: boolean
  readonly monotone: boolean
  readonly comparable: boolean
}

/**
 * Exactly one SQL expression: SQL text (ByteString) with places for columns, or for `value`. Its functions, operators and
 * types are pinned to schemas, so that it means the same in every session (decision 23).
 */
export type Expression = readonly (string | ExpressionPlace)[]

export interface ExpressionPlace {
  readonly column: string
}

/** A value that an old INSERT must give to a column it does not know. */
export interface InsertValue {
  readonly column: string
  /** Exactly one SQL expression, without references to columns. */
  readonly expression: string
  /** The old column that gives the value where an INSERT lists it; then this one is not needed. */
  readonly unless?: string
}

/**
 * A new column that several old ones became: what old statements write to any of them changes it.
 *
 *     name = first || ' ' || last        places: the old columns first, last
 */
export interface MergedColumn extends ColumnWrite {
  /** What old INSERTs give to the old columns in the expression that they do not list, as SQL text, by old name. */
  readonly defaults: ReadonlyMap<string, string>
  /** What it is given where an INSERT lists none of them; absent: its own default, NULL, says the same. */
  readonly unlisted?: string
}

/** How one changed relation of the older version is seen through the newer one. */
export interface RelationMapping {
  readonly before: Relation
  readonly after: Relation
  /** By old column name; an entry for every old column, changed or not. */
  readonly columns: ReadonlyMap<string, ColumnMapping>
  /** Columns of `after` that no old column is, those that computed columns are read from among them. */
  readonly added: readonly Column[]
  readonly insert: readonly InsertValue[]
  readonly merged?: readonly MergedColumn[]
}

export type { ChangedObject } from '../catalog/diff-objects.js'

/** How the older version of a step is seen through the newer one. What is absent here did not change. */
export interface Mapping {
  /** By oid of the older version's relation. */
  readonly relations: ReadonlyMap<number, RelationMapping>
  /** Renamed, moved or rebuilt data types and functions, by oid of the older version's. */
  readonly objects?: ReadonlyMap<number, ChangedObject>
}

/** True where a new column is NOT NULL and has no default: only the rule's value lets an old INSERT succeed. */
export function columnsOnlyRulesFill(change: RelationMapping): boolean {
  return change.added.some(
    (column) => column.notNull && !column.hasDefault && column.identity === 'none' && column.generated === 'none',
  )
}

/** The new name of an old column that is a column still; undefined for a computed one. */
export function plainName(column: ColumnMapping | undefined): string | undefined {
  return column?.kind === 'column' ? column.name : undefined
}

/** The computed column of this old name; undefined for all others. */
export function computedColumn(change: RelationMapping | undefined, name: string): ComputedColumn | undefined {
  const column = change?.columns.get(name)
  return column?.kind === 'computed' ? column : undefined
}

/** True where old columns have other names now, or are computed. */
export function hasOtherColumns(change: RelationMapping): boolean {
  return [...change.columns].some(([name, column]) => plainName(column) !== name)
}

/** True where the columns of the new relation, one after the other, are not those of the old one under other names. */
export function isReshaped(change: RelationMapping): boolean {
  const { before, after, columns } = change
  return (
    after.columns.length !== before.columns.length ||
    before.columns.some((column, index) => plainName(columns.get(column.name)) !== after.columns[index]?.name)
  )
}

/** New columns that some computed column is written to or read from: added, but old statements do reach them. */
export function columnsBehind(change: RelationMapping): ReadonlySet<string> {
  const names = new Set<string>()
  for (const column of change.columns.values()) {
    if (column.kind !== 'computed') continue
    for (const part of column.read) if (typeof part !== 'string') names.add(part.column)
    for (const { column: name } of column.writes) names.add(name)
  }
  for (const { column } of change.merged ?? []) names.add(column)
  return names
}
