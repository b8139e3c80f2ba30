import { Buffer } from 'node:buffer'
import { type ByteString, isAscii, toByteString } from './byte-string.js'
import { KEYWORDS } from './keywords.js'
import type { Token } from './token.js'

/** NAMEDATALEN - 1: PostgreSQL cuts longer names, at a character's boundary. Bytes of UTF-8. */
export const MAX_NAME_BYTES = 63

/**
 * The name that an identifier token means, as PostgreSQL stores it: `Users` is users, `"Users"` is Users, `U&"\0061"` is
 * a (`escapeCharacter` is the one that UESCAPE names). Only ASCII letters fold, as in databases of a multi-byte encoding.
 */
export function identifierName(text: ByteString, token: Token, escapeCharacter = '\\'): string {
  switch (token.kind) {
    case 'quoted':
      return truncated(decoded(unquoted(text.slice(token.start + 1, token.end - 1))))
    case 'unicode-quoted':
      return truncated(unescaped(decoded(unquoted(text.slice(token.start + 3, token.end - 1))), escapeCharacter))
    default:
      return truncated(decoded(folded(text.slice(token.start, token.end))))
  }
}

function unquoted(inside: ByteString): ByteString {
  return inside.includes('""') ? inside.replaceAll('""', '"') : inside
}

/** ASCII upper case to lower case. */
export function folded(name: string): string {
  return isAscii(name) ? name.toLowerCase() : name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

function decoded(bytes: ByteString): string {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8')
}

function truncated(name: string): string {
  if (name.length * 3 <= MAX_NAME_BYTES || Buffer.byteLength(name) <= MAX_NAME_BYTES) return name
  let bytes = 0
  let kept = ''
  for (const character of name) {
    bytes += Buffer.byteLength(character)
    if (bytes > MAX_NAME_BYTES) return kept
    kept += character
  }
  return kept
}

/** \XXXX and \+XXXXXX are code points (halves of surrogate pairs join), \\ is the escape itself (parser.c, str_udeescape). */
function unescaped(name: string, escapeCharacter: string): string {
  let out = ''
  for (let at = 0; at < name.length; at++) {
    const char = name.charAt(at)
    if (char !== escapeCharacter) out += char
    else if (name.charAt(at + 1) === escapeCharacter) {
      out += escapeCharacter
      at++
    } else {
      const long = name.charAt(at + 1) === '+'
      const digits = long ? name.slice(at + 2, at + 8) : name.slice(at + 1, at + 5)
      const code = Number.parseInt(digits, 16)
      out += code > 0xffff ? String.fromCodePoint(Math.min(code, 0x10ffff)) : String.fromCharCode(code)
      at += long ? 7 : 4
    }
  }
  return out
}

// Unreserved words that are still no names somewhere: as a label without AS (kwlist.h's AS_LABEL), SET as the alias of an
// UPDATE's target, and the words that start a frame or a partition where a window's name could stand.
const QUOTED_UNRESERVED: ReadonlySet<string> = new Set([
  ...['day', 'filter', 'hour', 'minute', 'month', 'over', 'second', 'varying', 'within', 'without', 'year'],
  'set',
  ...['groups', 'partition', 'range', 'rows'],
])

const PLAIN = /^[a-z_][a-z0-9_$]*$/

/** A name as SQL text that means exactly it, as a column, table or alias, also where AS is left out: `user` is `"user"`. */
export function quoteIdentifier(name: string): ByteString {
  return isPlain(name) ? name : toByteString(`"${name.replaceAll('"', '""')}"`)
}

function isPlain(name: string): boolean {
  if (!PLAIN.test(name)) return false
  const category = KEYWORDS.get(name)
  return category === undefined || (category === 'unreserved' && !QUOTED_UNRESERVED.has(name))
}

/** `schema.name`, each quoted where it must be; the schema is left out where it is undefined. */
export function qualifiedName(schema: string | undefined, name: string): ByteString {
  return schema === undefined ? quoteIdentifier(name) : `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`
}

/** A string literal that means `value` whatever standard_conforming_strings says: `it's` is `'it''s'`. */
export function quoteLiteral(value: string): ByteString {
  const doubled = value.replaceAll("'", "''")
  return toByteString(doubled.includes('\\') ? `E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`)
}
