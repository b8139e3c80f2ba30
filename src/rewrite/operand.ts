import type { Node } from 'libpg-query'
import { locationOf } from '../resolve/node.js'
import { closingParenthesis, isSymbol, isWord, nameAt, type StatementSource, tokenIndexAt } from './statement-source.js'

/** The byte offset at which a parameter, a literal or a cast of one starts; undefined for anything else. */
export function operandStart(node: Node): number | undefined {
  if ('ParamRef' in node) return locationOf(node.ParamRef)
  if ('A_Const' in node) return locationOf(node.A_Const)
  if ('TypeCast' in node && node.TypeCast.arg !== undefined) {
    const start = operandStart(node.TypeCast.arg)
    // `date '2020-01-01'` and CAST (...) start before their value.
    return start !== undefined && start < locationOf(node.TypeCast) ? start : undefined
  }
  return undefined
}

/** The byte offset just after such an operand. */
export function operandEnd(source: StatementSource, node: Node): number | undefined {
  const start = operandStart(node)
  if (start === undefined) return undefined
  if ('TypeCast' in node && node.TypeCast.arg !== undefined) return castEnd(source, node.TypeCast.arg)
  const index = tokenIndexAt(source, start)
  return source.tokens[isSymbol(source, index, '-') ? index + 1 : index]?.end
}

/** After `::`: a dotted name, further words of the type, a length, brackets. */
function castEnd(source: StatementSource, argument: Node): number | undefined {
  const before = operandEnd(source, argument)
  const colons = before === undefined ? -1 : source.tokens.findIndex((token) => token.start >= before)
  if (colons < 0 || !isSymbol(source, colons, '::')) return undefined
  const name = source.tokens[colons + 1]
  if (name === undefined) return undefined
  const parts = nameAt(source, name.start)
  let last = colons + parts.length * 2 - 1
  for (;;) {
    if (TYPE_WORDS.some((word) => isWord(source, last + 1, word))) last++
    else if (isSymbol(source, last + 1, '(') || isSymbol(source, last + 1, '[')) {
      last = closingParenthesis(source, last + 1)
    } else return source.tokens[last]?.end
  }
}

const TYPE_WORDS = ['varying', 'precision', 'with', 'without', 'time', 'zone']
