import type { RangeVariable } from '../resolve/range-variable.js'
import type { MergedReference, Reference } from '../resolve/reference.js'
import type { VisibleColumn } from '../resolve/scope.js'
import { withoutLength } from './computed.js'
import { computedColumn } from './mapping.js'
import type { StepFacts } from './plan-context.js'
import type { Shown } from './presentation.js'
import { isUnlistable, rangesOfStar } from './star-list.js'

/**
 * Computed columns that USING or NATURAL compares, where the key columns of all sides compare as the old columns did: the
 * join then uses their indexes. Their references are read as the old type one by one.
 *
 *     users JOIN orders USING (id), both integer before and bigint now  =>  both ids are shown as bigint
 */
export function rawColumns(
  references: readonly Reference[],
  step: StepFacts,
  shown: ReadonlyMap<RangeVariable, Shown>,
): ReadonlyMap<RangeVariable, ReadonlySet<string>> {
  const groups: (readonly VisibleColumn[])[] = []
  for (const reference of references) if (reference.kind === 'merged') addToGroup(groups, reference)
  const raw = new Map<RangeVariable, Set<string>>()
  for (const group of groups) {
    const columns = group.map((column) => rawColumnOf(column, step, shown, references))
    const types = new Set(columns.map((column) => column?.type))
    // Where one side stayed, the merged column would take the type of the other.
    if (types.size !== 1 || types.has(undefined)) continue
    group.forEach(({ range }, index) => {
      const column = columns[index]
      if (column !== undefined) raw.set(range, (raw.get(range) ?? new Set()).add(column.name))
    })
  }
  return raw
}

/** A chain of USING merges one column from many sides. */
function addToGroup(groups: (readonly VisibleColumn[])[], { left, right }: MergedReference): void {
  const own = [left, right]
  const same = (one: VisibleColumn, other: VisibleColumn) => one.range === other.range && one.index === other.index
  for (let index = groups.length - 1; index >= 0; index--) {
    const group = groups[index] ?? []
    if (!group.some((column) => own.some((one) => same(one, column)))) continue
    own.push(...group.filter((column) => !own.some((one) => same(one, column))))
    groups.splice(index, 1)
  }
  groups.push(own)
}

interface RawColumn {
  readonly name: string
  /** The old type without its length. */
  readonly type: string
}

function rawColumnOf(
  { range, index }: VisibleColumn,
  step: StepFacts,
  shown: ReadonlyMap<RangeVariable, Shown>,
  references: readonly Reference[],
): RawColumn | undefined {
  const old = range.relation?.columns[index]
  if (old === undefined || range.role !== 'from' || index < range.aliased) return undefined
  const computed = computedColumn(step.mapping.relations.get(range.relation?.oid ?? 0), old.name)
  const type = withoutLength(old.type)
  const whole = references.some(
    (reference) =>
      (reference.kind === 'whole-row' && reference.range === range) ||
      (reference.kind === 'star' && isUnlistable(reference) && rangesOfStar(reference).has(range)),
  )
  if (computed?.key?.comparable !== true || range.inJoin !== undefined || whole) return undefined
  return shown.get(range)?.as === 'derived' ? { name: old.name, type } : undefined
}
