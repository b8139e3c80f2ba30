import type { Node, TypeName } from 'libpg-query'
import { locationOf, stringsOf } from '../resolve/node.js'
import type { ComputedColumn } from './mapping.js'
import type { PlanContext } from './plan-context.js'

/**
 * Refuses a value that PostgreSQL does not assign to a column of the old type, in its own words: the cast to the old type
 * that stands in its place now is an explicit one, which does more. Only what is certain of types is judged.
 *
 *     SET age = name  =>  42804 column "age" is of type integer but expression is of type text
 */
export function refuseUnassignable(
  context: PlanContext,
  name: string,
  column: ComputedColumn,
  value: Node,
  from = typeOf(context, value),
): boolean {
  const to = withoutTypmod(column.type)
  if (from === undefined || isAssignable(from, to)) return false
  context.refusals.push({
    sqlstate: '42804',
    message: `column "${name}" is of type ${to} but expression is of type ${from}`,
    hint: 'You will need to rewrite or cast the expression.',
    at: leftmost(value),
  })
  return true
}

type Category = 'string' | 'number' | 'boolean' | 'time'

/** Types between which PostgreSQL has casts for assignments within a category, and to strings, but nowhere else. */
const CATEGORIES: ReadonlyMap<string, Category> = new Map([
  ['text', 'string'],
  ['character varying', 'string'],
  ['character', 'string'],
  ['smallint', 'number'],
  ['integer', 'number'],
  ['bigint', 'number'],
  ['numeric', 'number'],
  ['real', 'number'],
  ['double precision', 'number'],
  ['boolean', 'boolean'],
  ['date', 'time'],
  ['timestamp without time zone', 'time'],
  ['timestamp with time zone', 'time'],
])

function isAssignable(from: string, to: string): boolean {
  const [source, target] = [CATEGORIES.get(from), CATEGORIES.get(to)]
  return source === undefined || target === undefined || source === target || target === 'string'
}

/** The type of a value, as messages name it; undefined where it is not certain at sight. */
function typeOf(context: PlanContext, node: Node): string | undefined {
  if ('TypeCast' in node) return displayedType(node.TypeCast.typeName)
  if ('A_Const' in node) {
    const { ival, boolval } = node.A_Const
    return ival !== undefined ? 'integer' : boolval !== undefined ? 'boolean' : undefined
  }
  if (!('ColumnRef' in node)) return undefined
  const reference = context.references.find((one) => one.kind === 'column' && one.node === node.ColumnRef)
  const type = reference?.kind === 'column' ? reference.range.relation?.columns[reference.index]?.type : undefined
  return type === undefined ? undefined : withoutTypmod(type)
}

/** By PostgreSQL's own name, as the grammar gives it for the names of the standard. */
const DISPLAYED: Readonly<Record<string, string>> = {
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
  float4: 'real',
  float8: 'double precision',
  bool: 'boolean',
  varchar: 'character varying',
  bpchar: 'character',
  timestamp: 'timestamp without time zone',
  timestamptz: 'timestamp with time zone',
  numeric: 'numeric',
  text: 'text',
  date: 'date',
}

/** A type as messages name it; undefined for arrays and for types outside of this list. */
export function displayedType(name: TypeName | undefined): string | undefined {
  const parts = stringsOf(name?.names)
  if (name === undefined || name.arrayBounds !== undefined || name.setof === true || parts.length > 2) return undefined
  if (parts.length === 2 && parts[0] !== 'pg_catalog') return undefined
  return DISPLAYED[parts.at(-1) ?? '']
}

function withoutTypmod(type: string): string {
  return type.replace(/\(\d+(?:,-?\d+)?\)/, '')
}

function leftmost(node: Node): number {
  if ('TypeCast' in node && node.TypeCast.arg !== undefined) {
    return Math.min(locationOf(node.TypeCast), leftmost(node.TypeCast.arg))
  }
  const [body] = Object.values(node) as { readonly location?: number }[]
  return body === undefined ? 0 : locationOf(body)
}
