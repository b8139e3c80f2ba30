import type { Node } from 'libpg-query'
import type { Place, ResolveContext } from './context.js'
import { resolveExpression } from './expression.js'
import { locationOf, stringOf } from './node.js'
import { resolveQuery } from './query.js'
import type { RangeVariable } from './range-variable.js'
import type { Assignment, WrittenName } from './reference.js'

/** Resolves SET: left sides are the target's columns, right sides are expressions. */
export function resolveSetList(
  context: ResolveContext,
  place: Place,
  target: RangeVariable,
  items: readonly Node[] | undefined,
): void {
  const assignments: Assignment[] = []
  for (const item of items ?? []) {
    if (!('ResTarget' in item)) continue
    const { name = '', indirection, val } = item.ResTarget
    const location = locationOf(item.ResTarget)
    context.references.push({ kind: 'target-column', range: target, name, location, place: undefined })
    resolveTargetFields(context, place, target, name, indirection)
    const written: WrittenName = { name, location, inside: indirection !== undefined }
    const last = assignments.at(-1)
    if (val === undefined) continue
    if (!('MultiAssignRef' in val)) {
      resolveExpression(context, place, val)
      assignments.push({ names: [written], value: val, several: false, width: undefined })
    } else if (val.MultiAssignRef.colno === 1) {
      const { source } = val.MultiAssignRef
      if (source === undefined) continue
      assignments.push({ names: [written], value: source, several: true, width: resolveSource(context, place, source) })
    } else if (last !== undefined) {
      // `SET (a, b) = source` repeats its source in every column's node; it stands once in the text.
      assignments[assignments.length - 1] = { ...last, names: [...last.names, written] }
    }
  }
  context.references.push({ kind: 'set-list', range: target, assignments })
}

/** Resolves the source of several columns; returns the number of columns that a sub-SELECT gives. */
function resolveSource(context: ResolveContext, place: Place, source: Node): number | undefined {
  if (!('SubLink' in source)) {
    resolveExpression(context, place, source)
    return undefined
  }
  const { subselect } = source.SubLink
  if (subselect === undefined || !('SelectStmt' in subselect)) return undefined
  return resolveQuery(context, { ...place, outermost: false }, subselect.SelectStmt)?.length
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
