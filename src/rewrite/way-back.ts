import type { Edit } from './outcome.js'

/**
 * Where the bytes of an edited text come from. Kept as long as its outcome is remembered, so it is packed: three numbers
 * a stretch of the new text, in its order, each stretch ending where the next one starts.
 *
 *     [byte offset in the new text, byte offset in the old text or NOWHERE, 1 where the bytes are the old ones, else 0]
 */
export type WayBack = Int32Array

const NOWHERE = -1
const WIDTH = 3

/** The way back over edits that are in the order of the text and do not overlap. */
export function wayBackOf(edits: readonly Edit[]): WayBack {
  const way: number[] = []
  let shift = 0
  for (const { start, end, text, implied, moved = [] } of edits) {
    const newStart = start + shift
    const from = implied ? NOWHERE : start
    way.push(newStart, from, 0)
    for (const { at, length, start: movedFrom } of moved) {
      way.push(newStart + at, movedFrom, 1, newStart + at + length, from, 0)
    }
    way.push(newStart + text.length, end, 1)
    shift += text.length - (end - start)
  }
  return new Int32Array(way)
}

/** The byte offset of the old text that a byte offset of the new text comes from; undefined where none. */
export function oldOffset(way: WayBack, offset: number): number | undefined {
  const at = lastAt(way, offset)
  if (at === undefined) return offset
  const [newStart = 0, oldStart = NOWHERE, kept = 0] = way.subarray(at, at + WIDTH)
  return oldStart === NOWHERE ? undefined : oldStart + kept * (offset - newStart)
}

/** The index of the last stretch that starts at or before an offset of the new text. */
function lastAt(way: WayBack, offset: number): number | undefined {
  let low = 0
  let high = way.length / WIDTH
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((way[middle * WIDTH] ?? 0) <= offset) low = middle + 1
    else high = middle
  }
  return low === 0 ? undefined : (low - 1) * WIDTH
}
