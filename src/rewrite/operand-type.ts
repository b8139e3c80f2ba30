import type { Node, TypeName } from 'libpg-query'
import { stringsOf } from '../resolve/node.js'
import { lookUpType } from '../resolve/type-name.js'
import { displayedType } from './assignable.js'
import { withoutLength } from './computed.js'
import { typeText } from './object-mapping.js'
import type { PlanContext } from './plan-context.js'

/**
 * The type of what a column is compared with: `untyped` where it takes the column's type, undefined where it is not known.
 *
 *     $1, 'x': untyped     7: integer     $1::text: text     o.user_id: the column's type     f(x): undefined
 */
export function operandType(context: PlanContext, node: Node): string | undefined {
  if ('ParamRef' in node) return parameterType(context, node.ParamRef.number ?? 0)
  if ('A_Const' in node) {
    const { sval, ival, fval, isnull } = node.A_Const
    if (sval !== undefined || isnull === true) return 'untyped'
    return ival !== undefined ? 'integer' : fval !== undefined ? 'numeric' : undefined
  }
  if ('TypeCast' in node) {
    const { typeName } = node.TypeCast
    const { arrayBounds, ...element } = typeName ?? {}
    const type = displayedType(element)
    if (type === undefined) return shadowOperand(context, node) && shadowType(context, typeName)
    return type === undefined || arrayBounds === undefined ? type : `${type}[]`
  }
  if ('ColumnRef' in node) {
    const bound = context.keyFacts.bound.get(node.ColumnRef)
    const column = bound?.range.relation?.columns[bound.index]
    if (column === undefined) return undefined
    return shadowText(context, column.typeOid) ?? withoutLength(column.type)
  }
  if ('A_Expr' in node && node.A_Expr.kind === 'AEXPR_OP') return arithmeticType(context, node.A_Expr)
  if ('FuncCall' in node) return functionType(node)
  return undefined
}

/** A parameter that its Parse declares is what it is declared as. */
function parameterType(context: PlanContext, number: number): string | undefined {
  const oid = context.names.declaredTypes?.split(',')[number - 1] ?? '0'
  return oid === '0' ? 'untyped' : (BY_OID[oid] ?? shadowText(context, Number(oid)))
}

/** A relabelled enum, by its old oid, as its shadow type; undefined for others, and for arrays. */
function shadowText({ step }: PlanContext, oid: number): string | undefined {
  const pair = step.mapping.objects?.get(oid)
  return pair?.relabelled === undefined ? undefined : typeText(pair.after)
}

/** What is cast to a type that is a shadow type now, where it has no type of its own: `'sad'` of `'sad'::mood`. */
export function shadowOperand(context: PlanContext, node: Node): Node | undefined {
  if (!('TypeCast' in node)) return undefined
  const { arg, typeName } = node.TypeCast
  const isPlain = arg !== undefined && ('ParamRef' in arg || ('A_Const' in arg && arg.A_Const.sval !== undefined))
  return isPlain && typeName?.arrayBounds === undefined && shadowType(context, typeName) !== undefined ? arg : undefined
}

function shadowType(context: PlanContext, name: TypeName | undefined): string | undefined {
  const names = stringsOf(name?.names)
  const found = lookUpType({ ...context.names, catalog: context.step.before }, names.at(-2), names.at(-1) ?? '')
  return found !== undefined && 'object' in found ? shadowText(context, found.object.oid) : undefined
}

const BY_OID: Readonly<Record<string, string>> = {
  20: 'bigint',
  21: 'smallint',
  23: 'integer',
  25: 'text',
  700: 'real',
  701: 'double precision',
  1043: 'character varying',
  1082: 'date',
  1114: 'timestamp without time zone',
  1700: 'numeric',
  1005: 'smallint[]',
  1007: 'integer[]',
  1009: 'text[]',
  1015: 'character varying[]',
  1016: 'bigint[]',
  705: 'untyped',
}

function arithmeticType(
  context: PlanContext,
  { name, lexpr, rexpr }: { readonly name?: readonly Node[]; readonly lexpr?: Node; readonly rexpr?: Node },
): string | undefined {
  const [symbol] = name ?? []
  const operator = symbol !== undefined && 'String' in symbol && name?.length === 1 ? symbol.String.sval : undefined
  if (operator === undefined || !['+', '-', '*', '/', '%'].includes(operator)) return undefined
  const types = [lexpr, rexpr].flatMap((side) => (side === undefined ? [] : [operandType(context, side)]))
  const isOneOf = (type: string | undefined) => type !== undefined && NUMBERS.has(type)
  return types.some(isOneOf) && types.every((type) => type === 'untyped' || isOneOf(type)) ? 'numeric' : undefined
}

/** Built-in functions that give text whatever they are given. */
const TEXT_FUNCTIONS: ReadonlySet<string> = new Set([
  'lower',
  'upper',
  'btrim',
  'ltrim',
  'rtrim',
  'md5',
  'concat',
  'left',
])
const NUMBER_FUNCTIONS: ReadonlySet<string> = new Set(['currval', 'nextval', 'lastval', 'length', 'char_length', 'abs'])

function functionType(node: Extract<Node, { FuncCall: unknown }>): string | undefined {
  const names = (node.FuncCall.funcname ?? []).map((part) => ('String' in part ? (part.String.sval ?? '') : ''))
  if (names.length > 1 && names[0] !== 'pg_catalog') return undefined
  const name = names.at(-1) ?? ''
  return TEXT_FUNCTIONS.has(name) ? 'text' : NUMBER_FUNCTIONS.has(name) ? 'bigint' : undefined
}

const NUMBERS: ReadonlySet<string> = new Set(['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision'])
export function isNumber(type: string): boolean {
  return NUMBERS.has(type)
}

const TEXTS: ReadonlySet<string> = new Set(['text', 'character varying'])
const TIMES: ReadonlySet<string> = new Set(['timestamp without time zone', 'date'])

/**
 * Whether a comparison of the old type with this one is by the old type's own kind of operator, so that it decides the
 * same on a key column of that kind, and so that the operand can be taken as the old type.
 */
export function comparesAs(old: string, type: string | undefined): boolean {
  if (type === undefined) return false
  if (type === 'untyped' || type === old) return true
  return [NUMBERS, TEXTS, TIMES].some((kind) => kind.has(old) && kind.has(type))
}
