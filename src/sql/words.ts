import { type ByteString, isAscii } from './byte-string.js'
import { IDENT_START, isIn } from './character.js'
import { folded, identifierName, MAX_NAME_BYTES } from './identifier.js'
import { literalInside, namesInLiteral } from './name-literal.js'
import { MAY_BE_NAMED, type NameTable, otherWordEnd } from './name-table.js'
import { identifierEnd } from './quoted-lexeme.js'
import type { ScanOptions } from './scan.js'
import type { Token } from './token.js'

/** All that the tokens of a statement could name; undefined where they could name anything. */
export type Words = ReadonlySet<string> | undefined

/**
 * The words of tokens[first, last), of which `mentions` looks for some: for a statement that is asked about many names.
 * With `among` only those are looked for: no string is made of any other identifier.
 *
 *     SELECT u."Name" FROM users u WHERE x = 'a b'  =>  select, u, Name, from, users, where, x, a, b, ...
 */
export function wordsOf(
  text: ByteString,
  tokens: readonly Token[],
  [first, last]: readonly [number, number],
  { standardConformingStrings: conforming = true }: ScanOptions = {},
  among?: NameTable,
): Words {
  const words = new Set<string>()
  for (let index = first; index < last; index++) {
    const token = tokens[index]
    if (token === undefined) break
    const { kind, start, end } = token
    if (kind === 'unicode-quoted') return undefined
    const word = kind === 'identifier' || kind === 'keyword'
    if (word && among !== undefined && otherWordEnd(text, start, end, among) !== MAY_BE_NAMED) continue
    if (word || kind === 'quoted') {
      if (end - start > MAX_NAME_BYTES || !isAscii(text.slice(start, end))) return undefined
      words.add(identifierName(text, token))
    } else if (kind === 'string') {
      const names = namesInLiteral(text, start, end, conforming)
      if (names === 'unknown' || (names === 'words' && !addWords(words, text, literalInside(text, start, end)))) {
        return undefined
      }
    }
  }
  return words
}

/** True where `names` has one of the words, or the words could be any. */
export function hasWord(words: Words, names: ReadonlySet<string>): boolean {
  if (words === undefined) return true
  const [few, many] = names.size < words.size ? [names, words] : [words, names]
  for (const name of few) if (many.has(name)) return true
  return false
}

/** Adds what a literal's inside could name; false where that could be anything. */
function addWords(words: Set<string>, text: ByteString, [start, end]: readonly [number, number]): boolean {
  for (let at = start; at < end; at++) {
    if (!isIn(text, at, IDENT_START)) continue
    const word = text.slice(at, Math.min(identifierEnd(text, at), end))
    if (word.length > MAX_NAME_BYTES || !isAscii(word)) return false
    words.add(word).add(folded(word))
    at += word.length
  }
  const inside = text.slice(start, end)
  if (inside.includes('"')) for (const part of inside.split('"')) words.add(part)
  return true
}
