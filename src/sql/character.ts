import type { ByteString } from './byte-string.js'

export const TAB = 0x09
export const NEWLINE = 0x0a
export const RETURN = 0x0d
export const BLANK = 0x20
export const DOUBLE_QUOTE = 0x22
export const DOLLAR = 0x24
export const AMPERSAND = 0x26
export const QUOTE = 0x27
export const STAR = 0x2a
export const PLUS = 0x2b
export const MINUS = 0x2d
export const DOT = 0x2e
export const SLASH = 0x2f
export const ZERO = 0x30
export const COLON = 0x3a
export const EQUALS = 0x3d
export const BACKSLASH = 0x5c
export const UNDERSCORE = 0x5f

/** Sets of bytes that scan.l names; they can be joined with `|`. */
export const SPACE = 1
export const IDENT_START = 2
export const IDENT_CONT = 4
export const DIGIT = 8
export const HEX = 16
export const OPERATOR = 32
export const DOLLAR_TAG = 64

const SETS_OF = Uint8Array.from({ length: 256 }, (_, code) => {
  const char = String.fromCharCode(code)
  let bits = 0
  if (/[ \t\n\r\f\v]/.test(char) && code < 0x80) bits |= SPACE
  if (/[A-Za-z_]/.test(char) || code >= 0x80) bits |= IDENT_START | IDENT_CONT | DOLLAR_TAG
  if (/[0-9]/.test(char)) bits |= DIGIT | IDENT_CONT | DOLLAR_TAG
  if (char === '$') bits |= IDENT_CONT
  if (/[0-9A-Fa-f]/.test(char)) bits |= HEX
  if ('~!@#^&|`?+-*/%<>='.includes(char)) bits |= OPERATOR
  return bits
})

/** Whether the byte at `at` is in one of the sets. */
export function isIn(text: ByteString, at: number, sets: number): boolean {
  return at < text.length && ((SETS_OF[text.charCodeAt(at)] ?? 0) & sets) !== 0
}

/** Whether a byte may go on an identifier. */
export function isInIdentifier(code: number): boolean {
  return ((SETS_OF[code] ?? 0) & IDENT_CONT) !== 0
}

/** The offset of the first byte from `start` on that is in none of the sets. */
export function runEnd(text: ByteString, start: number, sets: number): number {
  let at = start
  while (at < text.length && ((SETS_OF[text.charCodeAt(at)] ?? 0) & sets) !== 0) at++
  return at
}
