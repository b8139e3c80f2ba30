import type { ByteString } from './byte-string.js'
import { BACKSLASH, DOLLAR, DOUBLE_QUOTE, QUOTE } from './character.js'
import { dollarTagEnd } from './quoted-lexeme.js'

/** A string literal of more bytes than this is taken for no name. */
const LONGEST_NAME_LITERAL = 512

/**
 * What a string literal could name: `none` nothing; `unknown` anything, as what it means would have to be worked out; else
 * each of the words in it, and each of its parts between double quotes.
 *
 *     'users', 'Public.Users', '"Users"', 'f(users, int)', 'users[]', '{users,orders}', $$ delete from users $$
 */
export type LiteralNames = 'none' | 'unknown' | 'words'

/** Classifies the string literal text[start, end). */
export function namesInLiteral(text: ByteString, start: number, end: number, conforming: boolean): LiteralNames {
  const code = text.charCodeAt(start)
  // Words inside code may be quoted in ways that are not seen here.
  if (code === DOLLAR) return 'words'
  if (end - start > LONGEST_NAME_LITERAL) return 'none'
  if (code === QUOTE) return namesIn(text, start + 1, end - 1, !conforming)
  // E'' or U&''
  return (code | 0x20) === 0x75 ? 'unknown' : namesIn(text, start + 2, end - 1, true)
}

/** The byte offsets of what is inside of the quotes of a literal whose names are `words`. */
export function literalInside(text: ByteString, start: number, end: number): readonly [start: number, end: number] {
  const code = text.charCodeAt(start)
  if (code !== DOLLAR) return [code === QUOTE ? start + 1 : start + 2, end - 1]
  const tag = (dollarTagEnd(text, start) ?? start) - start
  return [start + tag, end - tag]
}

/** Bytes of which literals that look like names consist, beyond quotes. Prose mostly has others, or costs a parse. */
const NAME_BYTES = Uint8Array.from({ length: 256 }, (_, code) =>
  code >= 0x80 || /[A-Za-z0-9_$. \t\n\r\f\v[\](){},]/.test(String.fromCharCode(code)) ? 1 : 0,
)

function namesIn(text: ByteString, start: number, end: number, escapes: boolean): LiteralNames {
  let plain = true
  let quoted = false
  let ascii = true
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    // A doubled quote, a continuation line or an escape.
    if (code === QUOTE || (escapes && code === BACKSLASH)) return 'unknown'
    if (code === DOUBLE_QUOTE) quoted = true
    else if (NAME_BYTES[code] === 0) plain = false
    if (code >= 0x80) ascii = false
  }
  if (!quoted && !plain) return 'none'
  return ascii ? 'words' : 'unknown'
}
