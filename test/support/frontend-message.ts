import { Buffer } from 'node:buffer'
import type { ByteString } from '../../src/sql/byte-string.js'

/** One frame: type byte, length (which counts itself), body. */
export function frame(code: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from(code, 'latin1'), int32(body.length + 4), body])
}

export const query = (sql: ByteString): Buffer => frame('Q', text(sql))
export const sync = (): Buffer => frame('S')
export const execute = (portal: ByteString): Buffer => frame('E', text(portal), int32(0))
export const copyData = (data: Buffer): Buffer => frame('d', data)
export const copyDone = (): Buffer => frame('c')
export const terminate = (): Buffer => frame('X')

export function parse(name: ByteString, sql: ByteString, oids: readonly number[] = []): Buffer {
  return frame('P', text(name), text(sql), int16(oids.length), ...oids.map(int32))
}

export function describe(what: 'S' | 'P', name: ByteString): Buffer {
  return frame('D', Buffer.from(what, 'latin1'), text(name))
}

/** Parameters in text format; every result column in `format`. */
export function bind(
  portal: ByteString,
  statement: ByteString,
  parameters: readonly (ByteString | null)[],
  format: 0 | 1,
): Buffer {
  const values = parameters.flatMap((value) =>
    value === null ? [int32(-1)] : [int32(value.length), Buffer.from(value, 'latin1')],
  )
  return frame(
    'B',
    text(portal),
    text(statement),
    int16(0),
    int16(parameters.length),
    ...values,
    int16(1),
    int16(format),
  )
}

/** The StartupMessage of protocol 3.0. */
export function startup(parameters: Readonly<Record<string, string>>): Buffer {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [text(name), text(value)])
  const body = Buffer.concat([int32(196608), ...pairs, Buffer.from([0])])
  return Buffer.concat([int32(body.length + 4), body])
}

export function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeInt32BE(value | 0)
  return buffer
}

export function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2)
  buffer.writeInt16BE(value)
  return buffer
}

/** A NUL-terminated string. */
export const text = (value: ByteString): Buffer => Buffer.from(`${value}\0`, 'latin1')
