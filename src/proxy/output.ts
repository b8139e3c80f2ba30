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
  const pieces: Buffer[] = []
  let buffer: Buffer | undefined
  let from = 0
  let to = 0

  function close(): void {
    if (buffer === undefined) return
    pieces.push(from === 0 && to === buffer.length ? buffer : buffer.subarray(from, to))
    buffer = undefined
  }

  return {
    pass(next, start, end) {
      if (next === buffer && start === to) {
        to = end
        return
      }
      close()
      buffer = next
      from = start
      to = end
    },

    put(bytes) {
      close()
      pieces.push(bytes)
    },

    flush() {
      close()
      const only = pieces[0]
      if (only === undefined) return
      if (socket.writable) {
        if (pieces.length === 1) socket.write(only)
        else writeAll(socket, pieces)
      }
      pieces.length = 0
    },
  }
}

function writeAll(socket: Socket, pieces: readonly Buffer[]): void {
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
