import type { ColumnRef, Node } from 'libpg-query'
import type { Parser } from '../sql/parse.js'

/** What an expression of a rule may refer to: nothing (`insert`), columns of the new row (`read`) or of the old one (`write` of a table), or `value` (`write`). */
export type ExpressionScope = 'nothing' | 'row' | 'value'

/**
 * Why a text cannot be an expression of a rule; undefined where it can. It must be exactly one SQL expression, without
 * parameters and subqueries, which would mean something else in each statement it is put into. Functions, types and the
 * names of columns are the server's to check.
 */
export function checkExpression(expression: string, scope: ExpressionScope, parser: Parser): string | undefined {
  // On one line with its closing bracket: a trailing `--` comment would swallow what follows it. Brackets of the other
  // kind find brackets that are not balanced in themselves: `1) + (2`.
  const inBrackets = parser.parse(`SELECT (${expression})`)
  const inArray = parser.parse(`SELECT ARRAY[${expression}]`)
  if (inBrackets.kind === 'error') return `not an SQL expression: ${inBrackets.message}`
  if (inArray.kind === 'error') return `not an SQL expression: ${inArray.message}`
  const target = inBrackets.statements.length === 1 ? onlyTarget(inBrackets.statements[0]?.node) : undefined
  if (target === undefined) return 'expected exactly one SQL expression'
  const found: Found = { kinds: new Set(), columns: [] }
  collect(target, found)
  if (found.kinds.has('ParamRef')) return 'the expression may not refer to parameters ($1)'
  if (found.kinds.has('SetToDefault')) return 'the expression may not be DEFAULT'
  if (scope !== 'nothing' && found.kinds.has('SubLink')) return 'the expression may not hold a subquery'
  return wrongReference(found.columns, scope)
}

/** Why a text cannot be the data type of a column; undefined where it can. Whether there is one, the server says. */
export function checkType(type: string, parser: Parser): string | undefined {
  const parsed = parser.parse(`SELECT NULL::${type}`)
  const target = parsed.kind === 'parsed' && parsed.statements.length === 1 ? parsed.statements[0]?.node : undefined
  const found = onlyTarget(target) as { val?: { TypeCast?: object; CollateClause?: object } } | undefined
  const isType = found?.val?.TypeCast !== undefined || found?.val?.CollateClause !== undefined
  return isType && !type.includes('--') ? undefined : `expected a data type, e.g. varchar(20), got "${type}"`
}

function wrongReference(columns: readonly (readonly string[])[], scope: ExpressionScope): string | undefined {
  if (scope === 'nothing') return columns.length > 0 ? 'the expression may not refer to columns' : undefined
  if (columns.some((fields) => fields.at(-1) === '*')) return 'the expression may not refer to whole rows (*)'
  if (scope === 'row') return undefined
  const other = columns.find((fields) => fields.join('.') !== 'value')
  return other === undefined
    ? undefined
    : `the expression may refer to "value" alone, which is the old value, not to "${other.join('.')}"`
}

/** The target list entry of a SELECT that has one target and nothing else. */
function onlyTarget(node: Node | undefined): unknown {
  if (node === undefined || !('SelectStmt' in node)) return undefined
  const { targetList, limitOption, op, ...clauses } = node.SelectStmt
  const plain = Object.keys(clauses).length === 0 && limitOption === 'LIMIT_OPTION_DEFAULT' && op === 'SETOP_NONE'
  if (!plain || !Array.isArray(targetList) || targetList.length !== 1) return undefined
  const target = (targetList[0] as { ResTarget?: { name?: string; val?: { RowExpr?: { location?: number } } } })
    .ResTarget
  // `1, 2` becomes a row whose bracket is ours.
  return target?.name === undefined && target?.val?.RowExpr?.location !== 'SELECT '.length ? target : undefined
}

interface Found {
  readonly kinds: Set<string>
  /** The fields of each column reference; `*` for a whole row. */
  readonly columns: (readonly string[])[]
}

function collect(node: unknown, found: Found): void {
  if (node === null || typeof node !== 'object') return
  for (const [key, value] of Object.entries(node)) {
    if (!Array.isArray(node)) found.kinds.add(key)
    if (key === 'ColumnRef') found.columns.push(fieldsOf(value as ColumnRef))
    collect(value, found)
  }
}

function fieldsOf({ fields = [] }: ColumnRef): string[] {
  return fields.map((field) => ('String' in field ? (field.String.sval ?? '') : '*'))
}
