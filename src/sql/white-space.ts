import type { ByteString } from './byte-string.js'
import { BLANK, MINUS, NEWLINE, RETURN, SLASH, STAR, TAB } from './character.js'
import { LexemeFailure } from './lexeme-failure.js'

/** The offset of the next lexeme, after white space and comments (which nest). */
export function skipIgnored(text: ByteString, start: number): number {
  let at = start
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === BLANK || (code >= TAB && code <= RETURN)) at++
    else if (code === MINUS && text.charCodeAt(at + 1) === MINUS) at = lineEnd(text, at + 2)
    else if (code === SLASH && text.charCodeAt(at + 1) === STAR) {
      at = blockCommentEnd(text, at)
      if (at < 0) return at
    } else return at
  }
  return at
}

function lineEnd(text: ByteString, start: number): number {
  let at = start
  while (at < text.length && text.charCodeAt(at) !== NEWLINE && text.charCodeAt(at) !== RETURN) at++
  return at
}

function blockCommentEnd(text: ByteString, start: number): number {
  let depth = 1
  let at = start + 2
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === STAR && text.charCodeAt(at + 1) === SLASH) {
      at += 2
      if (--depth === 0) return at
    } else if (code === SLASH && text.charCodeAt(at + 1) === STAR) {
      depth++
      at += 2
    } else at++
  }
  return LexemeFailure.comment
}
