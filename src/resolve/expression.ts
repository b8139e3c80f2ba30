import type { A_Indirection, ColumnRef, FuncCall, Node, SubLink, TypeCast } from 'libpg-query'
import type { Place, ResolveContext } from './context.js'
import { lookUpRelation } from './namespace.js'
import { locationOf, stringOf, stringsOf, taggedNode } from './node.js'
import { splitQualifiedName } from './qualified-name.js'
import { resolveQuery } from './query.js'
import type { RowUse, StarReference } from './reference.js'
import { type Binding, bindBare, bindQualified, findRange } from './scope.js'

/** Functions that show a row's field names, or keep the row in a value that may be shown so later. */
const ROW_NAME_FUNCTIONS: ReadonlySet<string> = new Set([
  'row_to_json',
  'to_json',
  'to_jsonb',
  'json_agg',
  'jsonb_agg',
  'json_agg_strict',
  'jsonb_agg_strict',
  'json_build_object',
  'jsonb_build_object',
  'json_build_array',
  'jsonb_build_array',
  'json_object_agg',
  'jsonb_object_agg',
  'json_object_agg_strict',
  'jsonb_object_agg_strict',
  'json_object_agg_unique',
  'jsonb_object_agg_unique',
  'array_to_json',
  'hstore',
  'query_to_xml',
])

/** Functions of which the first argument is a relation's name in a string (type regclass or text). */
const NAME_FUNCTIONS: ReadonlySet<string> = new Set([
  'nextval',
  'currval',
  'setval',
  'to_regclass',
  'pg_get_serial_sequence',
  'pg_relation_size',
  'pg_table_size',
  'pg_total_relation_size',
  'pg_indexes_size',
  'pg_relation_filepath',
  'pg_sequence_last_value',
  'pg_get_viewdef',
  'has_table_privilege',
  'has_sequence_privilege',
])

/** Walks any part of a tree that holds expressions and reports the references in it. */
export function resolveExpression(context: ResolveContext, place: Place, node: unknown): void {
  if (Array.isArray(node)) {
    for (const item of node) resolveExpression(context, place, item)
    return
  }
  if (typeof node !== 'object' || node === null) return
  const tagged = taggedNode(node)
  if (tagged === undefined) {
    for (const value of Object.values(node)) resolveExpression(context, place, value)
    return
  }
  const inner = place.outermost ? { ...place, outermost: false } : place
  switch (tagged.tag) {
    case 'ColumnRef':
      resolveColumnRef(context, place, tagged.body as ColumnRef, place.rowNames ? 'names' : 'type')
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
    case 'RowExpr':
      resolveRow(context, inner, tagged.body.args as Node[] | undefined)
      break
    default: {
      const shown = tagged.tag.startsWith('Json') || tagged.tag.startsWith('Xml')
      const next = shown ? { ...inner, rowNames: true } : inner
      for (const value of Object.values(tagged.body)) resolveExpression(context, next, value)
    }
  }
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
    if (range !== undefined) context.references.push({ kind: 'whole-row', node, range, use, field: undefined })
    return
  }
  const [first = ''] = names
  if (names.length === 1) {
    report(context, place, node, first, false, bindBare(place.scope, first), use)
    return
  }
  const name = names.at(-1) ?? ''
  const range = findRange(place.scope, names.at(-3), names.at(-2) ?? '')
  if (range !== undefined) report(context, place, node, name, true, bindQualified(range, name), use)
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
      references.push({ kind: 'whole-row', node, range: binding.range, use, field: undefined })
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
      return
  }
}

function resolveSubLink(context: ResolveContext, place: Place, node: SubLink): void {
  resolveExpression(context, place, node.testexpr)
  if (node.subselect !== undefined && 'SelectStmt' in node.subselect) {
    resolveQuery(context, place, node.subselect.SelectStmt)
  }
}

export function resolveFuncCall(context: ResolveContext, place: Place, node: FuncCall): void {
  const names = stringsOf(node.funcname)
  const name = names.at(-1) ?? ''
  const schema = names.at(-2)
  let takesRows = false
  for (const candidate of context.namespace.catalog.rowTypeFunctions) {
    if (candidate.name === name && (schema === undefined || schema === candidate.schema)) {
      const { relationOid, givesRows } = candidate
      takesRows = true
      context.references.push({ kind: 'row-function', relationOid, givesRows, node })
    }
  }
  const builtIn = schema === undefined || schema === 'pg_catalog'
  if (builtIn && NAME_FUNCTIONS.has(name)) resolveNameString(context, node.args?.[0])
  const rowNames = place.rowNames || ROW_NAME_FUNCTIONS.has(name)
  const inner = { ...place, rowNames }
  for (const argument of node.args ?? []) {
    if ('ColumnRef' in argument) {
      const use: RowUse = takesRows ? 'argument' : rowNames ? 'names' : builtIn && name === 'count' ? 'count' : 'type'
      resolveColumnRef(context, inner, argument.ColumnRef, use)
    } else {
      resolveExpression(context, inner, argument)
    }
  }
  resolveExpression(context, inner, node.agg_order)
  resolveExpression(context, inner, node.agg_filter)
  resolveExpression(context, inner, node.over)
}

function resolveTypeCast(context: ResolveContext, place: Place, node: TypeCast): void {
  const names = stringsOf(node.typeName?.names)
  const type = names.at(-1) ?? ''
  const schema = names.at(-2)
  if (type === 'regclass') resolveNameString(context, node.arg)
  else resolveTypeName(context, node.typeName, schema, type)
  resolveExpression(context, place, node.arg)
}

/** Reports a relation's row type where a type name means one. */
function resolveTypeName(
  context: ResolveContext,
  node: TypeCast['typeName'],
  schema: string | undefined,
  name: string,
): void {
  if (node === undefined || schema === 'pg_catalog') return
  const relation = lookUpRelation(context.namespace, schema, name)
  if (relation !== undefined && relation.rowTypeOid !== 0) {
    context.references.push({ kind: 'row-type', relation, node })
  }
}

/** Reports a string constant that is read as a relation's name. */
function resolveNameString(context: ResolveContext, node: Node | undefined): void {
  const constant = node !== undefined && 'TypeCast' in node ? node.TypeCast.arg : node
  if (constant === undefined || !('A_Const' in constant)) return
  const text = constant.A_Const.sval?.sval
  if (text === undefined) return
  const names = splitQualifiedName(text)
  if (names === undefined) return
  const name = names.at(-1) ?? ''
  const schema = names.at(-2)
  const relation = lookUpRelation(context.namespace, schema, name)
  if (relation === undefined) return
  context.references.push({ kind: 'name-string', relation, location: locationOf(constant.A_Const), schema, name })
}

function resolveIndirection(context: ResolveContext, place: Place, node: A_Indirection): void {
  const [first] = node.indirection ?? []
  const field = stringOf(first)
  const argument = node.arg
  if (argument !== undefined && 'ColumnRef' in argument && first !== undefined) {
    const before = context.references.length
    resolveColumnRef(context, place, argument.ColumnRef, 'field')
    const found = context.references[before]
    if (found?.kind === 'whole-row') context.references[before] = { ...found, field }
    else if (field !== undefined && found?.kind === 'column') {
      const typeOid = found.range.relation?.columns[found.index]?.typeOid
      context.references.push({ kind: 'field', name: field, typeOid })
    } else if (field !== undefined) context.references.push({ kind: 'field', name: field, typeOid: undefined })
  } else {
    const before = context.references.length
    resolveExpression(context, place, argument)
    const call = argument !== undefined && 'FuncCall' in argument
    const ofRows = context.references.slice(before).some((reference) => reference.kind === 'row-function')
    // The result of a function that has nothing to do with a relation's row type is none.
    if (field !== undefined && !(call && !ofRows)) {
      context.references.push({ kind: 'field', name: field, typeOid: undefined })
    }
  }
  resolveExpression(context, place, node.indirection)
}
