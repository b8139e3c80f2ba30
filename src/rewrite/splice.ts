import { Buffer } from 'node:buffer'
import { type ByteString, isAscii } from '../sql/byte-string.js'
import type { Edit } from './outcome.js'

/** The text with its edits made, and the way back from its positions. */
export interface Spliced {
  readonly text: ByteString
  /** The byte offset of the old text that a byte offset of the new text comes from; undefined where none. */
  oldOffset(offset: number): number | undefined
}

/** Makes all edits at once. Edits at one place stay in their order; overlapping edits are a bug and throw. */
export function splice(text: ByteString, edits: readonly Edit[]): Spliced {
  const sorted = [...edits].sort(byPlace).map((edit) => apart(text, edit))
  let result = ''
  let from = 0
  for (const { start, end, text: replacement } of sorted) {
    if (start < from) throw new Error(`edits overlap at byte ${start}`)
    result += text.slice(from, start) + replacement
    from = end
  }
  return { text: result + text.slice(from), oldOffset: (offset) => oldOffset(sorted, offset) }
}

/** The order of edits in the text; of those without width at one place the enclosing ones stand outside. */
export function byPlace(a: Edit, b: Edit): number {
  return a.start - b.start || a.end - b.end || DEPTH[a.encloses ?? 'not'] - DEPTH[b.encloses ?? 'not']
}

const DEPTH = { before: 0, not: 1, after: 2 } as const

/** SQL may stand without blanks (`UPDATE"users"SET`): an edit must not grow together with what is around it. */
function apart(text: ByteString, edit: Edit): Edit {
  const before = joins(text[edit.start - 1], edit.text[0]) ? ' ' : ''
  const after = joins(edit.text.at(-1), text[edit.end]) ? ' ' : ''
  return before + after === '' ? edit : { ...edit, text: before + edit.text + after }
}

const IN_NAME = /[\w$"\u0080-\u00ff]/

function joins(left: string | undefined, right: string | undefined): boolean {
  return left !== undefined && right !== undefined && IN_NAME.test(left) && IN_NAME.test(right)
}

function oldOffset(sorted: readonly Edit[], offset: number): number | undefined {
  let delta = 0
  for (const { start, end, text, implied } of sorted) {
    const newStart = start + delta
    if (offset < newStart) break
    if (offset < newStart + text.length) return implied ? undefined : start
    delta += text.length - (end - start)
  }
  return offset - delta
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
