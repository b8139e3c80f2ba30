import type { Node } from 'libpg-query'
import { taggedNode } from '../resolve/node.js'

/**
 * True where an expression surely gives the same value however often it is evaluated in one row: it calls no function by
 * name and holds no query. PostgreSQL's own operators and casts are not volatile.
 *
 *     $1, 'a', u.name || 'x', a::text => true        nextval('s'), (SELECT 1) => false
 */
export function isRepeatable(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isRepeatable)
  if (typeof value !== 'object' || value === null) return true
  const tagged = taggedNode(value)
  if (tagged === undefined) return Object.values(value).every(isRepeatable)
  const { tag, body } = tagged
  return REPEATABLE.has(tag) && Object.values(body).every(isRepeatable)
}

const REPEATABLE: ReadonlySet<string> = new Set([
  'A_Const',
  'A_Star',
  'Integer',
  'Float',
  'Boolean',
  'BitString',
  'String',
  'List',
  'ParamRef',
  'ColumnRef',
  'TypeCast',
  'TypeName',
  'A_Expr',
  'BoolExpr',
  'NullTest',
  'BooleanTest',
  'CoalesceExpr',
  'MinMaxExpr',
  'CaseExpr',
  'CaseWhen',
  'A_ArrayExpr',
  'A_Indirection',
  'A_Indices',
  'CollateClause',
  'SQLValueFunction',
])

/** True where a value has no type of its own until it meets a column: PostgreSQL takes it as the column's type. */
export function isUntyped(node: Node): boolean {
  if ('ParamRef' in node) return true
  return 'A_Const' in node && (node.A_Const.sval !== undefined || node.A_Const.isnull === true)
}

/** True where a value is cast to the column's type in a way that only a direct assignment allows. */
export function isRow(node: Node): boolean {
  return 'RowExpr' in node
}

export function isDefault(node: Node | undefined): boolean {
  return node !== undefined && 'SetToDefault' in node
}

/** `t.*` among values: it stands for as many as the row has. */
export function isStarNode(node: Node): boolean {
  const last = 'ColumnRef' in node ? node.ColumnRef.fields?.at(-1) : undefined
  return last !== undefined && 'A_Star' in last
}
