import type { RangeVariable } from '../resolve/range-variable.js'
import type { StarReference } from '../resolve/reference.js'

/**
 * True where the columns of a `*` cannot be written one by one: some have no name that means just them. The tables
 * that gained columns are then shown as subqueries, and the `*` stays.
 */
export function isUnlistable(reference: StarReference): boolean {
  const { visible, range } = reference
  if (range !== undefined) return hasDuplicates(range)
  const ranges = new Set([...visible.columns.map((column) => column.range), ...visible.unknown])
  for (const shown of ranges) if (!visible.ranges.includes(shown)) return true
  if (!visible.columns.some((column) => column.merged)) {
    return [...ranges].some((shown) => shown.joined !== undefined && hasDuplicates(shown))
  }
  if (visible.unknown.length > 0 || [...ranges].some(hasDuplicates)) return true
  const names = visible.columns.map((column) => column.name)
  return visible.columns.some(({ merged, name }) => merged && names.indexOf(name) !== names.lastIndexOf(name))
}

function hasDuplicates(range: RangeVariable): boolean {
  return range.columns !== undefined && new Set(range.columns).size < range.columns.length
}

/** The range variables of which a `*` shows columns, those inside of join aliases included. */
export function rangesOfStar(reference: StarReference): ReadonlySet<RangeVariable> {
  const ranges = new Set<RangeVariable>()
  const add = (range: RangeVariable): void => {
    ranges.add(range)
    for (const column of range.joined ?? []) add(column.range)
  }
  for (const column of reference.visible.columns) add(column.range)
  return ranges
}
