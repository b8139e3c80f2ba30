import type { FuncCall, Node, SubLink, TypeCast } from 'libpg-query'
import type { Place, ResolveContext } from './context.js'
import { resolveColumnRef, resolveExpression } from './expression.js'
import { type FromItem, reportCall } from './function-name.js'
import { resolveHiddenQuery } from './hidden-query.js'
import { isNameType, type NameType, resolveNamesString } from './names-string.js'
import { lookUpRelation } from './namespace.js'
import { locationOf, stringsOf } from './node.js'
import { splitQualifiedName } from './qualified-name.js'
import type { NameStringReference, RowUse, UnknownNameReference } from './reference.js'
import { resolveTypeName } from './type-name.js'

/** Functions that show a row's field names, or keep the row in a value that may be shown so later. */
export const ROW_NAME_FUNCTIONS: ReadonlySet<string> = new Set([
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

/** Functions with a relation's name in a string (type regclass or text): which argument it is, from 0. */
const NAME_FUNCTIONS: Readonly<Record<string, (count: number) => number>> = {
  nextval: () => 0,
  currval: () => 0,
  setval: () => 0,
  to_regclass: () => 0,
  pg_get_serial_sequence: () => 0,
  pg_relation_size: () => 0,
  pg_table_size: () => 0,
  pg_total_relation_size: () => 0,
  pg_indexes_size: () => 0,
  pg_relation_filepath: () => 0,
  pg_sequence_last_value: () => 0,
  pg_get_viewdef: () => 0,
  pg_partition_tree: () => 0,
  pg_partition_ancestors: () => 0,
  pg_partition_root: () => 0,
  pg_relation_filenode: () => 0,
  pg_relation_is_publishable: () => 0,
  row_security_active: () => 0,
  // A role may come first.
  has_table_privilege: (count) => count - 2,
  has_sequence_privilege: (count) => count - 2,
  has_any_column_privilege: (count) => count - 2,
  has_column_privilege: (count) => count - 3,
}

/** Functions with a type's or a function's name in a string: which argument it is, from 0, or -n from the last. */
const OBJECT_NAME_FUNCTIONS: Readonly<Record<string, { readonly at: number; readonly as: NameType }>> = {
  to_regtype: { at: 0, as: 'regtype' },
  to_regproc: { at: 0, as: 'regproc' },
  to_regprocedure: { at: 0, as: 'regprocedure' },
  has_type_privilege: { at: -2, as: 'regtype' },
  has_function_privilege: { at: -2, as: 'regprocedure' },
}

/** Of those the ones with the name of one of its columns in the next argument. */
const COLUMN_FUNCTIONS: ReadonlySet<string> = new Set(['pg_get_serial_sequence', 'has_column_privilege'])

/**
 * Reports a function call: its name may give rows of a relation, its arguments may name relations in strings.
 * `item`: the item of FROM that it is.
 */
export function resolveFuncCall(context: ResolveContext, place: Place, node: FuncCall, item: FromItem = {}): void {
  reportCall(context, node, item)
  const names = stringsOf(node.funcname)
  const name = names.at(-1) ?? ''
  const schema = names.at(-2)
  let takesRows = false
  for (const candidate of context.namespace.catalog.rowTypeFunctions) {
    if (candidate.name === name && (schema === undefined || schema === candidate.schema)) {
      const { relationOid, givesRows } = candidate
      takesRows = true
      if (item.range === undefined) context.references.push({ kind: 'row-function', relationOid, givesRows, node })
    }
  }
  const builtIn = schema === undefined || schema === 'pg_catalog'
  const nameAt = builtIn ? NAME_FUNCTIONS[name]?.(node.args?.length ?? 0) : undefined
  if (nameAt !== undefined) {
    resolveNameString(context, node.args?.[nameAt], name === 'to_regclass' ? 'null' : 'error')
    if (COLUMN_FUNCTIONS.has(name)) resolveColumnString(context, node.args?.[nameAt], node.args?.[nameAt + 1])
  }
  resolveHiddenQuery(context, name, node)
  if (builtIn && name === 'format_type') context.references.push({ kind: 'type-oid', node })
  const read = builtIn ? OBJECT_NAME_FUNCTIONS[name] : undefined
  if (read !== undefined) resolveNamesString(context, node.args?.at(read.at), read.as, false)
  if (takesRegclass(context, name))
    for (const argument of node.args ?? []) resolveNameString(context, argument, undefined)
  // What a function of the user's own does with a row that it takes as anyelement or record is not known.
  const namesSeen =
    place.rowUse === 'names' || ROW_NAME_FUNCTIONS.has(name) || (!takesRows && isOwnFunction(context, name))
  const inner: Place = { ...place, rowUse: namesSeen ? 'names' : 'type' }
  for (const argument of node.args ?? []) {
    if ('ColumnRef' in argument) {
      const before = context.references.length
      resolveColumnRef(context, inner, argument.ColumnRef, argumentUse(node, name, takesRows, namesSeen, builtIn))
      if (!takesRows && node.args?.length === 1) noteProjection(context, before, schema, name)
    } else {
      resolveExpression(context, inner, argument)
    }
  }
  resolveExpression(context, inner, node.agg_order)
  resolveExpression(context, inner, node.agg_filter)
  resolveExpression(context, inner, node.over)
}

function isOwnFunction(context: ResolveContext, name: string): boolean {
  return (context.namespace.catalog.objectsByName.get(name) ?? []).some((object) => object.kind === 'function')
}

/** A function of the user's own with an argument of type regclass (oid 2205, pg_type.dat). */
function takesRegclass(context: ResolveContext, name: string): boolean {
  return (context.namespace.catalog.objectsByName.get(name) ?? []).some(
    (object) => object.kind === 'function' && / 2205\b/.test(` ${object.shape.join(' ')}`),
  )
}

function argumentUse(node: FuncCall, name: string, takesRows: boolean, namesSeen: boolean, builtIn: boolean): RowUse {
  if (takesRows) return 'argument'
  if (namesSeen) return 'names'
  if (builtIn && name === 'count') return node.agg_distinct ? 'value' : 'count'
  return 'type'
}

/** `name(u)` is the column u.name where there is no such function (ParseFuncOrColumn). */
function noteProjection(context: ResolveContext, at: number, schema: string | undefined, name: string): void {
  const found = context.references[at]
  if (schema !== undefined || found?.kind !== 'whole-row') return
  if (found.range.columns?.includes(name)) {
    context.references[at] = { ...found, use: 'projection', field: name }
  }
}

export function resolveTypeCast(context: ResolveContext, place: Place, node: TypeCast): void {
  const type = stringsOf(node.typeName?.names).at(-1) ?? ''
  const isArray = (node.typeName?.arrayBounds ?? []).length > 0
  if (type === 'regclass' && !isArray) resolveNameString(context, node.arg, 'error')
  else if (isNameType(type)) resolveNamesString(context, node.arg, type, isArray)
  else resolveTypeName(context, node.typeName)
  const asText = isTextType(node) && place.rowUse !== 'names'
  const rowUse = asText ? 'value' : /^jsonb?$/.test(type) ? 'names' : place.rowUse
  const since = context.references.length
  resolveExpression(context, { ...place, rowUse }, node.arg)
  if (type === 'regtype' && !isArray) reportTypeOid(context, since, node.arg)
}

/** The alias under which a rewritten oid of a type is known to the next step. */
export const TYPE_OID_ALIAS = 'hotswap_type'

function reportTypeOid(context: ResolveContext, since: number, node: Node | undefined): void {
  if (node === undefined) return
  if ('ColumnRef' in node && isSystemOid(context, since)) {
    context.references.push({ kind: 'type-oid', node: node.ColumnRef })
  } else if ('SubLink' in node && isRewrittenOid(node.SubLink)) {
    context.references.push({ kind: 'type-oid', node: node.SubLink })
  }
}

/** A column of pg_catalog of type oid (26, pg_type.dat). */
function isSystemOid(context: ResolveContext, at: number): boolean {
  const found = context.references[at]
  if (found?.kind !== 'column') return false
  const { relation } = found.range
  return relation?.schema === 'pg_catalog' && relation.columns[found.index]?.typeOid === 26
}

function isRewrittenOid({ subselect }: SubLink): boolean {
  const [from] = subselect !== undefined && 'SelectStmt' in subselect ? (subselect.SelectStmt.fromClause ?? []) : []
  return from !== undefined && 'RangeSubselect' in from && from.RangeSubselect.alias?.aliasname === TYPE_OID_ALIAS
}

/** Reports a string constant that is read as a relation's name; `missing` says what becomes of an unknown one, if certain. */
function resolveNameString(
  context: ResolveContext,
  node: Node | undefined,
  missing: UnknownNameReference['missing'] | undefined,
): void {
  const found = nameIn(node)
  if (found === undefined) return
  const relation = lookUpRelation(context.namespace, found.schema, found.name)
  if (relation !== undefined) context.references.push({ kind: 'name-string', relation, ...found })
  else if (missing !== undefined) context.references.push({ kind: 'unknown-name', missing, ...found })
}

/** The relation's name that a string holds. */
function nameIn(node: Node | undefined): Omit<NameStringReference, 'kind' | 'relation'> | undefined {
  if (node !== undefined && 'TypeCast' in node && isTextType(node.TypeCast)) return nameIn(node.TypeCast.arg)
  if (node === undefined || !('A_Const' in node)) return undefined
  const names = splitQualifiedName(node.A_Const.sval?.sval ?? '')
  if (names === undefined) return undefined
  return { location: locationOf(node.A_Const), schema: names.at(-2), name: names.at(-1) ?? '' }
}

function isRegclass({ typeName }: TypeCast): boolean {
  return stringsOf(typeName?.names).at(-1) === 'regclass'
}

function isTextType({ typeName }: TypeCast): boolean {
  return ['text', 'varchar', 'bpchar'].includes(stringsOf(typeName?.names).at(-1) ?? '')
}

/** pg_get_serial_sequence('users', 'id'): the second string is a column's name, taken as it is. */
function resolveColumnString(context: ResolveContext, table: Node | undefined, column: Node | undefined): void {
  const cast = table !== undefined && 'TypeCast' in table && isRegclass(table.TypeCast) ? table.TypeCast.arg : table
  const found = nameIn(cast)
  const relation = found === undefined ? undefined : lookUpRelation(context.namespace, found.schema, found.name)
  if (relation === undefined || column === undefined || !('A_Const' in column)) return
  const name = column.A_Const.sval?.sval ?? ''
  context.references.push({ kind: 'column-string', relation, location: locationOf(column.A_Const), name })
}
