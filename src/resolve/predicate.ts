import type { A_Expr, ColumnRef, Node } from 'libpg-query'
import type { ResolveContext } from './context.js'
import type { ComparisonReference } from './reference.js'

type Operator = ComparisonReference['operator']

const OPERATORS: ReadonlySet<string> = new Set(['=', '<', '>', '<=', '>='])
const MIRRORED: Readonly<Record<Operator, Operator>> = {
  '=': '=',
  '<': '>',
  '>': '<',
  '<=': '>=',
  '>=': '<=',
}

/**
 * Reports comparisons of a column of which only the truth counts, not whether they are false or NULL: those of WHERE and ON
 * under AND and OR. There a further condition that follows from the comparison changes nothing.
 */
export function reportComparisons(context: ResolveContext, node: Node | undefined): void {
  if (node === undefined) return
  if ('BoolExpr' in node) {
    if (node.BoolExpr.boolop !== 'NOT_EXPR') for (const arg of node.BoolExpr.args ?? []) reportComparisons(context, arg)
    return
  }
  if (!('A_Expr' in node)) return
  const { kind, lexpr, rexpr, name } = node.A_Expr
  const [symbol] = name ?? []
  const operator = symbol !== undefined && 'String' in symbol && name?.length === 1 ? (symbol.String.sval ?? '') : ''
  switch (kind) {
    case 'AEXPR_OP': {
      if (!OPERATORS.has(operator)) return
      const [left, right] = [columnRef(lexpr), columnRef(rexpr)]
      if (left !== undefined && rexpr !== undefined) {
        push(context, node.A_Expr, 'operator', operator as Operator, left, 'left', [rexpr])
      }
      if (right !== undefined && lexpr !== undefined) {
        push(context, node.A_Expr, 'operator', MIRRORED[operator as Operator], right, 'right', [lexpr])
      }
      return
    }
    case 'AEXPR_IN':
    case 'AEXPR_OP_ANY': {
      const column = columnRef(lexpr)
      if (operator !== '=' || column === undefined || rexpr === undefined) return
      const others = 'List' in rexpr ? (rexpr.List.items ?? []) : [rexpr]
      push(context, node.A_Expr, kind === 'AEXPR_IN' ? 'in' : 'any', '=', column, 'left', others)
      return
    }
    case 'AEXPR_BETWEEN': {
      const column = columnRef(lexpr)
      if (column === undefined || rexpr === undefined || !('List' in rexpr)) return
      push(context, node.A_Expr, 'between', '>=', column, 'left', rexpr.List.items ?? [])
      return
    }
  }
}

function columnRef(node: Node | undefined): ColumnRef | undefined {
  return node !== undefined && 'ColumnRef' in node ? node.ColumnRef : undefined
}

function push(
  context: ResolveContext,
  node: A_Expr,
  form: ComparisonReference['form'],
  operator: ComparisonReference['operator'],
  column: ColumnRef,
  side: ComparisonReference['side'],
  others: readonly Node[],
): void {
  context.references.push({ kind: 'comparison', node, form, operator, column, side, others })
}
