import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'

/**
 * Collects what is to be written to a socket while one chunk of input is worked through, and writes it at `flush`:
 * stretches of one buffer that follow each other become one, so a chunk of which every frame passes is written as it came.
 */
export interface Output {
  /** Passes the stretch [start, end) of a buffer that nobody will change. */
  pass(buffer: Buffer, start: number, end: number): void
  put(bytes: Buffer): void
  flush(): void
}

/** Below this many bytes copying the pieces together is cheaper than a gathering write. */
const COPY_BELOW = 16 * 1024

export function createOutput(socket: Socket): Output {
  let pieces: Buffer[] = []
  // The stretch that may still grow; it comes after the pieces.
  let buffer: Buffer | undefined
  let from = 0
  let to = 0

  function cut(whole: Buffer): Buffer {
    buffer = undefined
    return from === 0 && to === whole.length ? whole : whole.subarray(from, to)
  }

  return {
    pass(next, start, end) {
      if (next === buffer && start === to) {
        to = end
        return
      }
      if (buffer !== undefined) pieces.push(cut(buffer))
      buffer = next
      from = start
      to = end
    },

    put(bytes) {
      if (buffer !== undefined) pieces.push(cut(buffer))
      pieces.push(bytes)
    },

    flush() {
      if (pieces.length === 0) {
        if (buffer !== undefined && socket.writable) socket.write(cut(buffer))
        buffer = undefined
        return
      }
      if (buffer !== undefined) pieces.push(cut(buffer))
      const all = pieces
      pieces = []
      if (socket.writable) writeAll(socket, all)
    },
  }
}

function writeAll(socket: Socket, pieces: readonly Buffer[]): void {
  const only = pieces[0]
  if (only !== undefined && pieces.length === 1) {
    socket.write(only)
    return
  }
  let total = 0
  for (const piece of pieces) total += piece.length
  if (total <= COPY_BELOW) {
    socket.write(Buffer.concat(pieces, total))
    return
  }
  socket.cork()
  for (const piece of pieces) socket.write(piece)
  socket.uncork()
}
