import type { InsertReference } from '../resolve/reference.js'
import type { Span } from './arrange.js'
import { rangeText } from './plan-range.js'
import {
  closingParenthesis,
  isClosing,
  isOpening,
  isSymbol,
  isWord,
  type StatementSource,
  wordAt,
} from './statement-source.js'
import { elementSpans, endOf, startOf } from './value-span.js'

/** Where the parts of an INSERT are in the text. */
export interface InsertPlaces {
  /** Byte offset just after the target and its alias, where a column list may be added. */
  readonly afterTarget: number
  /** The column list with its parentheses, and its elements. */
  readonly list: { readonly span: Span; readonly elements: readonly Span[] } | undefined
  /** Token index of VALUES, SELECT, WITH, TABLE, DEFAULT or an opening parenthesis. */
  readonly source: number
}

export function insertPlaces(source: StatementSource, reference: InsertReference): InsertPlaces {
  const target = rangeText(source, reference)
  let index = target.next
  let afterTarget = target.afterAlias
  if (reference.when !== undefined) {
    index = mergeInsert(source, index, reference.when) + 1
    afterTarget = source.tokens[index - 1]?.end ?? afterTarget
  }
  let list: InsertPlaces['list']
  if (reference.listed !== undefined && reference.listed > 0) {
    const close = closingParenthesis(source, index)
    list = { span: { start: startOf(source, index), end: endOf(source, close) }, elements: elementSpans(source, index) }
    index = close + 1
  }
  if (isWord(source, index, 'overriding')) index += 3
  return { afterTarget, list, source: index }
}

/** The token index of the INSERT of a MERGE's WHEN of this number; WHENs of CASE expressions do not count. */
function mergeInsert(source: StatementSource, from: number, when: number): number {
  let cases = 0
  let seen = -1
  for (let index = from; index < source.tokens.length; index++) {
    if (isOpening(source, index)) {
      index = closingParenthesis(source, index)
      continue
    }
    // `s.when` and `AS end` are names.
    if (isSymbol(source, index - 1, '.') || isWord(source, index - 1, 'as')) continue
    const word = wordAt(source, index)
    if (word === 'case') cases++
    else if (word === 'end') cases--
    else if (word === 'when' && cases === 0) seen++
    else if (word === 'insert' && seen === when) return index
  }
  throw new Error('a MERGE without the INSERT that its tree has')
}

/** VALUES with its rows: the stretch from the word on, and each row with its parentheses and its elements. */
export interface ValuesText {
  readonly span: Span
  readonly rows: readonly { readonly span: Span; readonly elements: readonly Span[] }[]
}

export function valuesText(source: StatementSource, from: number): ValuesText {
  let word = from
  // (VALUES (1)) is VALUES too.
  while (!isWord(source, word, 'values')) word++
  const rows: { span: Span; elements: readonly Span[] }[] = []
  for (let open = word + 1; ; ) {
    const close = closingParenthesis(source, open)
    const span = { start: startOf(source, open), end: endOf(source, close) }
    rows.push({ span, elements: elementSpans(source, open) })
    if (!isSymbol(source, close + 1, ',')) return { span: { start: startOf(source, word), end: span.end }, rows }
    open = close + 2
  }
}

/**
 * The query of an INSERT without its WITH, which must stay on the outside (its statements that write may stand nowhere
 * else); undefined where its beginning cannot be told from what WITH says.
 */
export function queryText(source: StatementSource, from: number, conflictAt: number | undefined): Span | undefined {
  const first = isWord(source, from, 'with') ? queryAfterWith(source, from) : from
  if (first === undefined) return undefined
  let last = first
  for (let index = first; index < source.tokens.length && endOf(source, index) <= source.end; index++) {
    if (isClosing(source, index) || isSymbol(source, index, ';')) break
    if (startOf(source, index) === conflictAt || isReturning(source, index)) break
    last = isOpening(source, index) ? closingParenthesis(source, index) : index
    index = last
  }
  return { start: startOf(source, first), end: endOf(source, last) }
}

function isReturning(source: StatementSource, index: number): boolean {
  return isWord(source, index, 'returning') && !isSymbol(source, index - 1, '.') && !isWord(source, index - 1, 'as')
}

/** The token index of SELECT, TABLE, VALUES or a parenthesis after the CTEs. */
function queryAfterWith(source: StatementSource, from: number): number | undefined {
  for (let index = from + 1; index < source.tokens.length; index++) {
    const word = isClosing(source, index - 1) ? wordAt(source, index) : undefined
    if (word === 'select' || word === 'table' || word === 'values') return index
    if (!isOpening(source, index)) continue
    const close = closingParenthesis(source, index)
    // After the body of a CTE comes a comma, the query, or SEARCH or CYCLE, which end in a name.
    if (isOpening(source, close + 1)) return close + 1
    if (isWord(source, close + 1, 'search') || isWord(source, close + 1, 'cycle')) return undefined
    index = close
  }
  return undefined
}
