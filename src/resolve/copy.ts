import type { CopyStmt } from 'libpg-query'
import type { Place, ResolveContext } from './context.js'
import { resolveExpression } from './expression.js'
import { resolveRangeVar } from './from-clause.js'
import { locationOf, stringOf, taggedNode } from './node.js'
import type { CopyReference } from './reference.js'
import { visibleOf } from './scope.js'
import { resolveStatementBody } from './statement.js'

export function resolveCopy(context: ResolveContext, place: Place, node: CopyStmt): void {
  const query = taggedNode(node.query)
  if (query !== undefined) resolveStatementBody(context, place, query.tag, query.body)
  if (node.relation === undefined) return
  const range = resolveRangeVar(context, place, node.relation, 'name')
  const at = locationOf(node.relation)
  const listedNames = (node.attlist ?? []).map((column) => stringOf(column) ?? '')
  for (const [index, name] of listedNames.entries()) {
    const listPlace = { list: 'copy' as const, at, index }
    context.references.push({ kind: 'target-column', range, name, location: undefined, place: listPlace })
  }
  context.references.push({
    kind: 'copy',
    range,
    node: node.relation,
    from: node.is_from ?? false,
    listed: node.attlist?.length,
    listedNames,
    header: headerOf(node),
    columnOptions: hasColumnOptions(node),
  })
  const scope = { ...visibleOf(range), parent: undefined }
  // COPY has no alias: a bare name stays right when the relation is renamed.
  resolveExpression(context, { ...place, scope, bareOnly: true, outermost: false }, node.whereClause)
}

function headerOf(node: CopyStmt): CopyReference['header'] {
  for (const option of node.options ?? []) {
    if (!('DefElem' in option) || option.DefElem.defname !== 'header') continue
    const argument = taggedNode(option.DefElem.arg)
    if (argument === undefined) return 'names'
    const value = String(argument.body.sval ?? argument.body.boolval ?? argument.body.ival ?? '').toLowerCase()
    if (value === 'match') return 'match'
    return ['false', 'off', '0', ''].includes(value) && value !== '' ? 'none' : 'names'
  }
  return 'none'
}

/** FORCE_QUOTE, FORCE_NOT_NULL and FORCE_NULL name columns in their options. */
function hasColumnOptions(node: CopyStmt): boolean {
  return (node.options ?? []).some(
    (option) => 'DefElem' in option && /^force_/.test(option.DefElem.defname ?? '') && option.DefElem.arg !== undefined,
  )
}
