import type { Span } from './arrange.js'
import {
  closingParenthesis,
  elementsIn,
  isClosing,
  isOpening,
  isSymbol,
  type StatementSource,
  wordAt,
} from './statement-source.js'

/** The stretches of the comma-separated elements inside the parenthesis at token `open`. */
export function elementSpans(source: StatementSource, open: number): readonly Span[] {
  const close = closingParenthesis(source, open)
  const starts = elementsIn(source, open)
  return starts.map((first, index) => {
    const next = starts[index + 1]
    // The token before the comma, or before the closing parenthesis.
    const last = next === undefined ? close - 1 : next - 2
    return { start: startOf(source, first), end: endOf(source, last) }
  })
}

/** The stretch of the assigned value that starts at token `first`: up to a comma or the clause after the SET list. */
export function valueSpan(source: StatementSource, first: number): Span {
  let last = first
  let cases = 0
  for (let index = first; index < source.tokens.length && endOf(source, index) <= source.end; index++) {
    if (isSymbol(source, index, ',') || isSymbol(source, index, ';') || isClosing(source, index)) break
    // After a dot a word is a name.
    const word = isSymbol(source, index - 1, '.') ? undefined : wordAt(source, index)
    if (word === 'case') cases++
    else if (word === 'end') cases--
    else if (word === 'from' && wordAt(source, index - 1) === 'distinct') last = index
    else if (word === 'from' || word === 'where' || word === 'returning' || (word === 'when' && cases === 0)) break
    last = isOpening(source, index) ? closingParenthesis(source, index) : index
    index = last
  }
  return { start: startOf(source, first), end: endOf(source, last) }
}

export function startOf(source: StatementSource, index: number): number {
  const token = source.tokens[index]
  if (token === undefined) throw new Error(`no token ${index}`)
  return token.start
}

export function endOf(source: StatementSource, index: number): number {
  const token = source.tokens[index]
  if (token === undefined) throw new Error(`no token ${index}`)
  return token.end
}
