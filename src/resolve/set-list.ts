import type { Node } from 'libpg-query'
import type { Place, ResolveContext } from './context.js'
import { resolveExpression } from './expression.js'
import { locationOf } from './node.js'
import type { RangeVariable } from './range-variable.js'

/** Resolves SET: left sides are the target's columns, right sides are expressions. */
export function resolveSetList(
  context: ResolveContext,
  place: Place,
  target: RangeVariable,
  items: readonly Node[] | undefined,
): void {
  for (const item of items ?? []) {
    if (!('ResTarget' in item)) continue
    const { name = '', indirection, val } = item.ResTarget
    const location = locationOf(item.ResTarget)
    context.references.push({ kind: 'target-column', range: target, name, location, place: undefined })
    resolveExpression(context, place, indirection)
    if (val !== undefined && 'MultiAssignRef' in val) {
      // `SET (a, b) = source` repeats its source in every column's node; it stands once in the text.
      if (val.MultiAssignRef.colno === 1) resolveExpression(context, place, val.MultiAssignRef.source)
    } else {
      resolveExpression(context, place, val)
    }
  }
}
