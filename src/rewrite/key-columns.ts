import type { ColumnRef } from 'libpg-query'
import type { RangeVariable } from '../resolve/range-variable.js'
import type { ColumnReference, ComparisonReference, Reference, SortReference } from '../resolve/reference.js'
import { guardedKey } from './input-guard.js'
import { type ComputedColumn, computedColumn, type KeyColumn } from './mapping.js'
import type { StepFacts } from './plan-context.js'
import type { Shown } from './presentation.js'
import { referencesByRange } from './references-of-range.js'
import { isUnlistable, rangesOfStar } from './star-list.js'

/** A new column that a derived table shows besides the old ones, so that predicates can use its index. */
export interface KeyUse {
  readonly column: string
  /** A name that no statement means. */
  readonly name: string
}

/** Per range variable that is shown as a derived table: its key columns, by old column name. */
export type KeyUses = ReadonlyMap<RangeVariable, ReadonlyMap<string, KeyUse>>

/** The bound column reference of each ColumnRef node. */
export type BoundColumns = ReadonlyMap<ColumnRef, ColumnReference>

/** What the planners of comparisons, sorts and groups need; empty where nothing is computed or derived. */
export interface KeyFacts {
  readonly keys: KeyUses
  readonly bound: BoundColumns
  readonly serverVersion: number
}

const NO_KEYS: KeyFacts = { keys: new Map(), bound: new Map(), serverVersion: 0 }

/** Finds the key columns that comparisons and sorts of a statement can use. */
export function findKeys(
  references: readonly Reference[],
  step: StepFacts,
  shown: ReadonlyMap<RangeVariable, Shown>,
): KeyFacts {
  if (!step.computes && ![...shown.values()].some((show) => show.as === 'derived')) return NO_KEYS
  const bound = new Map<ColumnRef, ColumnReference>()
  for (const reference of references) if (reference.kind === 'column') bound.set(reference.node, reference)
  const keys = new Map<RangeVariable, Map<string, KeyUse>>()
  const numbers = new Map([...shown.keys()].map((range, number) => [range, number]))
  const referencesOf = referencesByRange(references)
  for (const reference of references) {
    const target =
      reference.kind === 'comparison' ? bound.get(reference.column) : reference.kind === 'sort' ? reference : undefined
    if (target === undefined) continue
    const { range } = target
    const show = shown.get(range)
    if (show?.as !== 'derived' || show.change === undefined || !canShowMore(range, referencesOf(range))) continue
    const name = show.change.before.columns[target.index]?.name ?? ''
    const computed = computedColumn(show.change, name)
    const key = computed === undefined ? undefined : guardedKey(computed, step.after.serverVersion)
    if (key === undefined || !serves(reference, key)) continue
    const attnum = show.change.after.columns.find((column) => column.name === key.column)?.attnum
    const own = keys.get(range) ?? new Map<string, KeyUse>()
    own.set(name, { column: key.column, name: `hotswap key ${step.number}.${numbers.get(range)}.${attnum}` })
    keys.set(range, own)
  }
  return { keys, bound, serverVersion: step.after.serverVersion }
}

/** Whether an index of the key column can help here. */
function serves(reference: Reference, key: KeyColumn): boolean {
  if (reference.kind === 'sort') return key.monotone
  return reference.kind === 'comparison' && (key.comparable || canFollow(reference, key))
}

/** Whether a condition on the key column follows from the comparison. */
export function canFollow(reference: ComparisonReference, key: KeyColumn): boolean {
  if (reference.operator === '=' && reference.form !== 'between') {
    return key.injective && (key.total || key.guard !== undefined)
  }
  return key.injective && key.total && key.monotone
}

/** A column more would be seen in a whole row, in a `*` that cannot be listed, and by a join alias that counts columns. */
function canShowMore(range: RangeVariable, references: readonly Reference[]): boolean {
  if (range.inJoin !== undefined) return false
  return !references.some(
    (reference) =>
      (reference.kind === 'whole-row' && reference.range === range) ||
      (reference.kind === 'star' && isUnlistable(reference) && rangesOfStar(reference).has(range)),
  )
}

/** The computed column that a comparison or a sort is about, with the SQL name of its key column. */
export function keyOf(
  facts: KeyFacts,
  shown: ReadonlyMap<RangeVariable, Shown>,
  target: Pick<ColumnReference | SortReference, 'range' | 'index'>,
): { readonly column: ComputedColumn; readonly key: KeyColumn; readonly name: string } | undefined {
  const show = shown.get(target.range)
  const name = show?.change?.before.columns[target.index]?.name ?? ''
  const column = computedColumn(show?.change, name)
  const key = column === undefined ? undefined : guardedKey(column, facts.serverVersion)
  if (column === undefined || key === undefined) return undefined
  const derived = facts.keys.get(target.range)?.get(name)?.name
  const own = target.range.role === 'target' ? key.column : derived
  return own === undefined ? undefined : { column, key, name: own }
}
