import type { ColumnRef, CommonTableExpr, Node, SelectStmt, SortBy, WithClause } from 'libpg-query'
import type { CteScope, Place, ResolveContext } from './context.js'
import { isStar, reportOutputName, resolveColumnRef, resolveExpression, resolveRow, resolveStar } from './expression.js'
import { resolveFrom } from './from-clause.js'
import { stringsOf, taggedNode } from './node.js'
import { figureOutputName } from './output-name.js'
import { reportComparisons } from './predicate.js'
import { reportGrouping, reportSorts } from './row-order.js'
import type { Scope } from './scope.js'
import { resolveStatementBody } from './statement.js'

/** Output column names of a query; undefined where they cannot be known. */
export type OutputColumns = readonly string[] | undefined

/** Resolves a SELECT, VALUES or set operation; `place.scope` is the level outside of it. */
export function resolveQuery(context: ResolveContext, outer: Place, node: SelectStmt): OutputColumns {
  const ctes = resolveWith(context, outer, node.withClause)
  const place: Place = { ...outer, ctes, rowUse: 'type', bareOnly: false }
  if (node.larg !== undefined && node.rarg !== undefined) {
    const columns = resolveQuery(context, place, node.larg)
    resolveQuery(context, place, node.rarg)
    // The ORDER BY of a set operation sees the first arm's output names only: no reference to a relation.
    resolveExpression(context, { ...place, outermost: false }, [node.limitCount, node.limitOffset])
    return columns
  }
  if (node.valuesLists !== undefined) {
    for (const row of node.valuesLists) {
      if ('List' in row) resolveRow(context, { ...place, outermost: false }, row.List.items)
    }
    const inside = { ...place, outermost: false }
    const names = valuesColumns(node)
    resolveSorting(context, inside, node.sortClause, { names, complete: true })
    resolveExpression(context, inside, [node.limitCount, node.limitOffset])
    return names
  }
  return resolveSelect(context, place, node)
}

/** VALUES names its columns column1, column2, ... */
function valuesColumns(node: SelectStmt): readonly string[] {
  const [first] = node.valuesLists ?? []
  const width = first !== undefined && 'List' in first ? (first.List.items ?? []).length : 0
  return Array.from({ length: width }, (_, index) => `column${index + 1}`)
}

function resolveSelect(context: ResolveContext, place: Place, node: SelectStmt): OutputColumns {
  const visible = resolveFrom(context, { ...place, outermost: false }, node.fromClause)
  const scope: Scope = { ...visible, parent: place.scope }
  const inside: Place = { ...place, scope }
  const outputs = resolveTargetList(context, inside, node.targetList)
  const rest: Place = { ...inside, outermost: false }
  resolveExpression(context, rest, node.whereClause)
  reportComparisons(context, node.whereClause)
  resolveGrouping(context, rest, node.groupClause, outputs)
  resolveExpression(context, rest, node.havingClause)
  // A named window's ORDER BY sees input columns only (findTargetlistEntrySQL99).
  resolveExpression(context, rest, node.windowClause)
  resolveSorting(context, rest, node.distinctClause, outputs)
  resolveSorting(context, rest, node.sortClause, outputs)
  reportGrouping(context, node, scope)
  reportSorts(context, node, scope, outputs)
  resolveExpression(context, rest, [node.limitCount, node.limitOffset])
  return outputs.complete ? outputs.names : undefined
}

/** The output names of a target list; incomplete where a star's columns are not known. */
export interface Outputs {
  readonly names: readonly string[]
  readonly complete: boolean
}

/** Resolves a SELECT or RETURNING list. */
export function resolveTargetList(context: ResolveContext, place: Place, items: readonly Node[] | undefined): Outputs {
  const names: string[] = []
  let complete = true
  const inner: Place = { ...place, outermost: false }
  for (const item of items ?? []) {
    if (!('ResTarget' in item)) continue
    const { name, val } = item.ResTarget
    if (val !== undefined && 'ColumnRef' in val && isStar(val.ColumnRef)) {
      const columns = resolveStar(context, inner, val.ColumnRef, 'targets')
      if (columns === undefined) complete = false
      else names.push(...columns)
      continue
    }
    if (val !== undefined && 'ColumnRef' in val) {
      resolveColumnRef(context, inner, val.ColumnRef, place.outermost ? 'output' : 'nested')
    } else {
      resolveExpression(context, inner, val)
    }
    // `(x).*` expands to columns that are not known here.
    if (isRowStar(val)) complete = false
    else names.push(name ?? reportOutputName(context, item.ResTarget))
  }
  return { names, complete }
}

function isRowStar(value: Node | undefined): boolean {
  const last = value !== undefined && 'A_Indirection' in value ? value.A_Indirection.indirection?.at(-1) : undefined
  return last !== undefined && 'A_Star' in last
}

function bareName(node: Node | undefined): string | undefined {
  if (node === undefined || !('ColumnRef' in node)) return undefined
  const names = stringsOf(node.ColumnRef.fields)
  return names.length === 1 && !isStar(node.ColumnRef) ? names[0] : undefined
}

/** ORDER BY and DISTINCT ON: a whole bare name is an output name first (findTargetlistEntrySQL92). */
function resolveSorting(
  context: ResolveContext,
  place: Place,
  items: readonly Node[] | undefined,
  outputs: Outputs,
): void {
  for (const item of items ?? []) {
    const node: Node | undefined = 'SortBy' in item ? (item.SortBy as SortBy).node : item
    const name = bareName(node)
    if (name !== undefined && outputs.names.includes(name)) continue
    resolveExpression(context, place, node)
  }
}

/** GROUP BY: a whole bare name is this level's input column first, then an output name. */
function resolveGrouping(
  context: ResolveContext,
  place: Place,
  items: readonly Node[] | undefined,
  outputs: Outputs,
): void {
  for (const item of items ?? []) {
    if ('GroupingSet' in item) {
      resolveGrouping(context, place, item.GroupingSet.content, outputs)
      continue
    }
    const name = bareName(item)
    const isInput = name !== undefined && (place.scope?.columns ?? []).some((column) => column.name === name)
    if (name !== undefined && !isInput && outputs.names.includes(name)) continue
    resolveExpression(context, place, item)
  }
}

/**
 * Brings the CTEs of a WITH into scope. A CTE sees the earlier ones, and itself and the later ones only under RECURSIVE.
 */
export function resolveWith(
  context: ResolveContext,
  place: Place,
  clause: WithClause | undefined,
): CteScope | undefined {
  if (clause === undefined) return place.ctes
  let ctes = place.ctes
  const all = (clause.ctes ?? []).flatMap((node) => ('CommonTableExpr' in node ? [node.CommonTableExpr] : []))
  if (clause.recursive) {
    // Under RECURSIVE every body sees every name; the columns of those not yet resolved are known from their lists.
    for (const cte of all) ctes = { name: cte.ctename ?? '', columns: recursiveColumns(cte), outer: ctes }
  }
  for (const cte of all) {
    const columns = resolveCteBody(context, { ...place, ctes, outermost: false }, cte)
    ctes = { name: cte.ctename ?? '', columns: renamed(columns, stringsOf(cte.aliascolnames), cte), outer: ctes }
  }
  return ctes
}

function resolveCteBody(context: ResolveContext, place: Place, cte: CommonTableExpr): OutputColumns {
  const tagged = taggedNode(cte.ctequery)
  if (tagged === undefined) return undefined
  if (tagged.tag === 'SelectStmt') return resolveQuery(context, place, tagged.body as SelectStmt)
  return resolveStatementBody(context, place, tagged.tag, tagged.body)
}

/** The names of a recursive CTE as its own body sees them: its column list, else its first arm's output names. */
function recursiveColumns(cte: CommonTableExpr): OutputColumns {
  const listed = stringsOf(cte.aliascolnames)
  const query = cte.ctequery
  if (query === undefined || !('SelectStmt' in query)) return undefined
  let arm = query.SelectStmt
  while (arm.larg !== undefined) arm = arm.larg
  if (arm.valuesLists !== undefined) return renamed(valuesColumns(arm), listed, cte)
  const names: string[] = []
  for (const item of arm.targetList ?? []) {
    if (!('ResTarget' in item)) return undefined
    const { name, val } = item.ResTarget
    if (isRowStar(val) || (val !== undefined && 'ColumnRef' in val && isStar(val.ColumnRef as ColumnRef)))
      return undefined
    names.push(name ?? figureOutputName(val).name)
  }
  return renamed(names, listed, cte)
}

function renamed(columns: OutputColumns, aliases: readonly string[], cte: CommonTableExpr): OutputColumns {
  if (columns === undefined) return undefined
  const extra = [
    cte.search_clause?.search_seq_column,
    cte.cycle_clause?.cycle_mark_column,
    cte.cycle_clause?.cycle_path_column,
  ].filter((name) => name !== undefined)
  return [...columns.map((name, index) => aliases[index] ?? name), ...extra]
}
