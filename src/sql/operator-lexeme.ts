import type { ByteString } from './byte-string.js'
import { isIn, MINUS, OPERATOR, PLUS, SLASH, STAR } from './character.js'
import { LexemeFailure } from './lexeme-failure.js'

/** The end of the run of operator characters at `start`, which a comment ends too. */
export function operatorRunEnd(text: ByteString, start: number): number {
  let at = start + 1
  for (; isIn(text, at, OPERATOR); at++) {
    const code = text.charCodeAt(at)
    const next = text.charCodeAt(at + 1)
    if ((code === MINUS && next === MINUS) || (code === SLASH && next === STAR)) return at
  }
  return at
}

/**
 * The end of the first operator of a run. An operator of several characters ends in + or - only if it has one of
 * ~ ! @ # ^ & | ` ? %, so that `=-1` is two operators; what is left of the run is then single signs.
 */
export function operatorEnd(text: ByteString, start: number, run: number): number {
  let end = run
  while (end > start + 1 && isSign(text, end - 1)) end--
  if (end < run && hasNonSqlChar(text, start, run - 1)) end = run
  return end - start >= 64 ? LexemeFailure.operatorTooLong : end
}

function isSign(text: ByteString, at: number): boolean {
  const code = text.charCodeAt(at)
  return code === PLUS || code === MINUS
}

function hasNonSqlChar(text: ByteString, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if ('~!@#^&|`?%'.includes(text.charAt(at))) return true
  }
  return false
}
