import type { ByteString } from './byte-string.js'
import {
  BACKSLASH,
  DIGIT,
  DOLLAR,
  DOLLAR_TAG,
  DOUBLE_QUOTE,
  IDENT_CONT,
  isIn,
  NEWLINE,
  QUOTE,
  RETURN,
  runEnd,
  SPACE,
} from './character.js'
import { LexemeFailure } from './lexeme-failure.js'

export function identifierEnd(text: ByteString, start: number): number {
  return runEnd(text, start + 1, IDENT_CONT)
}

/** The end of "...", whose opening quote is at `quote`. */
export function quotedIdentifierEnd(text: ByteString, quote: number): number {
  let at = quote + 1
  for (;;) {
    at = text.indexOf('"', at)
    if (at < 0) return LexemeFailure.quotedIdentifier
    if (text.charCodeAt(at + 1) !== DOUBLE_QUOTE) break
    at += 2
  }
  return at === quote + 1 ? LexemeFailure.emptyIdentifier : at + 1
}

/**
 * The end of a literal whose opening quote is at `quote`, continuation lines included; `unterminated` is the failure to
 * report. `doubling` is false for bit strings, where two quotes end one literal and start another.
 */
export function stringEnd(text: ByteString, quote: number, unterminated: number, doubling = true): number {
  let at = quote + 1
  for (;;) {
    at = text.indexOf("'", at)
    if (at < 0) return unterminated
    at++
    if (doubling && text.charCodeAt(at) === QUOTE) {
      at++
      continue
    }
    const continued = continuationOf(text, at)
    if (continued < 0) return at
    at = continued
  }
}

/** As `stringEnd`, for literals in which a backslash escapes. */
export function escapeStringEnd(text: ByteString, quote: number): number {
  let at = quote + 1
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === BACKSLASH) {
      at = escapeEnd(text, at)
      if (at < 0) return at
    } else if (code !== QUOTE) at++
    else if (text.charCodeAt(at + 1) === QUOTE) at += 2
    else {
      const continued = continuationOf(text, at + 1)
      if (continued < 0) return at + 1
      at = continued
    }
  }
  return LexemeFailure.quotedString
}

// SQL joins two literals that only white space with a newline parts. PostgreSQL allows comments between them too;
// libpg-query does not, and cannot parse such a statement, so the difference decides nothing here.
function continuationOf(text: ByteString, start: number): number {
  if (!isIn(text, start, SPACE)) return -1
  let newline = false
  let at = start
  for (; isIn(text, at, SPACE); at++) {
    const code = text.charCodeAt(at)
    newline ||= code === NEWLINE || code === RETURN
  }
  return newline && text.charCodeAt(at) === QUOTE ? at + 1 : -1
}

function escapeEnd(text: ByteString, backslash: number): number {
  const value = unicodeEscape(text, backslash)
  if (value === undefined) return backslash + 2
  if (value < 0) return value
  const end = backslash + (text[backslash + 1] === 'u' ? 6 : 10)
  if (value >= 0xdc00 && value <= 0xdfff) return LexemeFailure.surrogatePair
  if (value < 0xd800 || value > 0xdbff) return end
  const second = text.charCodeAt(end) === BACKSLASH ? unicodeEscape(text, end) : undefined
  if (second === undefined || second < 0xdc00 || second > 0xdfff) return LexemeFailure.surrogatePair
  return end + (text[end + 1] === 'u' ? 6 : 10)
}

/** The code point of \uXXXX or \UXXXXXXXX; undefined for any other escape. */
function unicodeEscape(text: ByteString, backslash: number): number | undefined {
  const letter = text[backslash + 1]
  if (letter !== 'u' && letter !== 'U') return undefined
  const digits = text.slice(backslash + 2, backslash + (letter === 'u' ? 6 : 10))
  if (digits.length < (letter === 'u' ? 4 : 8) || !/^[0-9A-Fa-f]+$/.test(digits)) return LexemeFailure.unicodeEscape
  const value = Number.parseInt(digits, 16)
  return value > 0 && value <= 0x10ffff ? value : LexemeFailure.unicodeEscape
}

/** The offset after the opening $tag$ at `start`; undefined where none stands there. */
export function dollarTagEnd(text: ByteString, start: number): number | undefined {
  const end = isIn(text, start + 1, DIGIT) ? start + 1 : runEnd(text, start + 1, DOLLAR_TAG)
  return text.charCodeAt(end) === DOLLAR ? end + 1 : undefined
}

/** The end of a dollar-quoted string whose opening tag is text[start, tagEnd). */
export function dollarStringEnd(text: ByteString, start: number, tagEnd: number): number {
  const close = text.indexOf(text.slice(start, tagEnd), tagEnd)
  return close < 0 ? LexemeFailure.dollarString : close + (tagEnd - start)
}
