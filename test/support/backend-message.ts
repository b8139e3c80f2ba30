import type { ByteString } from '../../src/sql/byte-string.js'

/** One column of a RowDescription. */
export interface FieldDescription {
  readonly name: ByteString
  readonly tableOid: number
  readonly attnum: number
  readonly typeOid: number
  readonly typmod: number
  /** 0 text, 1 binary. */
  readonly format: number
}

/** A message from the server, decoded as far as tests compare it. */
export type BackendMessage =
  | { readonly type: 'Authentication'; readonly method: number; readonly body: Buffer }
  | { readonly type: 'ParameterStatus'; readonly name: string; readonly value: string }
  | { readonly type: 'RowDescription'; readonly fields: readonly FieldDescription[] }
  | { readonly type: 'DataRow'; readonly values: readonly (Buffer | null)[] }
  | { readonly type: 'ParameterDescription'; readonly oids: readonly number[] }
  | { readonly type: 'CommandComplete'; readonly tag: string }
  | { readonly type: 'ErrorResponse' | 'NoticeResponse'; readonly fields: ReadonlyMap<string, ByteString> }
  | { readonly type: 'CopyInResponse' | 'CopyOutResponse'; readonly formats: readonly number[] }
  | { readonly type: 'CopyData'; readonly data: Buffer }
  | { readonly type: 'ReadyForQuery'; readonly status: string }
  | { readonly type: 'Other'; readonly code: string; readonly body: Buffer }

/** Decodes one frame's type byte and body; strings come as ByteString. */
export function decodeBackendMessage(code: string, body: Buffer): BackendMessage {
  const reader = readerOf(body)
  switch (code) {
    case 'R':
      return { type: 'Authentication', method: reader.int32(), body: body.subarray(4) }
    case 'S':
      return { type: 'ParameterStatus', name: reader.text(), value: reader.text() }
    case 'T':
      return { type: 'RowDescription', fields: reader.list(() => decodeField(reader)) }
    case 'D':
      return { type: 'DataRow', values: reader.list(() => reader.value()) }
    case 't':
      return { type: 'ParameterDescription', oids: reader.list(() => reader.int32()) }
    case 'C':
      return { type: 'CommandComplete', tag: reader.text() }
    case 'E':
      return { type: 'ErrorResponse', fields: decodeErrorFields(reader) }
    case 'N':
      return { type: 'NoticeResponse', fields: decodeErrorFields(reader) }
    case 'G':
    case 'H':
      reader.bytes(1)
      return { type: code === 'G' ? 'CopyInResponse' : 'CopyOutResponse', formats: reader.list(() => reader.int16()) }
    case 'd':
      return { type: 'CopyData', data: body }
    case 'Z':
      return { type: 'ReadyForQuery', status: body.toString('latin1', 0, 1) }
    default:
      return { type: 'Other', code, body }
  }
}

function decodeField(reader: Reader): FieldDescription {
  const name = reader.text()
  const tableOid = reader.int32()
  const attnum = reader.int16()
  const typeOid = reader.int32()
  reader.int16() // the type's size says no more than its oid
  return { name, tableOid, attnum, typeOid, typmod: reader.int32(), format: reader.int16() }
}

function decodeErrorFields(reader: Reader): ReadonlyMap<string, ByteString> {
  const fields = new Map<string, ByteString>()
  for (let code = reader.bytes(1).toString('latin1'); code !== '\0'; code = reader.bytes(1).toString('latin1')) {
    fields.set(code, reader.text())
  }
  return fields
}

type Reader = ReturnType<typeof readerOf>

function readerOf(body: Buffer) {
  let at = 0
  const reader = {
    bytes(length: number): Buffer {
      at += length
      return body.subarray(at - length, at)
    },
    int16: () => reader.bytes(2).readInt16BE(),
    int32: () => reader.bytes(4).readInt32BE(),
    text(): ByteString {
      const text = reader.bytes(body.indexOf(0, at) - at).toString('latin1')
      at += 1
      return text
    },
    value(): Buffer | null {
      const length = reader.int32()
      return length < 0 ? null : reader.bytes(length)
    },
    list: <T>(item: () => T): T[] => Array.from({ length: reader.int16() }, item),
  }
  return reader
}
