import type { ByteString } from './byte-string.js'
import { identifierName } from './identifier.js'
import { foldsToWord } from './keywords.js'
import type { Token } from './token.js'

/** One part of a dotted name; offsets are byte offsets, quotes included. `*` is a part named `*` that is not quoted. */
export interface NamePart {
  readonly name: string
  readonly start: number
  readonly end: number
  readonly star: boolean
}

/** The index of the first token that starts at or after a byte offset; tokens.length where none does. */
export function tokenAt(tokens: readonly Token[], offset: number): number {
  let low = 0
  let high = tokens.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((tokens[middle]?.start ?? 0) < offset) low = middle + 1
    else high = middle
  }
  return low
}

/** The first token that starts at or after a byte offset. */
export function nextToken(tokens: readonly Token[], offset: number): Token | undefined {
  return tokens[tokenAt(tokens, offset)]
}

/** Whether the token is exactly this text; for operators and punctuation. */
export function isSymbol(text: ByteString, token: Token | undefined, symbol: string): boolean {
  if (token === undefined || (token.kind !== 'operator' && token.kind !== 'punctuation')) return false
  return token.end - token.start === symbol.length && text.startsWith(symbol, token.start)
}

/** Whether the token is this keyword, given in lower case. */
export function isWord(text: ByteString, token: Token | undefined, word: string): boolean {
  if (token?.kind !== 'keyword' || token.end - token.start !== word.length) return false
  return foldsToWord(text, token.start, word)
}

/**
 * The dotted name that starts at tokens[index], with whatever white space and comments between its parts: `a . "B" .*` is
 * a, B, *. Empty where no name starts there. An escape that UESCAPE gives a U&"" part is obeyed and belongs to the part.
 */
export function readName(text: ByteString, tokens: readonly Token[], index: number): readonly NamePart[] {
  const parts: NamePart[] = []
  for (let at = index; ; at++) {
    const token = tokens[at]
    if (token === undefined) return parts
    if (isSymbol(text, token, '*')) {
      parts.push({ name: '*', start: token.start, end: token.end, star: true })
      return parts
    }
    if (!isName(token)) return parts
    const uescape = token.kind === 'unicode-quoted' ? uescapeOf(text, tokens, at) : undefined
    const end = uescape === undefined ? token.end : uescape.end
    parts.push({ name: identifierName(text, token, uescape?.character), start: token.start, end, star: false })
    if (uescape !== undefined) at += 2
    at++
    if (!isSymbol(text, tokens[at], '.')) return parts
  }
}

function isName(token: Token): boolean {
  const { kind } = token
  return kind === 'identifier' || kind === 'keyword' || kind === 'quoted' || kind === 'unicode-quoted'
}

function uescapeOf(
  text: ByteString,
  tokens: readonly Token[],
  index: number,
): { readonly character: string; readonly end: number } | undefined {
  const literal = tokens[index + 2]
  if (!isWord(text, tokens[index + 1], 'uescape') || literal?.kind !== 'string') return undefined
  return { character: text.charAt(literal.end - 2), end: literal.end }
}

/**
 * The index after the parenthesis or bracket that closes the one at tokens[index]; tokens.length where none does, and
 * index itself where none opens there.
 */
export function skipParentheses(text: ByteString, tokens: readonly Token[], index: number): number {
  let depth = 0
  for (let at = index; at < tokens.length; at++) {
    const token = tokens[at]
    if (isSymbol(text, token, '(') || isSymbol(text, token, '[')) depth++
    else if (isSymbol(text, token, ')') || isSymbol(text, token, ']')) depth--
    if (depth <= 0) return at === index ? index : at + 1
  }
  return tokens.length
}
