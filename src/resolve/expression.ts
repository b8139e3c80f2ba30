import type { A_Indirection, ColumnRef, FuncCall, Node, ResTarget, SubLink, TypeCast, TypeName } from 'libpg-query'
import { resolveFuncCall, resolveTypeCast } from './call.js'
import type { Place, ResolveContext } from './context.js'
import { stringOf, stringsOf, taggedNode } from './node.js'
import { figureOutputName } from './output-name.js'
import { resolveQuery } from './query.js'
import type { RowUse, StarReference } from './reference.js'
import { type Binding, bindBare, bindQualified, findRange } from './scope.js'
import { resolveTypeName } from './type-name.js'

/** Walks any part of a tree that holds expressions and reports the references in it. */
export function resolveExpression(context: ResolveContext, place: Place, node: unknown): void {
  if (Array.isArray(node)) {
    for (const item of node) resolveExpression(context, place, item)
    return
  }
  if (typeof node !== 'object' || node === null) return
  const tagged = taggedNode(node)
  if (tagged === undefined) {
    resolveParts(context, place, node)
    return
  }
  const inner = place.outermost ? { ...place, outermost: false } : place
  switch (tagged.tag) {
    case 'ColumnRef':
      resolveColumnRef(context, place, tagged.body as ColumnRef, place.rowUse)
      break
    case 'SubLink':
      resolveSubLink(context, inner, tagged.body as SubLink)
      break
    case 'FuncCall':
      resolveFuncCall(context, inner, tagged.body as FuncCall)
      break
    case 'TypeCast':
      resolveTypeCast(context, inner, tagged.body as TypeCast)
      break
    case 'A_Indirection':
      resolveIndirection(context, inner, tagged.body as A_Indirection)
      break
    case 'SelectStmt':
      resolveQuery(context, inner, tagged.body)
      break
    case 'ResTarget':
      resolveNamedArgument(context, inner, tagged.body as ResTarget)
      break
    case 'RowExpr':
      resolveRow(context, inner, tagged.body.args as Node[] | undefined)
      break
    // Most of what a large INSERT consists of.
    case 'A_Const':
    case 'ParamRef':
    case 'SetToDefault':
      break
    default: {
      const rowUse = useWithin(tagged.tag, inner.rowUse)
      const next = rowUse === inner.rowUse ? inner : { ...inner, rowUse }
      if (tagged.tag === 'TypeName') resolveTypeName(context, tagged.body as TypeName)
      else resolveParts(context, next, tagged.body)
    }
  }
}

/** A type name stands unwrapped under its key. */
function resolveParts(context: ResolveContext, place: Place, body: object): void {
  for (const key in body) {
    const value: unknown = body[key as keyof typeof body]
    if (key === 'typeName') resolveTypeName(context, value as TypeName)
    else resolveExpression(context, place, value)
  }
}

/** An item of xmlforest or xmlattributes: without a name of its own it takes its column's. */
function resolveNamedArgument(context: ResolveContext, place: Place, item: ResTarget): void {
  resolveExpression(context, place, item.val)
  if (item.name === undefined && item.val !== undefined && 'ColumnRef' in item.val) reportOutputName(context, item)
}

/** Reports an unaliased item of which the name is taken from a name in it; returns the name that it has. */
export function reportOutputName(context: ResolveContext, item: ResTarget): string {
  const { name, leaf } = figureOutputName(item.val)
  const body = leaf === undefined ? undefined : namedBody(leaf)
  if (body !== undefined) context.references.push({ kind: 'output-name', item, name, leaf: body })
  return name
}

function namedBody(leaf: Node): ColumnRef | FuncCall | TypeName | undefined {
  if ('ColumnRef' in leaf) return leaf.ColumnRef
  if ('FuncCall' in leaf) return leaf.FuncCall
  return 'TypeCast' in leaf ? leaf.TypeCast.typeName : undefined
}

/** How a whole row directly inside of a node is used; once its names are seen, they are seen. */
function useWithin(tag: string, outer: RowUse): RowUse {
  if (outer === 'names' || tag.startsWith('Json') || tag.startsWith('Xml')) return 'names'
  return tag === 'NullTest' || tag === 'A_Expr' || tag === 'BoolExpr' ? 'value' : outer
}

/** A list in which `t.*` expands to columns: ROW(...), VALUES (...). */
export function resolveRow(context: ResolveContext, place: Place, items: readonly Node[] | undefined): void {
  for (const item of items ?? []) {
    if ('ColumnRef' in item && isStar(item.ColumnRef)) resolveStar(context, place, item.ColumnRef, 'row')
    else resolveExpression(context, place, item)
  }
}

export function isStar(node: ColumnRef): boolean {
  const last = node.fields?.at(-1)
  return last !== undefined && 'A_Star' in last
}

/** Reports `*` or `t.*` where it expands; returns its column names, undefined where they cannot be known. */
export function resolveStar(
  context: ResolveContext,
  place: Place,
  node: ColumnRef,
  list: StarReference['list'],
): readonly string[] | undefined {
  const qualifier = stringsOf(node.fields?.slice(0, -1))
  const scope = place.scope
  if (qualifier.length === 0) {
    if (scope === undefined) return undefined
    context.references.push({ kind: 'star', node, visible: scope, range: undefined, list })
    return scope.unknown.length > 0 ? undefined : scope.columns.map((column) => column.name)
  }
  const name = qualifier.at(-1) ?? ''
  const range = findRange(scope, qualifier.at(-2), name)
  if (range === undefined) return undefined
  context.references.push({
    kind: 'star',
    node,
    visible: {
      ranges: [range],
      columns: (range.columns ?? []).map((column, index) => ({ name: column, range, index, merged: false })),
      unknown: range.columns === undefined ? [range] : [],
    },
    range,
    list,
  })
  return range.columns
}

/** Reports a column reference; `use` says how a whole row would be used here. */
export function resolveColumnRef(context: ResolveContext, place: Place, node: ColumnRef, use: RowUse): void {
  const names = stringsOf(node.fields)
  if (isStar(node)) {
    // `t.*` where no list of columns can stand means the row itself.
    const range = findRange(place.scope, names.at(-3), names.at(-2) ?? '')
    if (range !== undefined)
      context.references.push({ kind: 'whole-row', node, range, use, field: undefined, scope: place.scope })
    return
  }
  const [first = ''] = names
  if (names.length === 1) {
    report(context, place, node, first, false, bindBare(place.scope, first), use)
    return
  }
  const name = names.at(-1) ?? ''
  const [schema, qualifier = ''] = [names.at(-3), names.at(-2)]
  const range = findRange(place.scope, schema, qualifier)
  if (range !== undefined) report(context, place, node, name, true, bindQualified(range, name), use)
  else context.references.push({ kind: 'missing-range', node, schema, name: qualifier, scope: place.scope })
}

function report(
  context: ResolveContext,
  place: Place,
  node: ColumnRef,
  name: string,
  qualified: boolean,
  binding: Binding,
  use: RowUse,
): void {
  const { references } = context
  switch (binding.kind) {
    case 'column': {
      const { range, index, merged } = binding.column
      const { scope, bareOnly } = place
      references.push({ kind: 'column', node, name, range, index, qualified, merged, scope, bareOnly })
      return
    }
    case 'whole-row':
      references.push({ kind: 'whole-row', node, range: binding.range, use, field: undefined, scope: place.scope })
      return
    case 'uncertain':
      references.push({ kind: 'uncertain', node, name, scope: place.scope })
      return
    case 'absent':
      references.push({ kind: 'absent', node, name, range: binding.range, scope: place.scope })
      return
    case 'ambiguous':
      references.push({ kind: 'ambiguous', node, name, ranges: binding.ranges })
      return
    case 'fixed':
      references.push({ kind: 'system-column', node, range: binding.range, name })
      return
  }
}

function resolveSubLink(context: ResolveContext, place: Place, node: SubLink): void {
  resolveExpression(context, place, node.testexpr)
  if (node.subselect !== undefined && 'SelectStmt' in node.subselect) {
    resolveQuery(context, place, node.subselect.SelectStmt)
  }
}

function resolveIndirection(context: ResolveContext, place: Place, node: A_Indirection): void {
  const [first, ...others] = node.indirection ?? []
  const field = stringOf(first)
  const argument = node.arg
  const before = context.references.length
  if (argument !== undefined && 'ColumnRef' in argument) resolveColumnRef(context, place, argument.ColumnRef, 'field')
  else resolveExpression(context, place, argument)
  const found = context.references[before]
  if (argument !== undefined && 'ColumnRef' in argument && found?.kind === 'whole-row') {
    context.references[before] = { ...found, field, use: field === undefined ? 'fields' : 'field' }
  } else if (field !== undefined) {
    const column = argument !== undefined && 'ColumnRef' in argument && found?.kind === 'column' ? found : undefined
    const typeOid = column?.range.relation?.columns[column.index]?.typeOid ?? rowTypeOfCall(context, before, argument)
    const scalar = argument !== undefined && 'FuncCall' in argument && !mayGiveRows(context, before)
    if (!scalar) context.references.push({ kind: 'field', name: field, typeOid })
  } else if (first !== undefined && 'A_Star' in first) {
    context.references.push({ kind: 'field', name: undefined, typeOid: undefined })
  }
  for (const other of others) {
    const name = stringOf(other)
    if (name !== undefined) context.references.push({ kind: 'field', name, typeOid: undefined })
  }
  resolveExpression(context, place, node.indirection)
}

/** The row type of the relation whose rows a call gives, where one function of that name alone gives rows. */
function rowTypeOfCall(context: ResolveContext, since: number, argument: Node | undefined): number | undefined {
  if (argument === undefined || !('FuncCall' in argument)) return undefined
  const given = context.references
    .slice(since)
    .filter((one) => one.kind === 'row-function' && one.givesRows && one.node === argument.FuncCall)
  const [only] = given
  if (only?.kind !== 'row-function' || given.length > 1) return undefined
  return context.namespace.catalog.byOid.get(only.relationOid)?.rowTypeOid
}

/** A call gives no relation's row where neither it nor its arguments have to do with one. */
function mayGiveRows(context: ResolveContext, since: number): boolean {
  return context.references.slice(since).some(({ kind }) => kind === 'row-function' || kind === 'whole-row')
}
