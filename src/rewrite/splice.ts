import { Buffer } from 'node:buffer'
import { type ByteString, isAscii } from '../sql/byte-string.js'
import { DOUBLE_QUOTE, isInIdentifier } from '../sql/character.js'
import type { Edit } from './outcome.js'
import { type WayBack, wayBackOf } from './way-back.js'

/** The text with its edits made, and the way back from its positions. */
export interface Spliced {
  readonly text: ByteString
  readonly wayBack: WayBack
}

/**
 * Makes all edits at once. Edits at one place stay in their order; overlapping edits are a bug and throw. SQL may stand
 * without blanks (`UPDATE"users"SET`): an edit that would make one word of two gets a blank.
 */
export function splice(text: ByteString, edits: readonly Edit[]): Spliced {
  const sorted = edits.filter(({ start, end, text: inside }) => end > start || inside !== '').sort(byPlace)
  const made: Edit[] = []
  // Joined at the end, not added up: a string that is a sum keeps all of its parts in memory.
  const parts: string[] = []
  let inWord = false
  for (const [index, edit] of sorted.entries()) {
    const from = made.at(-1)?.end ?? 0
    if (edit.start < from) throw new Error(`edits overlap at byte ${edit.start}`)
    if (edit.start > from) {
      parts.push(text.slice(from, edit.start))
      inWord = isInWord(text, edit.start - 1)
    }
    const before = inWord && isInWord(edit.text, 0) ? ' ' : ''
    if (edit.text !== '') inWord = isInWord(edit.text, edit.text.length - 1)
    const nextStart = sorted[index + 1]?.start ?? text.length
    const after = inWord && nextStart > edit.end && isInWord(text, edit.end) ? ' ' : ''
    const apart = before + after === '' ? edit : blanked(edit, before, after)
    parts.push(apart.text)
    made.push(apart)
  }
  parts.push(text.slice(made.at(-1)?.end ?? 0))
  return { text: parts.join(''), wayBack: wayBackOf(made) }
}

function blanked(edit: Edit, before: string, after: string): Edit {
  const moved = edit.moved?.map((stretch) => ({ ...stretch, at: stretch.at + before.length }))
  return { ...edit, text: before + edit.text + after, ...(moved === undefined ? {} : { moved }) }
}

/** The order of edits in the text; of those without width at one place the enclosing ones stand outside. */
export function byPlace(a: Edit, b: Edit): number {
  return a.start - b.start || a.end - b.end || DEPTH[a.encloses ?? 'not'] - DEPTH[b.encloses ?? 'not']
}

const DEPTH = { before: 0, not: 1, after: 2 } as const

function isInWord(text: ByteString, at: number): boolean {
  const code = text.charCodeAt(at)
  return code === DOUBLE_QUOTE || isInIdentifier(code)
}

/** The byte offset of a 1-based position in characters. */
export function offsetOfPosition(text: ByteString, position: number): number {
  if (isAscii(text)) return position - 1
  let characters = 0
  for (let offset = 0; offset < text.length; offset++) {
    // Continuation bytes of UTF-8 belong to the character before them.
    if ((text.charCodeAt(offset) & 0xc0) !== 0x80 && ++characters === position) return offset
  }
  return text.length
}

/** The 1-based position in characters of a byte offset. */
export function positionOfOffset(text: ByteString, offset: number): number {
  const before = text.slice(0, offset)
  // Code points, as PostgreSQL counts characters.
  return isAscii(before) ? offset + 1 : [...Buffer.from(before, 'latin1').toString('utf8')].length + 1
}
