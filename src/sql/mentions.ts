import { type ByteString, isAscii } from './byte-string.js'
import { IDENT_START, isIn } from './character.js'
import { MAX_NAME_BYTES } from './identifier.js'
import { lexemeEnd, lexemeKind } from './lexeme.js'
import { literalInside, namesInLiteral } from './name-literal.js'
import { MAY_BE_NAMED, type NameTable, otherWordEnd } from './name-table.js'
import type { ScanOptions } from './scan.js'
import { skipIgnored } from './white-space.js'

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
  const found = namesInLiteral(text, start, end, conforming)
  if (found !== 'words') return found === 'unknown'
  const [from, to] = literalInside(text, start, end)
  for (let at = from; at < to; at++) {
    if (!isIn(text, at, IDENT_START)) continue
    const wordEnd = otherWordEnd(text, at, to, names)
    if (wordEnd === MAY_BE_NAMED || names.names.has(text.slice(at, wordEnd))) return true
    at = wordEnd
  }
  const inside = text.slice(from, to)
  return inside.includes('"') && inside.split('"').some((part) => names.names.has(part))
}
