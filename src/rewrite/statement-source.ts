import type { ByteString } from '../sql/byte-string.js'
import { identifierName } from '../sql/identifier.js'
import type { NameTable } from '../sql/name-table.js'
import type { Token } from '../sql/token.js'
import { isWord as isWordToken, type NamePart, readName, tokenAt } from '../sql/token-index.js'
import { hasWord, type Words, wordsOf } from '../sql/words.js'

/** The text of one statement with its tokens; offsets are those of the whole text that the statement stands in. */
export interface StatementSource {
  readonly text: ByteString
  /** Tokens of the whole text. */
  readonly tokens: readonly Token[]
  /** Byte offsets of the statement, `end` exclusive. */
  readonly start: number
  readonly end: number
  readonly standardConformingStrings: boolean
}

/** The index of the token that starts at a byte offset; throws where none does, which is a bug of the caller. */
export function tokenIndexAt(source: StatementSource, offset: number): number {
  const index = tokenAt(source.tokens, offset)
  if (source.tokens[index]?.start !== offset) throw new Error(`no token starts at byte ${offset}`)
  return index
}

/** The parts of the dotted name that starts at a byte offset. */
export function nameAt(source: StatementSource, offset: number): readonly NamePart[] {
  return readName(source.text, source.tokens, tokenIndexAt(source, offset))
}

/** True where the token at an index is this text (an operator or punctuation). */
export function isSymbol(source: StatementSource, index: number, symbol: string): boolean {
  const token = source.tokens[index]
  return (
    token !== undefined &&
    token.end <= source.end &&
    source.text.startsWith(symbol, token.start) &&
    token.end - token.start === symbol.length
  )
}

/** True where the token at an index is this key word, in lower case. */
export function isWord(source: StatementSource, index: number, word: string): boolean {
  const token = source.tokens[index]
  return token !== undefined && token.end <= source.end && isWordToken(source.text, token, word)
}

/** The key word at an index, in lower case; undefined where it is none. */
export function wordAt(source: StatementSource, index: number): string | undefined {
  const token = source.tokens[index]
  return token?.kind === 'keyword' && token.end <= source.end ? identifierName(source.text, token) : undefined
}

/** The index of the parenthesis that closes the one at `open`. */
export function closingParenthesis(source: StatementSource, open: number): number {
  let depth = 0
  for (let index = open; index < source.tokens.length; index++) {
    if (isOpening(source, index)) depth++
    else if (isClosing(source, index) && --depth === 0) return index
  }
  throw new Error(`the parenthesis at byte ${source.tokens[open]?.start} is not closed`)
}

export function isOpening(source: StatementSource, index: number): boolean {
  const code = signAt(source, index)
  return code === OPENING_PARENTHESIS || code === OPENING_BRACKET
}

export function isClosing(source: StatementSource, index: number): boolean {
  const code = signAt(source, index)
  return code === CLOSING_PARENTHESIS || code === CLOSING_BRACKET
}

const OPENING_PARENTHESIS = 0x28
const CLOSING_PARENTHESIS = 0x29
const OPENING_BRACKET = 0x5b
const CLOSING_BRACKET = 0x5d

/** The code of the punctuation at an index, where it is a single byte. */
function signAt(source: StatementSource, index: number): number | undefined {
  const token = source.tokens[index]
  if (token?.kind !== 'punctuation' || token.end - token.start !== 1 || token.end > source.end) return undefined
  return source.text.charCodeAt(token.start)
}

/** Indexes of the first tokens of the comma-separated elements inside the parenthesis at `open`. */
export function elementsIn(source: StatementSource, open: number): readonly number[] {
  const close = closingParenthesis(source, open)
  const elements: number[] = close > open + 1 ? [open + 1] : []
  for (let index = open + 1; index < close; index++) {
    if (isOpening(source, index)) index = closingParenthesis(source, index)
    else if (isSymbol(source, index, ',')) elements.push(index + 1)
  }
  return elements
}

/** The first index from `from` on at which a key word stands outside of parentheses; -1 where none does. */
export function findWord(source: StatementSource, from: number, word: string): number {
  for (let index = from; index < source.tokens.length && (source.tokens[index]?.end ?? 0) <= source.end; index++) {
    if (isOpening(source, index)) index = closingParenthesis(source, index)
    else if (isWord(source, index, word)) return index
  }
  return -1
}

/** Reserved words that end a target list item where they stand outside of parentheses. */
const AFTER_ITEM: ReadonlySet<string> = new Set([
  'from',
  'into',
  'where',
  'group',
  'having',
  'window',
  'union',
  'intersect',
  'except',
  'order',
  'limit',
  'offset',
  'fetch',
  'for',
  'on',
  'returning',
])

/** The byte offset just after the target list item that starts at a byte offset. */
export function itemEnd(source: StatementSource, start: number): number {
  let last = start
  for (let index = tokenIndexAt(source, start); index < source.tokens.length; index++) {
    const token = source.tokens[index]
    if (token === undefined || token.end > source.end) break
    if (isSymbol(source, index, ',') || isSymbol(source, index, ';') || isClosing(source, index)) break
    const word = wordAt(source, index)
    if (word !== undefined && AFTER_ITEM.has(word) && !isLabelOrPhrase(source, index, word)) break
    if (isOpening(source, index)) {
      index = closingParenthesis(source, index)
      last = source.tokens[index]?.end ?? last
    } else {
      last = token.end
    }
  }
  return last
}

/** `AS from`, `t.order`, IS DISTINCT FROM, WITHIN GROUP and COLLATION FOR: the word belongs to the item. */
function isLabelOrPhrase(source: StatementSource, index: number, word: string): boolean {
  if (isSymbol(source, index - 1, '.')) return true
  const before = wordAt(source, index - 1)
  if (before === 'as') return true
  if (word === 'for') return before === 'collation'
  return (word === 'from' && before === 'distinct') || (word === 'group' && before === 'within')
}

/**
 * Whether a token of the statement, read as a name, is one of these, which are `among` those that may be asked about; its
 * words are gathered at the first question.
 */
export function mentionsIn(source: StatementSource, among: NameTable): (names: ReadonlySet<string>) => boolean {
  const { text, tokens, start, end } = source
  let gathered: { readonly words: Words } | undefined
  return (names) => {
    gathered ??= { words: wordsOf(text, tokens, [tokenAt(tokens, start), tokenAt(tokens, end)], source, among) }
    return hasWord(gathered.words, names)
  }
}
