import type { DeleteStmt, MergeStmt, MergeWhenClause, Node, UpdateStmt } from 'libpg-query'
import type { Place, ResolveContext } from './context.js'
import { resolveExpression, resolveRow } from './expression.js'
import { resolveFrom, resolveRangeVar } from './from-clause.js'
import { resolveColumnList } from './insert.js'
import { reportComparisons } from './predicate.js'
import { type OutputColumns, resolveWith } from './query.js'
import type { RangeVariable } from './range-variable.js'
import { resolveReturning } from './returning.js'
import { joinVisible, type Scope, type Visible, visibleOf } from './scope.js'
import { resolveSetList } from './set-list.js'

export function resolveUpdate(context: ResolveContext, outer: Place, node: UpdateStmt): OutputColumns {
  const place: Place = { ...outer, ctes: resolveWith(context, outer, node.withClause) }
  if (node.relation === undefined) return undefined
  const since = context.references.length
  const target = resolveRangeVar(context, place, node.relation, 'target')
  const from = resolveFrom(context, { ...place, scope: undefined, outermost: false }, node.fromClause, since)
  const scope: Scope = { ...joinVisible(visibleOf(target), from), parent: undefined }
  const inside: Place = { ...place, scope, outermost: false }
  resolveSetList(context, inside, target, node.targetList)
  resolveExpression(context, inside, node.whereClause)
  reportComparisons(context, node.whereClause)
  return resolveReturning(context, place, node.returningClause, target, scope)
}

export function resolveDelete(context: ResolveContext, outer: Place, node: DeleteStmt): OutputColumns {
  const place: Place = { ...outer, ctes: resolveWith(context, outer, node.withClause) }
  if (node.relation === undefined) return undefined
  const since = context.references.length
  const target = resolveRangeVar(context, place, node.relation, 'target')
  const using = resolveFrom(context, { ...place, scope: undefined, outermost: false }, node.usingClause, since)
  const scope: Scope = { ...joinVisible(visibleOf(target), using), parent: undefined }
  resolveExpression(context, { ...place, scope, outermost: false }, node.whereClause)
  reportComparisons(context, node.whereClause)
  return resolveReturning(context, place, node.returningClause, target, scope)
}

export function resolveMerge(context: ResolveContext, outer: Place, node: MergeStmt): OutputColumns {
  const place: Place = { ...outer, ctes: resolveWith(context, outer, node.withClause) }
  if (node.relation === undefined) return undefined
  const since = context.references.length
  const target = resolveRangeVar(context, place, node.relation, 'target')
  const sources = node.sourceRelation === undefined ? [] : [node.sourceRelation]
  const source = resolveFrom(context, { ...place, scope: undefined, outermost: false }, sources, since)
  // `RETURNING *` of MERGE shows the source's columns first (transformMergeStmt).
  const scope: Scope = { ...joinVisible(source, visibleOf(target)), parent: undefined }
  resolveExpression(context, { ...place, scope, outermost: false }, node.joinCondition)
  reportComparisons(context, node.joinCondition)
  for (const [when, clause] of (node.mergeWhenClauses ?? []).entries()) {
    if ('MergeWhenClause' in clause) resolveWhen(context, place, clause.MergeWhenClause, when, target, source)
  }
  return resolveReturning(context, place, node.returningClause, target, scope)
}

/** A WHEN sees both sides when there is a match, else only the side that has a row. */
function scopeOfWhen(clause: MergeWhenClause, source: Visible, target: RangeVariable): Scope {
  switch (clause.matchKind) {
    case 'MERGE_WHEN_NOT_MATCHED_BY_TARGET':
      return { ...source, parent: undefined }
    case 'MERGE_WHEN_NOT_MATCHED_BY_SOURCE':
      return { ...visibleOf(target), parent: undefined }
    default:
      return { ...joinVisible(source, visibleOf(target)), parent: undefined }
  }
}

function resolveWhen(
  context: ResolveContext,
  place: Place,
  clause: MergeWhenClause,
  when: number,
  target: RangeVariable,
  source: Visible,
): void {
  const inside: Place = { ...place, scope: scopeOfWhen(clause, source, target), outermost: false }
  resolveExpression(context, inside, clause.condition)
  if (clause.commandType === 'CMD_UPDATE') resolveSetList(context, inside, target, clause.targetList)
  if (clause.commandType !== 'CMD_INSERT') return
  const listedNames = resolveColumnList(context, inside, target, clause.targetList)
  const values: readonly Node[] = clause.values ?? []
  resolveRow(context, inside, values)
  const { node } = target
  if (node === undefined) return
  context.references.push({
    kind: 'insert',
    range: target,
    node,
    listed: clause.targetList?.length,
    listedNames,
    source: clause.values === undefined ? { kind: 'default values' } : { kind: 'values', rows: [values] },
    when,
    conflictAt: undefined,
  })
}
