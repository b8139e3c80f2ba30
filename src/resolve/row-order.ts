import type { ColumnRef, Node, SelectStmt } from 'libpg-query'
import type { ResolveContext } from './context.js'
import { isStar } from './expression.js'
import { stringsOf } from './node.js'
import { figureOutputName } from './output-name.js'
import { bindBare, bindQualified, findRange, type Scope, type VisibleColumn } from './scope.js'

/** Reports a GROUP BY: the columns of a table may be used ungrouped where its primary key is grouped. */
export function reportGrouping(context: ResolveContext, node: SelectStmt, scope: Scope): void {
  const items = node.groupClause ?? []
  const [first] = items
  if (first === undefined) return
  const columns = items.flatMap(groupedColumns)
  const location = locationWithin(first)
  const sets = items.some((item) => 'GroupingSet' in item) || location === undefined
  context.references.push({ kind: 'grouping', location: location ?? 0, columns, scope, sets })
}

/** The plain columns of an item, of all its grouping sets. */
function groupedColumns(item: Node): readonly ColumnRef[] {
  if ('ColumnRef' in item) return [item.ColumnRef]
  if ('GroupingSet' in item) return (item.GroupingSet.content ?? []).flatMap(groupedColumns)
  if ('RowExpr' in item) return (item.RowExpr.args ?? []).flatMap(groupedColumns)
  return []
}

/** The first byte offset found in a node, which lies somewhere in its text. */
function locationWithin(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null) return undefined
  for (const key in node) {
    const value: unknown = node[key as keyof typeof node]
    if (key === 'location') return value as number
    const inner = locationWithin(value)
    if (inner !== undefined) return inner
  }
  return undefined
}

/**
 * Reports ORDER BY items that mean an input column, by its own name or by an output name. Not under DISTINCT or GROUP BY,
 * where only what is selected can be sorted by.
 */
export function reportSorts(
  context: ResolveContext,
  node: SelectStmt,
  scope: Scope,
  outputs: { readonly names: readonly string[]; readonly complete: boolean },
): void {
  if (node.sortClause === undefined || node.distinctClause !== undefined || node.groupClause !== undefined) return
  for (const item of node.sortClause) {
    if (!('SortBy' in item) || item.SortBy.sortby_dir === 'SORTBY_USING') continue
    const sorted = item.SortBy.node
    if (sorted === undefined || !('ColumnRef' in sorted) || isStar(sorted.ColumnRef)) continue
    const column = sortColumn(sorted.ColumnRef, node, scope, outputs)
    if (column === undefined || column.merged) continue
    context.references.push({ kind: 'sort', node: sorted.ColumnRef, range: column.range, index: column.index, scope })
  }
}

function sortColumn(
  sorted: ColumnRef,
  { targetList }: SelectStmt,
  scope: Scope,
  outputs: { readonly names: readonly string[]; readonly complete: boolean },
): VisibleColumn | undefined {
  const names = stringsOf(sorted.fields)
  const [name = ''] = names
  if (names.length > 1) return boundColumn(sorted, scope)
  const named = outputs.names.filter((output) => output === name).length
  if (!outputs.complete || named > 1) return undefined
  if (named === 0) return boundColumn(sorted, scope)
  const items = (targetList ?? []).flatMap((item) => ('ResTarget' in item ? [item.ResTarget] : []))
  const own = items.find(({ name: alias, val }) => !isStarItem(val) && (alias ?? figureOutputName(val).name) === name)
  if (own?.val !== undefined) return 'ColumnRef' in own.val ? boundColumn(own.val.ColumnRef, scope) : undefined
  // Shown by a star: the column that the bare name means, if it means one.
  return boundColumn(sorted, scope)
}

function isStarItem(value: Node | undefined): boolean {
  return value !== undefined && 'ColumnRef' in value && isStar(value.ColumnRef)
}

/** The column of this query level that a reference is bound to. */
function boundColumn(node: ColumnRef, scope: Scope): VisibleColumn | undefined {
  const names = stringsOf(node.fields)
  const own: Scope = { ...scope, parent: undefined }
  const name = names.at(-1) ?? ''
  const range = names.length > 1 ? findRange(own, names.at(-3), names.at(-2) ?? '') : undefined
  if (names.length > 1 && range === undefined) return undefined
  const binding = range === undefined ? bindBare(own, name) : bindQualified(range, name)
  return binding.kind === 'column' ? binding.column : undefined
}
