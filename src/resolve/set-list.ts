import type { Node } from 'libpg-query'
import type { Place, ResolveContext } from './context.js'
import { resolveExpression } from './expression.js'
import { locationOf, stringOf } from './node.js'
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
    resolveTargetFields(context, place, target, name, indirection)
    if (val !== undefined && 'MultiAssignRef' in val) {
      // `SET (a, b) = source` repeats its source in every column's node; it stands once in the text.
      if (val.MultiAssignRef.colno === 1) resolveExpression(context, place, val.MultiAssignRef.source)
    } else {
      resolveExpression(context, place, val)
    }
  }
}

/** `SET lead.name = ...`, `SET members[1].name = ...`: fields of a composite column. */
export function resolveTargetFields(
  context: ResolveContext,
  place: Place,
  target: RangeVariable,
  column: string,
  indirection: readonly Node[] | undefined,
): void {
  for (const [index, part] of (indirection ?? []).entries()) {
    const name = stringOf(part)
    if (name === undefined) continue
    const typeOid = index > 0 ? undefined : target.relation?.columns.find((one) => one.name === column)?.typeOid
    context.references.push({ kind: 'field', name, typeOid })
  }
  resolveExpression(context, place, indirection)
}
