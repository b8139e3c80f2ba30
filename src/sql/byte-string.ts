import { Buffer } from 'node:buffer'

/**
 * SQL text as the wire has it: a string whose chars are the bytes (0-255) of the client's text. Offsets into it are byte
 * offsets, which is what libpg-query reports, and for ASCII it is the text itself.
 */
export type ByteString = string

const NON_ASCII = /[\u0080-\uffff]/

export function isAscii(text: string): boolean {
  return !NON_ASCII.test(text)
}

/** The bytes of `text` in UTF-8, one char a byte. */
export function toByteString(text: string): ByteString {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}

/** The text whose UTF-8 bytes are given; undefined where they are not valid UTF-8. */
export function fromByteString(bytes: ByteString): string | undefined {
  if (isAscii(bytes)) return bytes
  const buffer = Buffer.from(bytes, 'latin1')
  const text = buffer.toString('utf8')
  return Buffer.from(text, 'utf8').equals(buffer) ? text : undefined
}
