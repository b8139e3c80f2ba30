import { type ByteString, isAscii } from './byte-string.js'
import { BACKSLASH, DOLLAR, IDENT_START, isIn, QUOTE } from './character.js'
import { MAX_NAME_BYTES } from './identifier.js'
import { lexemeEnd, lexemeKind } from './lexeme.js'
import { MAY_BE_NAMED, type NameTable, otherWordEnd } from './name-table.js'
import { dollarTagEnd } from './quoted-lexeme.js'
import type { ScanOptions } from './scan.js'
import { skipIgnored } from './white-space.js'

/** A string literal of more bytes than this is taken for no name. */
const LONGEST_NAME_LITERAL = 512

/**
 * Whether a text could name one of `names` (folded, as PostgreSQL stores them); true also wherever that is not certain, so
 * that a false answer proves that it does not. Names are looked for in identifiers and keywords, in string literals that
 * look like names (`'public.users'::regclass`) and anywhere inside dollar quotes (the body of a DO). U&, names over
 * 63 bytes, names beyond ASCII and texts that cannot be scanned are always true. No tokens are made.
 */
export function mentions(text: ByteString, names: NameTable, options: ScanOptions = {}): boolean {
  const conforming = options.standardConformingStrings ?? true
  let at = skipIgnored(text, 0)
  while (at >= 0 && at < text.length) {
    const kind = lexemeKind(text, at)
    if (kind === 'identifier') at = otherWordEnd(text, at, text.length, names)
    else {
      const end = lexemeEnd(text, at, kind, conforming)
      if (end < 0) return true
      if (kind === 'quoted' && isQuotedIn(text.slice(at + 1, end - 1), names)) return true
      if (kind === 'string' && isLiteralIn(text, at, end, names, conforming)) return true
      if (kind === 'unicode-quoted') return true
      at = end
    }
    if (at === MAY_BE_NAMED) return true
    at = skipIgnored(text, at)
  }
  return at < 0
}

function isQuotedIn(inside: ByteString, names: NameTable): boolean {
  return inside.length > MAX_NAME_BYTES || !isAscii(inside) || names.names.has(inside.replaceAll('""', '"'))
}

function isLiteralIn(text: ByteString, start: number, end: number, names: NameTable, conforming: boolean): boolean {
  const code = text.charCodeAt(start)
  if (code === DOLLAR) {
    const tag = (dollarTagEnd(text, start) ?? start) - start
    return isAnyWordIn(text, start + tag, end - tag, names)
  }
  if (end - start > LONGEST_NAME_LITERAL) return false
  if (code === QUOTE) return isNameLiteralIn(text, start + 1, end - 1, names, !conforming)
  // E'' or U&''
  return (code | 0x20) === 0x75 || isNameLiteralIn(text, start + 2, end - 1, names, true)
}

/** Words inside code, which may be quoted in ways that are not seen here. */
function isAnyWordIn(text: ByteString, start: number, end: number, names: NameTable): boolean {
  for (let at = start; at < end; at++) {
    if (!isIn(text, at, IDENT_START)) continue
    const wordEnd = otherWordEnd(text, at, end, names)
    if (wordEnd === MAY_BE_NAMED || names.names.has(text.slice(at, wordEnd))) return true
    at = wordEnd
  }
  return false
}

const NAME_CHARACTERS = /^[A-Za-z0-9_$. \t\n\r\f\v[\](){},\u0080-\u00ff]*$/

// 'users', 'Public.Users', '"Users"', 'f(users, int)', 'users[]', '{users,orders}'. Prose mostly has other characters, or costs a parse.
function isNameLiteralIn(text: ByteString, start: number, end: number, names: NameTable, escapes: boolean): boolean {
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    // A doubled quote, a continuation line or an escape: what the literal means would have to be worked out.
    if (code === QUOTE || (escapes && code === BACKSLASH)) return true
  }
  const literal = text.slice(start, end)
  const quoted = literal.includes('"')
  if (!quoted && !NAME_CHARACTERS.test(literal)) return false
  if (!isAscii(literal)) return true
  return isAnyWordIn(text, start, end, names) || (quoted && literal.split('"').some((part) => names.names.has(part)))
}
