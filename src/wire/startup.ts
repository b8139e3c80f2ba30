import { Buffer } from 'node:buffer'
import { STARTUP_PACKET_LIMIT } from './limits.js'

export const SSL_REQUEST = 80877103
export const GSSENC_REQUEST = 80877104
const CANCEL_REQUEST = 80877102

/** A StartupMessage. Parameters are ByteStrings, in the client's order. */
export interface StartupMessage {
  readonly kind: 'startup'
  /** Major version in the high half: 0x30000 is 3.0, 0x30002 is 3.2. */
  readonly protocol: number
  readonly parameters: readonly (readonly [name: string, value: string])[]
}

/** A packet of the phase before authentication, which has no type byte. */
export type StartupPacket =
  | StartupMessage
  | { readonly kind: 'ssl' }
  | { readonly kind: 'gssenc' }
  | { readonly kind: 'cancel'; readonly pid: number; readonly key: Buffer }

export type StartupRead =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed'; readonly reason: string }
  | { readonly kind: 'packet'; readonly packet: StartupPacket; readonly size: number }

/** Reads one packet from the beginning of `bytes`. */
export function readStartupPacket(bytes: Buffer): StartupRead {
  if (bytes.length < 4) return { kind: 'incomplete' }
  const size = bytes.readInt32BE(0)
  if (size < 8 || size > STARTUP_PACKET_LIMIT) {
    return { kind: 'malformed', reason: `invalid length of startup packet: ${size} bytes` }
  }
  if (bytes.length < size) return { kind: 'incomplete' }
  const code = bytes.readInt32BE(4)
  if (code === SSL_REQUEST || code === GSSENC_REQUEST) {
    if (size !== 8) return { kind: 'malformed', reason: 'invalid length of encryption request' }
    return { kind: 'packet', packet: { kind: code === SSL_REQUEST ? 'ssl' : 'gssenc' }, size }
  }
  if (code === CANCEL_REQUEST) {
    // A key has 4 bytes in protocol 3.0, up to 256 in 3.2.
    if (size < 13 || size > 12 + 256) return { kind: 'malformed', reason: 'invalid length of cancel request' }
    const key = Buffer.from(bytes.subarray(12, size))
    return { kind: 'packet', packet: { kind: 'cancel', pid: bytes.readInt32BE(8), key }, size }
  }
  const parameters = decodeParameters(bytes, size)
  if (parameters === undefined) {
    return { kind: 'malformed', reason: 'invalid startup packet layout: expected terminator as last byte' }
  }
  return { kind: 'packet', packet: { kind: 'startup', protocol: code, parameters }, size }
}

function decodeParameters(bytes: Buffer, size: number): [string, string][] | undefined {
  const parameters: [string, string][] = []
  let at = 8
  while (at < size && bytes[at] !== 0) {
    const nameEnd = bytes.indexOf(0, at)
    const valueEnd = nameEnd < 0 || nameEnd >= size ? -1 : bytes.indexOf(0, nameEnd + 1)
    if (valueEnd < 0 || valueEnd >= size) return undefined
    parameters.push([bytes.toString('latin1', at, nameEnd), bytes.toString('latin1', nameEnd + 1, valueEnd)])
    at = valueEnd + 1
  }
  return at === size - 1 ? parameters : undefined
}

export function encodeStartupMessage(message: StartupMessage): Buffer {
  const text = message.parameters.map(([name, value]) => `${name}\0${value}\0`).join('')
  const packet = Buffer.allocUnsafe(8 + text.length + 1)
  packet.writeInt32BE(packet.length, 0)
  packet.writeInt32BE(message.protocol, 4)
  packet.write(text, 8, 'latin1')
  packet[packet.length - 1] = 0
  return packet
}

export function encodeCancelRequest(pid: number, key: Buffer): Buffer {
  const packet = Buffer.allocUnsafe(12 + key.length)
  packet.writeInt32BE(packet.length, 0)
  packet.writeInt32BE(CANCEL_REQUEST, 4)
  packet.writeInt32BE(pid, 8)
  key.copy(packet, 12)
  return packet
}
