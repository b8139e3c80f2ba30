import { Buffer } from 'node:buffer'

/** Why a stream of frames cannot be read on. */
export interface FrameProblem {
  /** The type byte of the frame at fault. */
  readonly type: number
  /** What its length field says, in bytes; it counts itself but not the type byte. */
  readonly length: number
  /** The longest length allowed for the type. */
  readonly limit: number
}

export interface FramerRules {
  /** The longest length field allowed for a type, in bytes. */
  limit(type: number): number
  /**
   * How many bytes of a frame of `size` bytes (type byte and length included) must be at hand before it is shown. `size`
   * itself means: whole. Less means that the frame may be shown in parts.
   */
  need(type: number, size: number): number
}

/**
 * Finds frames in a stream of chunks, without copying: `peek` shows a frame, or a part of one, as a stretch of a buffer.
 *
 *     while (framer.peek()) { use(framer.buffer, framer.start, framer.end); framer.consume() }
 *
 * Only a frame that is wanted whole and lies across chunks is copied together. The parts of one frame come one after the
 * other, the first with `first`, the last with `last`.
 */
export interface Framer {
  readonly type: number
  /** Bytes of the whole frame, type byte and length included. */
  readonly size: number
  readonly buffer: Buffer
  readonly start: number
  readonly end: number
  readonly first: boolean
  readonly last: boolean
  /** Bytes pushed and not consumed. */
  readonly pending: number
  /** True between the parts of a frame. */
  readonly inside: boolean
  /** Set once a length is out of bounds; nothing is shown from then on. */
  readonly problem: FrameProblem | undefined
  push(chunk: Buffer): void
  /** Puts bytes back in front, to be read again as frames. A bug between the parts of a frame. */
  unshift(chunk: Buffer): void
  /** Shows the next frame or part; false where more bytes are needed. Asked again, it shows the same. */
  peek(): boolean
  /** Steps over what `peek` showed. */
  consume(): void
  /** Forgets all bytes that are not consumed. */
  clear(): void
}

const HEADER = 5
const EMPTY = Buffer.alloc(0)

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export function createFramer(rules: FramerRules): Framer {
  const chunks: Buffer[] = []
  let offset = 0
  // Bytes of the frame under way that come after what was consumed of it.
  let rest = 0

  const framer: Mutable<Framer> = {
    type: 0,
    size: 0,
    buffer: EMPTY,
    start: 0,
    end: 0,
    first: true,
    last: true,
    pending: 0,
    inside: false,
    problem: undefined,

    push(chunk) {
      if (chunk.length === 0) return
      chunks.push(chunk)
      framer.pending += chunk.length
    },

    unshift(chunk) {
      if (rest > 0) throw new Error('bytes cannot be put back inside a frame')
      if (chunk.length === 0) return
      const first = chunks[0]
      if (first !== undefined && offset > 0) chunks[0] = first.subarray(offset)
      chunks.unshift(chunk)
      offset = 0
      framer.pending += chunk.length
    },

    peek() {
      const chunk = chunks[0]
      if (chunk === undefined || framer.problem !== undefined) return false
      if (rest > 0) return show(chunk, rest, false)
      if (framer.pending < HEADER) return false
      const here = chunk.length - offset
      const type = chunk[offset] as number
      const length = here >= HEADER ? chunk.readInt32BE(offset + 1) : copyOut(HEADER).readInt32BE(1)
      const limit = rules.limit(type)
      if (length < 4 || length > limit) {
        framer.problem = { type, length, limit }
        return false
      }
      const size = length + 1
      framer.type = type
      framer.size = size
      if (here >= size) return show(chunk, size, true)
      const need = Math.max(HEADER, Math.min(size, rules.need(type, size)))
      if (framer.pending < need) return false
      return show(here >= need ? chunk : gather(need), size, true)
    },

    consume() {
      const shown = framer.end - framer.start
      rest = (framer.first ? framer.size : rest) - shown
      framer.inside = rest > 0
      framer.pending -= shown
      offset = framer.end
      if (offset === framer.buffer.length) {
        chunks.shift()
        offset = 0
      }
    },

    clear() {
      chunks.length = 0
      offset = 0
      framer.pending = 0
    },
  }

  function show(chunk: Buffer, size: number, first: boolean): true {
    framer.buffer = chunk
    framer.start = offset
    framer.end = Math.min(offset + size, chunk.length)
    framer.first = first
    framer.last = framer.end - offset === size
    return true
  }

  /** A copy of the next `count` bytes, over chunk borders. */
  function copyOut(count: number): Buffer {
    const copy = Buffer.allocUnsafe(count)
    let filled = 0
    let from = offset
    for (const chunk of chunks) {
      filled += chunk.copy(copy, filled, from, Math.min(chunk.length, from + count - filled))
      if (filled === count) break
      from = 0
    }
    return copy
  }

  /** Makes the next `count` bytes one chunk of their own. */
  function gather(count: number): Buffer {
    const gathered = copyOut(count)
    let left = count
    let dropped = 0
    for (const chunk of chunks) {
      const here = chunk.length - offset
      if (here > left) {
        offset += left
        break
      }
      left -= here
      offset = 0
      dropped++
      if (left === 0) break
    }
    const next = chunks[dropped]
    if (next !== undefined && offset > 0) chunks[dropped] = next.subarray(offset)
    chunks.splice(0, dropped, gathered)
    offset = 0
    return gathered
  }

  return framer
}
