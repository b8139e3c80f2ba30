import { Buffer } from 'node:buffer'
import { Backend, type TransactionStatus } from './message-types.js'

// Decoders take a whole frame as [start, end) of a buffer, type byte and length included. The server is trusted to send
// well-formed frames; a decoder never reads beyond `end`. Texts are ByteStrings.

const BODY = 5

/** The fields of an ErrorResponse or NoticeResponse by their one-letter codes. */
export function decodeFields(buffer: Buffer, start: number, end: number): Map<string, string> {
  const fields = new Map<string, string>()
  let at = start + BODY
  while (at < end && buffer[at] !== 0) {
    const nul = buffer.indexOf(0, at + 1)
    if (nul < 0 || nul >= end) break
    fields.set(String.fromCharCode(buffer[at] as number), buffer.toString('latin1', at + 1, nul))
    at = nul + 1
  }
  return fields
}

export function encodeErrorResponse(fields: ReadonlyMap<string, string>): Buffer {
  return encodeFields(Backend.ErrorResponse, fields)
}

export function encodeNoticeResponse(fields: ReadonlyMap<string, string>): Buffer {
  return encodeFields(Backend.NoticeResponse, fields)
}

function encodeFields(type: number, fields: ReadonlyMap<string, string>): Buffer {
  let body = ''
  // A NUL inside would end the field and let what follows be read as other fields.
  for (const [code, value] of fields) body += `${code}${value.replaceAll('\0', ' ')}\0`
  return encodeText(type, `${body}\0`)
}

/** A frame whose body is the given bytes. */
function encodeText(type: number, body: string): Buffer {
  const frame = Buffer.allocUnsafe(BODY + body.length)
  frame[0] = type
  frame.writeInt32BE(frame.length - 1, 1)
  frame.write(body, BODY, 'latin1')
  return frame
}

export function decodeReadyForQuery(buffer: Buffer, start: number): TransactionStatus {
  const status = buffer[start + BODY]
  return status === 0x49 ? 'I' : status === 0x54 ? 'T' : 'E'
}

export function encodeReadyForQuery(status: TransactionStatus): Buffer {
  return encodeText(Backend.ReadyForQuery, status)
}

export function decodeCommandTag(buffer: Buffer, start: number, end: number): string {
  return buffer.toString('latin1', start + BODY, end - 1)
}

export function encodeCommandComplete(tag: string): Buffer {
  return encodeText(Backend.CommandComplete, `${tag.replaceAll('\0', ' ')}\0`)
}

export function decodeParameterStatus(buffer: Buffer, start: number, end: number): readonly [string, string] {
  const nul = buffer.indexOf(0, start + BODY)
  return [buffer.toString('latin1', start + BODY, nul), buffer.toString('latin1', nul + 1, end - 1)]
}

export interface BackendKey {
  readonly pid: number
  /** 4 bytes in protocol 3.0, up to 256 in 3.2. */
  readonly key: Buffer
}

export function decodeBackendKeyData(buffer: Buffer, start: number, end: number): BackendKey {
  return { pid: buffer.readInt32BE(start + BODY), key: Buffer.from(buffer.subarray(start + BODY + 4, end)) }
}

/** The columns of a DataRow in text format, decoded as UTF-8. */
export function decodeTextRow(buffer: Buffer, start: number, end: number): (string | null)[] {
  const row: (string | null)[] = []
  let at = start + BODY + 2
  for (let left = buffer.readUInt16BE(start + BODY); left > 0 && at + 4 <= end; left--) {
    const length = buffer.readInt32BE(at)
    at += 4
    row.push(length < 0 ? null : buffer.toString('utf8', at, at + length))
    if (length > 0) at += length
  }
  return row
}

const AUTHENTICATION_SASL = 10

/**
 * An AuthenticationSASL without the mechanisms that bind to the TLS channel, which ends at the proxy; undefined where the
 * frame offers none of them and can pass as it is.
 */
export function withoutChannelBinding(buffer: Buffer, start: number, end: number): Buffer | undefined {
  if (end - start < BODY + 4 || buffer.readInt32BE(start + BODY) !== AUTHENTICATION_SASL) return undefined
  const mechanisms = buffer
    .toString('latin1', start + BODY + 4, end)
    .split('\0')
    .filter(Boolean)
  const kept = mechanisms.filter((mechanism) => !mechanism.endsWith('-PLUS'))
  if (kept.length === mechanisms.length) return undefined
  return encodeText(buffer[start] as number, `\0\0\0\x0a${kept.map((mechanism) => `${mechanism}\0`).join('')}\0`)
}
