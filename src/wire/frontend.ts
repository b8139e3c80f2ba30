import { Buffer } from 'node:buffer'
import { Frontend } from './message-types.js'

// Every decoder takes a whole frame as the stretch [start, end) of a buffer, type byte and length included, and gives
// undefined where the frame is malformed: such a frame is forwarded, for the server to complain about.
// Every text is a ByteString: one char a byte.

const BODY = 5

/** The text of a Query. */
export function decodeQuery(buffer: Buffer, start: number, end: number): string | undefined {
  const nul = buffer.indexOf(0, start + BODY)
  return nul === end - 1 ? buffer.toString('latin1', start + BODY, nul) : undefined
}

export function encodeQuery(text: string): Buffer {
  const frame = Buffer.allocUnsafe(BODY + text.length + 1)
  frame[0] = Frontend.Query
  frame.writeInt32BE(frame.length - 1, 1)
  frame.write(text, BODY, 'latin1')
  frame[frame.length - 1] = 0
  return frame
}

export interface ParseMessage {
  readonly name: string
  readonly text: string
  /** Where the count of parameter types stands in the buffer; it and the oids reach to the frame's end. */
  readonly typesAt: number
}

export function decodeParse(buffer: Buffer, start: number, end: number): ParseMessage | undefined {
  const nameEnd = buffer.indexOf(0, start + BODY)
  if (nameEnd < 0 || nameEnd >= end) return undefined
  const textEnd = buffer.indexOf(0, nameEnd + 1)
  const typesAt = textEnd + 1
  if (textEnd < 0 || typesAt + 2 > end) return undefined
  if (typesAt + 2 + 4 * buffer.readUInt16BE(typesAt) !== end) return undefined
  return {
    name: buffer.toString('latin1', start + BODY, nameEnd),
    text: buffer.toString('latin1', nameEnd + 1, textEnd),
    typesAt,
  }
}

/** `types` is the end of a Parse's body as it came: the count of parameter types and their oids. */
export function encodeParse(name: string, text: string, types: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(BODY + name.length + 1 + text.length + 1 + types.length)
  frame[0] = Frontend.Parse
  frame.writeInt32BE(frame.length - 1, 1)
  let at = BODY
  at += frame.write(name, at, 'latin1')
  frame[at++] = 0
  at += frame.write(text, at, 'latin1')
  frame[at++] = 0
  types.copy(frame, at)
  return frame
}

export interface BindNames {
  readonly portal: string
  readonly statement: string
}

/** The names of a Bind, of which only the beginning need be in [start, end). */
export function decodeBindNames(buffer: Buffer, start: number, end: number): BindNames | undefined {
  const portalEnd = buffer.indexOf(0, start + BODY)
  if (portalEnd < 0 || portalEnd >= end) return undefined
  const statementEnd = buffer.indexOf(0, portalEnd + 1)
  if (statementEnd < 0 || statementEnd >= end) return undefined
  return {
    portal: portalEnd === start + BODY ? '' : buffer.toString('latin1', start + BODY, portalEnd),
    statement: statementEnd === portalEnd + 1 ? '' : buffer.toString('latin1', portalEnd + 1, statementEnd),
  }
}

/** The value of a Bind's parameter $`number`, in whichever format it has; undefined for NULL. */
export function decodeBindParameter(buffer: Buffer, start: number, end: number, number: number): Buffer | undefined {
  const portalEnd = buffer.indexOf(0, start + BODY)
  let at = buffer.indexOf(0, portalEnd + 1) + 1
  if (portalEnd < 0 || at === 0 || at + 2 > end) return undefined
  at += 2 + 2 * buffer.readUInt16BE(at)
  if (at + 2 > end || buffer.readUInt16BE(at) < number) return undefined
  at += 2
  for (let current = 1; at + 4 <= end; current++) {
    const length = buffer.readInt32BE(at)
    at += 4
    if (current === number) return length < 0 || at + length > end ? undefined : buffer.subarray(at, at + length)
    at += Math.max(length, 0)
  }
  return undefined
}

/** What a Describe or a Close is about. */
export interface Target {
  readonly kind: 'statement' | 'portal'
  readonly name: string
}

export function decodeTarget(buffer: Buffer, start: number, end: number): Target | undefined {
  const kind = buffer[start + BODY]
  const nul = buffer.indexOf(0, start + BODY + 1)
  if (nul !== end - 1 || (kind !== 0x53 && kind !== 0x50)) return undefined
  return { kind: kind === 0x53 ? 'statement' : 'portal', name: buffer.toString('latin1', start + BODY + 1, nul) }
}

/** The portal of an Execute. */
export function decodeExecutePortal(buffer: Buffer, start: number, end: number): string | undefined {
  const nul = buffer.indexOf(0, start + BODY)
  if (nul < 0 || nul + 5 !== end) return undefined
  return nul === start + BODY ? '' : buffer.toString('latin1', start + BODY, nul)
}
