import type { Node } from 'libpg-query'
import type { Parser } from '../sql/parse.js'

/**
 * Why a text cannot be what an old INSERT gives to a new column; undefined where it can. It must be exactly one SQL
 * expression without references to columns or parameters, which would mean something else in each statement it is
 * put into.
 */
export function checkInsertExpression(expression: string, parser: Parser): string | undefined {
  // On one line with its closing bracket: a trailing `--` comment would swallow what follows it. Brackets of the other
  // kind find brackets that are not balanced in themselves: `1) + (2`.
  const inBrackets = parser.parse(`SELECT (${expression})`)
  const inArray = parser.parse(`SELECT ARRAY[${expression}]`)
  if (inBrackets.kind === 'error') return `not an SQL expression: ${inBrackets.message}`
  if (inArray.kind === 'error') return `not an SQL expression: ${inArray.message}`
  const target = inBrackets.statements.length === 1 ? onlyTarget(inBrackets.statements[0]?.node) : undefined
  if (target === undefined) return 'expected exactly one SQL expression'
  const kinds = new Set<string>()
  collectKinds(target, kinds)
  if (kinds.has('ColumnRef')) return 'the expression may not refer to columns'
  if (kinds.has('ParamRef')) return 'the expression may not refer to parameters ($1)'
  if (kinds.has('SetToDefault')) return 'the expression may not be DEFAULT'
  return undefined
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

function collectKinds(node: unknown, kinds: Set<string>): void {
  if (node === null || typeof node !== 'object') return
  for (const [key, value] of Object.entries(node)) {
    if (!Array.isArray(node)) kinds.add(key)
    collectKinds(value, kinds)
  }
}
