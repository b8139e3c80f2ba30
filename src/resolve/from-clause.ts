import type {
  Alias,
  FuncCall,
  JoinExpr,
  JsonTable,
  Node,
  RangeFunction,
  RangeSubselect,
  RangeTableFunc,
  RangeVar,
  SelectStmt,
} from 'libpg-query'
import type { Relation } from '../catalog/catalog.js'
import { resolveFuncCall } from './call.js'
import { findCte, linkSiblings, type Place, type ResolveContext } from './context.js'
import { resolveExpression } from './expression.js'
import { lookUpRelation } from './namespace.js'
import { stringsOf } from './node.js'
import { reportComparisons } from './predicate.js'
import { resolveQuery } from './query.js'
import type { RangeRole, RangeVariable } from './range-variable.js'
import type { RangeReference } from './reference.js'
import { joinVisible, NOTHING_VISIBLE, type Scope, type Visible, type VisibleColumn, visibleOf } from './scope.js'
import { SYSTEM_TYPES } from './system-types.js'

/**
 * Resolves the items of FROM or USING; a lateral item also sees those to its left. `since`: how many references there
 * were before this level's first range variable, where a DML target comes before FROM.
 */
export function resolveFrom(
  context: ResolveContext,
  place: Place,
  items: readonly Node[] | undefined,
  since = context.references.length,
): Visible {
  let visible = NOTHING_VISIBLE
  for (const item of items ?? []) visible = joinVisible(visible, resolveFromItem(context, place, item, visible))
  linkLevel(context, since)
  return visible
}

/** Range references of this level are those just found outside of deeper levels, which have linked theirs already. */
function linkLevel(context: ResolveContext, since: number): void {
  const own: RangeReference[] = []
  const { references } = context
  for (let index = since; index < references.length; index++) {
    const reference = references[index]
    if (reference?.kind === 'range' && reference.siblings.length === 0) own.push(reference)
  }
  linkSiblings(own)
}

function resolveFromItem(context: ResolveContext, place: Place, item: Node, left: Visible): Visible {
  if ('RangeVar' in item) return visibleOf(resolveRangeVar(context, place, item.RangeVar, 'from'))
  if ('JoinExpr' in item) return resolveJoin(context, place, item.JoinExpr, left)
  const lateral: Place = { ...place, scope: { ...left, parent: place.scope } }
  if ('RangeSubselect' in item) {
    return resolveSubselect(context, item.RangeSubselect.lateral ? lateral : place, item.RangeSubselect)
  }
  if ('RangeFunction' in item) return resolveFunction(context, lateral, item.RangeFunction)
  if ('RangeTableSample' in item) {
    const { relation, args, repeatable } = item.RangeTableSample
    resolveExpression(context, place, [args, repeatable])
    return relation === undefined ? NOTHING_VISIBLE : resolveFromItem(context, place, relation, left)
  }
  if ('RangeTableFunc' in item) return resolveTableFunc(context, lateral, item.RangeTableFunc)
  if ('JsonTable' in item) return resolveJsonTable(context, lateral, item.JsonTable)
  resolveExpression(context, lateral, item)
  return visibleOf(opaque(undefined, undefined))
}

/** Resolves a relation name to a CTE, a relation of the catalog, or an unknown relation. */
export function resolveRangeVar(context: ResolveContext, place: Place, node: RangeVar, role: RangeRole): RangeVariable {
  const name = node.relname ?? ''
  const aliases = stringsOf(node.alias?.colnames)
  // A DML target is never a CTE, and neither is a qualified name.
  const cte = role === 'from' && node.schemaname === undefined ? findCte(place.ctes, name) : undefined
  if (cte !== undefined) return opaque(node.alias?.aliasname ?? name, withAliases(cte.columns, aliases))
  const relation = lookUpRelation(context.namespace, node.schemaname, name)
  if (relation === undefined) {
    context.references.push({ kind: 'unknown-relation', node })
    return { ...opaque(node.alias?.aliasname ?? name, undefined), schema: node.schemaname }
  }
  const range: RangeVariable = {
    role,
    name: node.alias?.aliasname ?? name,
    schema: node.alias === undefined ? relation.schema : undefined,
    relation,
    columns: withAliases(
      relation.columns.map((column) => column.name),
      aliases,
    ),
    aliased: aliases.length,
    node,
  }
  context.references.push({ kind: 'range', range, node, siblings: [] })
  return range
}

function opaque(name: string | undefined, columns: readonly string[] | undefined): RangeVariable {
  return { role: 'opaque', name, schema: undefined, relation: undefined, columns, aliased: 0, node: undefined }
}

function withAliases(
  columns: readonly string[] | undefined,
  aliases: readonly string[],
): readonly string[] | undefined {
  return aliases.length === 0 ? columns : columns?.map((column, index) => aliases[index] ?? column)
}

function resolveSubselect(context: ResolveContext, place: Place, node: RangeSubselect): Visible {
  const query = node.subquery
  const select: SelectStmt | undefined = query !== undefined && 'SelectStmt' in query ? query.SelectStmt : undefined
  const columns = select === undefined ? undefined : resolveQuery(context, place, select)
  return visibleOf(opaque(node.alias?.aliasname, withAliases(columns, stringsOf(node.alias?.colnames))))
}

/** What unnest and the like make of rows: columns of FROM that have the names of the rows' fields. */
function reportRowSources(context: ResolveContext, since: number, node: FuncCall): void {
  const ranges = context.references.slice(since).flatMap((reference) => {
    if (reference.kind === 'whole-row') return reference.range.relation?.columns ?? []
    return reference.kind === 'column' ? (reference.range.relation?.columns[reference.index] ?? []) : []
  })
  const rows = context.references
    .slice(since)
    .flatMap((reference) => (reference.kind === 'whole-row' ? [reference.range.relation?.oid] : []))
  if (ranges.length > 0)
    context.references.push({
      kind: 'row-source',
      columns: ranges,
      relations: rows.filter((oid) => oid !== undefined),
      node,
    })
}

/** The relation whose rows a lone function call in FROM gives, where its name tells. */
function relationOfRows(context: ResolveContext, node: RangeFunction, call: FuncCall): Relation | undefined {
  if (node.is_rowsfrom || (node.functions ?? []).length !== 1 || node.coldeflist !== undefined) return undefined
  const names = stringsOf(call.funcname)
  const { catalog } = context.namespace
  const oids = catalog.rowTypeFunctions
    .filter(({ name, schema }) => name === names.at(-1) && [undefined, schema].includes(names.at(-2)))
    .map((candidate) => (candidate.givesRows ? candidate.relationOid : undefined))
  const [oid] = oids
  return oid !== undefined && oids.length === 1 ? catalog.byOid.get(oid) : undefined
}

function resolveRowsFunction(
  context: ResolveContext,
  place: Place,
  node: RangeFunction,
  call: FuncCall,
  relation: Relation,
): Visible {
  const aliases = stringsOf(node.alias?.colnames)
  const names = relation.columns.map((column) => column.name)
  const range: RangeVariable = {
    role: 'function',
    name: node.alias?.aliasname ?? stringsOf(call.funcname).at(-1),
    schema: undefined,
    relation,
    columns: withAliases(node.ordinality ? [...names, 'ordinality'] : names, aliases),
    aliased: aliases.length,
    node: undefined,
  }
  resolveFuncCall(context, place, call, { from: node, range })
  context.references.push({ kind: 'function-range', range, node, call })
  return visibleOf(range)
}

function resolveFunction(context: ResolveContext, place: Place, node: RangeFunction): Visible {
  let firstName: string | undefined
  for (const list of node.functions ?? []) {
    const call = 'List' in list ? list.List.items?.[0] : undefined
    if (call !== undefined && 'FuncCall' in call) {
      firstName ??= stringsOf(call.FuncCall.funcname).at(-1)
      const relation = relationOfRows(context, node, call.FuncCall)
      if (relation !== undefined) return resolveRowsFunction(context, place, node, call.FuncCall, relation)
      const since = context.references.length
      resolveFuncCall(context, place, call.FuncCall, { from: node })
      reportRowSources(context, since, call.FuncCall)
      resolveExpression(context, place, 'List' in list ? list.List.items?.slice(1) : undefined)
    } else {
      resolveExpression(context, place, list)
    }
  }
  resolveExpression(context, place, node.coldeflist)
  const definitions = (node.coldeflist ?? []).flatMap((item) =>
    'ColumnDef' in item ? [item.ColumnDef.colname ?? ''] : [],
  )
  const name = node.alias?.aliasname ?? firstName
  const aliases = stringsOf(node.alias?.colnames)
  const columns = withAliases(definitions.length > 0 ? definitions : columnsOfUnnest(node), aliases)
  return visibleOf({ ...opaque(name, columns), some: aliases })
}

/**
 * The columns of a lone `unnest` of arrays of built-in types: one for each. A single one takes the alias as its name.
 *
 *     unnest($1::int[], $2::text[])  =>  unnest, unnest
 */
function columnsOfUnnest(node: RangeFunction): readonly string[] | undefined {
  const [list] = node.functions ?? []
  const call = list !== undefined && 'List' in list ? list.List.items?.[0] : undefined
  if (call === undefined || !('FuncCall' in call) || node.functions?.length !== 1 || node.is_rowsfrom) return undefined
  const [name, ...more] = stringsOf(call.FuncCall.funcname).reverse()
  if (name !== 'unnest' || (more.length > 0 && more[0] !== 'pg_catalog')) return undefined
  const args = call.FuncCall.args ?? []
  if (args.length === 0 || !args.every(isArrayOfSystemType)) return undefined
  const own = args.length === 1 ? (node.alias?.aliasname ?? name) : name
  const columns = args.map(() => own)
  return node.ordinality ? [...columns, 'ordinality'] : columns
}

function isArrayOfSystemType(node: Node): boolean {
  if (!('TypeCast' in node)) return false
  const { names, arrayBounds } = node.TypeCast.typeName ?? {}
  const [type = '', ...schema] = stringsOf(names).reverse()
  const system = schema.length === 0 ? SYSTEM_TYPES.has(type) : schema[0] === 'pg_catalog'
  return system && (arrayBounds ?? []).length > 0
}

function resolveTableFunc(context: ResolveContext, place: Place, node: RangeTableFunc): Visible {
  resolveExpression(context, place, [node.docexpr, node.rowexpr, node.namespaces, node.columns])
  const columns = (node.columns ?? []).map((item) =>
    'RangeTableFuncCol' in item ? (item.RangeTableFuncCol.colname ?? '') : '',
  )
  return visibleOf(opaque(node.alias?.aliasname, withAliases(columns, stringsOf(node.alias?.colnames))))
}

function resolveJsonTable(context: ResolveContext, place: Place, node: JsonTable): Visible {
  resolveExpression(context, place, [node.context_item, node.passing, node.columns])
  const columns = withAliases(jsonTableColumns(node.columns), stringsOf(node.alias?.colnames))
  return visibleOf(opaque(node.alias?.aliasname, columns))
}

/** The columns of JSON_TABLE, those of its NESTED parts included, in order. */
function jsonTableColumns(nodes: readonly Node[] | undefined): readonly string[] {
  return (nodes ?? []).flatMap((node) => {
    if (!('JsonTableColumn' in node)) return []
    const { coltype, name = '', columns } = node.JsonTableColumn
    return coltype === 'JTC_NESTED' ? jsonTableColumns(columns) : [name]
  })
}

function resolveJoin(context: ResolveContext, place: Place, node: JoinExpr, lateralLeft: Visible): Visible {
  const left = resolveSide(context, place, node.larg, lateralLeft)
  const right = resolveSide(context, place, node.rarg, joinVisible(lateralLeft, left))
  const names = node.isNatural ? commonNames(left, right) : stringsOf(node.usingClause)
  const both = joinVisible(left, right)
  const joined = names.length === 0 ? both : mergeColumns(left, right, names)
  reportMerged(context, left, right, names)
  // ON sees its two sides and the outer levels.
  const scope: Scope = { ...both, parent: place.scope }
  resolveExpression(context, { ...place, scope }, node.quals)
  reportComparisons(context, node.quals)
  const visible = withUsingAlias(joined, node.join_using_alias, names)
  return node.alias === undefined ? visible : aliasJoin(visible, node.alias)
}

function resolveSide(context: ResolveContext, place: Place, node: Node | undefined, left: Visible): Visible {
  return node === undefined ? NOTHING_VISIBLE : resolveFromItem(context, place, node, left)
}

function commonNames(left: Visible, right: Visible): string[] {
  const names = new Set(right.columns.map((column) => column.name))
  return left.columns.map((column) => column.name).filter((name) => names.has(name))
}

function reportMerged(context: ResolveContext, left: Visible, right: Visible, names: readonly string[]): void {
  for (const name of names) {
    const [one, other] = [left, right].map((side) => side.columns.find((column) => column.name === name))
    if (one !== undefined && other !== undefined) context.references.push({ kind: 'merged', left: one, right: other })
  }
}

/** USING and NATURAL: merged columns first, then the rest of the left, then of the right side. */
function mergeColumns(left: Visible, right: Visible, names: readonly string[]): Visible {
  const merged = names.flatMap((name): VisibleColumn[] => {
    const column =
      left.columns.find((candidate) => candidate.name === name) ??
      right.columns.find((candidate) => candidate.name === name)
    return column === undefined ? [] : [{ ...column, merged: true }]
  })
  const others = (side: Visible) => side.columns.filter((column) => !names.includes(column.name))
  const both = joinVisible(left, right)
  return { ...both, columns: [...merged, ...others(left), ...others(right)] }
}

function withUsingAlias(visible: Visible, alias: Alias | undefined, names: readonly string[]): Visible {
  if (alias === undefined) return visible
  return { ...visible, ranges: [...visible.ranges, opaque(alias.aliasname, names)] }
}

/** An aliased join hides the names inside it; its columns are its sides' columns, renamed by its own list. */
function aliasJoin(visible: Visible, alias: Alias): Visible {
  const aliases = stringsOf(alias.colnames)
  const how = aliases.length > 0 ? 'by position' : 'by name'
  for (const range of visible.ranges) markInJoin(range, how)
  const columns = visible.unknown.length > 0 ? undefined : visible.columns.map((column) => column.name)
  return visibleOf({ ...opaque(alias.aliasname, withAliases(columns, aliases)), joined: visible.columns })
}

function markInJoin(range: RangeVariable, how: 'by name' | 'by position'): void {
  if (range.inJoin !== 'by position') range.inJoin = how
  for (const column of range.joined ?? []) markInJoin(column.range, how)
}
