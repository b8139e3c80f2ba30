import type { ByteString } from './byte-string.js'
import { DIGIT, DOT, HEX, IDENT_CONT, IDENT_START, isIn, MINUS, PLUS, runEnd, UNDERSCORE, ZERO } from './character.js'
import { LexemeFailure } from './lexeme-failure.js'

const E = 0x65

/** The end of $1. libpg-query lets an identifier follow at once, where PostgreSQL 18 reports trailing junk. */
export function paramEnd(text: ByteString, start: number): number {
  const end = runEnd(text, start + 1, DIGIT)
  return Number(text.slice(start + 1, end)) > 0x7fffffff ? LexemeFailure.paramTooLarge : end
}

/** The end of a number; `start` is at a digit, or at a point before a digit. */
export function numberEnd(text: ByteString, start: number): number {
  if (text.charCodeAt(start) === ZERO) {
    const prefixed = prefixedIntegerEnd(text, start)
    if (prefixed !== undefined) return prefixed
  }
  let group = start
  let at = digitsEnd(text, start)
  // 1..10 is 1, two points, 10.
  if (text.charCodeAt(at) === DOT && text.charCodeAt(at + 1) !== DOT) {
    group = at + 1
    at = isIn(text, group, DIGIT) ? digitsEnd(text, group) : group
  }
  if ((text.charCodeAt(at) | 0x20) !== E) return isJunk(text, group, at) ? LexemeFailure.numberJunk : at
  const signed = text.charCodeAt(at + 1) === PLUS || text.charCodeAt(at + 1) === MINUS
  const exponent = signed ? at + 2 : at + 1
  if (!isIn(text, exponent, DIGIT)) return LexemeFailure.numberJunk
  const end = digitsEnd(text, exponent)
  return isJunk(text, signed ? exponent : group, end) ? LexemeFailure.numberJunk : end
}

// A number that an identifier follows at once is junk. The identifier may start inside the last group of digits, for the
// longest match wins: 1_0$ is "1" and "_0$", 1e5$ is "1" and "e5$"; 10$ is a number and a dollar.
function isJunk(text: ByteString, group: number, end: number): boolean {
  return isIn(text, end, IDENT_START) || (isIn(text, end, IDENT_CONT) && runEnd(text, group, DIGIT) < end)
}

function prefixedIntegerEnd(text: ByteString, start: number): number | undefined {
  const letter = text.charCodeAt(start + 1) | 0x20
  if (letter !== 0x78 && letter !== 0x6f && letter !== 0x62) return undefined
  const end = runEnd(text, start + 1, IDENT_CONT)
  for (let at = start + 2; at < end; at++) {
    if (text.charCodeAt(at) === UNDERSCORE) at++
    if (at === end || !isDigitOf(text, at, letter)) return LexemeFailure.numberJunk
  }
  return end === start + 2 ? LexemeFailure.numberJunk : end
}

function isDigitOf(text: ByteString, at: number, letter: number): boolean {
  if (letter === 0x78) return isIn(text, at, HEX)
  const digit = text.charCodeAt(at) - ZERO
  return digit >= 0 && digit <= (letter === 0x6f ? 7 : 1)
}

function digitsEnd(text: ByteString, start: number): number {
  let at = start
  while (isIn(text, at, DIGIT) || (text.charCodeAt(at) === UNDERSCORE && at > start && isIn(text, at + 1, DIGIT))) at++
  return at
}
