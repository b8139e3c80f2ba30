import type { Relation } from './catalog.js'

/**
 * Relations as they are now; those that are what they were are the earlier objects, so that whoever compares two catalogs
 * sees at once what did not change.
 */
export function keepRelations(now: readonly Relation[], earlier: ReadonlyMap<number, Relation>): readonly Relation[] {
  return now.map((relation) => {
    const old = earlier.get(relation.oid)
    return old !== undefined && isSameData(old, relation) ? old : relation
  })
}

/** Compares what JSON can hold; absent and undefined are the same. */
function isSameData(left: unknown, right: unknown): boolean {
  if (left === right) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false
    return left.every((item, index) => isSameData(item, right[index]))
  }
  const [some, others] = [left as Record<string, unknown>, right as Record<string, unknown>]
  for (const key in some) if (!isSameData(some[key], others[key])) return false
  for (const key in others) if (others[key] !== undefined && some[key] === undefined) return false
  return true
}
