import type { ByteString } from './byte-string.js'
import {
  AMPERSAND,
  COLON,
  DIGIT,
  DOLLAR,
  DOT,
  DOUBLE_QUOTE,
  EQUALS,
  IDENT_START,
  isIn,
  OPERATOR,
  QUOTE,
} from './character.js'
import { LexemeFailure } from './lexeme-failure.js'
import { numberEnd, paramEnd } from './number-lexeme.js'
import { operatorRunEnd } from './operator-lexeme.js'
import {
  dollarStringEnd,
  dollarTagEnd,
  escapeStringEnd,
  identifierEnd,
  quotedIdentifierEnd,
  stringEnd,
} from './quoted-lexeme.js'
import type { TokenKind } from './token.js'

// The letters that may stand before a quote, in lower case.
const B = 0x62
const E = 0x65
const N = 0x6e
const U = 0x75
const X = 0x78

/**
 * What the lexeme at `at` is, by the first bytes of it; a word is an `identifier`, whether or not it is a keyword. With
 * `lexemeEnd`, this is scan.l (PostgreSQL 18) as libpg-query has it. Neither looks at a byte more than a fixed number of
 * times, so that a scan takes linear time.
 */
export function lexemeKind(text: ByteString, at: number): TokenKind {
  if (isIn(text, at, IDENT_START)) return wordKind(text, at)
  if (isIn(text, at, OPERATOR)) return 'operator'
  if (isIn(text, at, DIGIT)) return 'number'
  switch (text.charCodeAt(at)) {
    case QUOTE:
      return 'string'
    case DOUBLE_QUOTE:
      return 'quoted'
    case DOT:
      return isIn(text, at + 1, DIGIT) ? 'number' : 'punctuation'
    case DOLLAR:
      if (isIn(text, at + 1, DIGIT)) return 'param'
      return dollarTagEnd(text, at) === undefined ? 'punctuation' : 'string'
    case COLON:
      return text.charCodeAt(at + 1) === EQUALS ? 'operator' : 'punctuation'
    default:
      return 'punctuation'
  }
}

function wordKind(text: ByteString, at: number): TokenKind {
  const next = text.charCodeAt(at + 1)
  if (next !== QUOTE && next !== AMPERSAND) return 'identifier'
  const letter = text.charCodeAt(at) | 0x20
  if (next === AMPERSAND) {
    if (letter !== U) return 'identifier'
    const quote = text.charCodeAt(at + 2)
    return quote === QUOTE ? 'string' : quote === DOUBLE_QUOTE ? 'unicode-quoted' : 'identifier'
  }
  switch (letter) {
    case B:
    case X:
      return 'bit-string'
    case E:
      return 'string'
    case N:
      return 'keyword'
    default:
      return 'identifier'
  }
}

/**
 * The offset after the lexeme of this kind at `at`, or a LexemeFailure. For `operator` it is the end of the whole run of
 * operator characters, which may hold several operators (see operatorEnd).
 */
export function lexemeEnd(text: ByteString, at: number, kind: TokenKind, conforming: boolean): number {
  switch (kind) {
    case 'identifier':
      return identifierEnd(text, at)
    case 'keyword':
      return at + 1
    case 'quoted':
      return quotedIdentifierEnd(text, at)
    case 'unicode-quoted':
      return quotedIdentifierEnd(text, at + 2)
    case 'string':
      return literalEnd(text, at, conforming)
    case 'bit-string': {
      const unterminated = (text.charCodeAt(at) | 0x20) === B ? LexemeFailure.bitString : LexemeFailure.hexString
      return stringEnd(text, at + 1, unterminated, false)
    }
    case 'number':
      return numberEnd(text, at)
    case 'param':
      return paramEnd(text, at)
    case 'operator':
      return text.charCodeAt(at) === COLON ? at + 2 : operatorRunEnd(text, at)
    case 'punctuation': {
      const code = text.charCodeAt(at)
      return (code === DOT || code === COLON) && text.charCodeAt(at + 1) === code ? at + 2 : at + 1
    }
  }
}

function literalEnd(text: ByteString, at: number, conforming: boolean): number {
  const code = text.charCodeAt(at)
  if (code === QUOTE) {
    return conforming ? stringEnd(text, at, LexemeFailure.quotedString) : escapeStringEnd(text, at)
  }
  if (code === DOLLAR) return dollarStringEnd(text, at, dollarTagEnd(text, at) ?? at)
  if ((code | 0x20) === E) return escapeStringEnd(text, at + 1)
  return conforming ? stringEnd(text, at + 2, LexemeFailure.quotedString) : LexemeFailure.unsafeUnicodeString
}
