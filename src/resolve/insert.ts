import type { InsertStmt, Node, OnConflictClause, SelectStmt } from 'libpg-query'
import type { Place, ResolveContext } from './context.js'
import { resolveExpression } from './expression.js'
import { resolveRangeVar } from './from-clause.js'
import { locationOf } from './node.js'
import { type OutputColumns, resolveQuery, resolveWith } from './query.js'
import type { RangeVariable } from './range-variable.js'
import type { InsertSource, WrittenName } from './reference.js'
import { resolveReturning } from './returning.js'
import { joinVisible, type Scope, visibleOf } from './scope.js'
import { resolveSetList, resolveTargetFields } from './set-list.js'

export function resolveInsert(context: ResolveContext, outer: Place, node: InsertStmt): OutputColumns {
  const place: Place = { ...outer, ctes: resolveWith(context, outer, node.withClause) }
  if (node.relation === undefined) return undefined
  const target = resolveRangeVar(context, place, node.relation, 'target')
  const listedNames = resolveColumnList(context, place, target, node.cols)
  const source = resolveSource(context, place, node)
  context.references.push({
    kind: 'insert',
    range: target,
    node: node.relation,
    listed: node.cols?.length,
    listedNames,
    source,
    when: undefined,
    conflictAt: node.onConflictClause === undefined ? undefined : locationOf(node.onConflictClause),
  })
  if (node.onConflictClause !== undefined) resolveConflict(context, place, target, node.onConflictClause)
  return resolveReturning(context, place, node.returningClause, target, visibleOf(target))
}

/** Reports an INSERT column list; returns its names. */
export function resolveColumnList(
  context: ResolveContext,
  place: Place,
  target: RangeVariable,
  items: readonly Node[] | undefined,
): WrittenName[] {
  const names: WrittenName[] = []
  for (const item of items ?? []) {
    if (!('ResTarget' in item)) continue
    const { name = '', indirection } = item.ResTarget
    const location = locationOf(item.ResTarget)
    names.push({ name, location, inside: indirection !== undefined })
    context.references.push({ kind: 'target-column', range: target, name, location, place: undefined })
    resolveTargetFields(context, place, target, name, indirection)
  }
  return names
}

function resolveSource(context: ResolveContext, place: Place, node: InsertStmt): InsertSource {
  const query = node.selectStmt
  if (query === undefined || !('SelectStmt' in query)) return { kind: 'default values' }
  // INSERT ... SELECT is a query inside the statement: the client does not see its columns.
  const columns = resolveQuery(context, { ...place, scope: undefined, outermost: false }, query.SelectStmt)
  const select = query.SelectStmt
  if (select.valuesLists !== undefined && isPlainValues(select)) {
    const rows = select.valuesLists.map((row) => ('List' in row ? (row.List.items ?? []) : []))
    return { kind: 'values', rows }
  }
  return { kind: 'select', columns: columns?.length, arms: armsOf(select) }
}

/** VALUES of its own, without WITH, ORDER BY or LIMIT: its rows are the INSERT's rows. */
function isPlainValues(select: SelectStmt): boolean {
  const { withClause, sortClause, limitCount, limitOffset } = select
  return [withClause, sortClause, limitCount, limitOffset].every((part) => part === undefined)
}

function armsOf(select: SelectStmt): readonly SelectStmt[] {
  if (select.larg === undefined || select.rarg === undefined) return [select]
  return [...armsOf(select.larg), ...armsOf(select.rarg)]
}

function resolveConflict(context: ResolveContext, place: Place, target: RangeVariable, node: OnConflictClause): void {
  const { infer } = node
  const own: Scope = { ...visibleOf(target), parent: undefined }
  if (infer !== undefined) {
    const at = locationOf(infer)
    if (infer.conname !== undefined) {
      context.references.push({ kind: 'constraint', range: target, name: infer.conname, after: locationOf(node) })
    }
    // Inference sees bare names only (transformOnConflictArbiter).
    const inference: Place = { ...place, scope: own, bareOnly: true, outermost: false }
    for (const [index, element] of (infer.indexElems ?? []).entries()) {
      if (!('IndexElem' in element)) continue
      const { name, expr } = element.IndexElem
      if (name !== undefined) {
        const listPlace = { list: 'conflict' as const, at, index }
        context.references.push({ kind: 'target-column', range: target, name, location: undefined, place: listPlace })
      }
      resolveExpression(context, inference, expr)
    }
    resolveExpression(context, inference, infer.whereClause)
  }
  const excluded: RangeVariable = { ...target, role: 'pseudo', name: 'excluded', schema: undefined, node: undefined }
  // Both are visible to bare names too: a bare column is ambiguous in DO UPDATE.
  const scope: Scope = { ...joinVisible(visibleOf(target), visibleOf(excluded)), parent: undefined }
  const inside: Place = { ...place, scope, outermost: false }
  resolveSetList(context, inside, target, node.targetList)
  resolveExpression(context, inside, node.whereClause)
}
