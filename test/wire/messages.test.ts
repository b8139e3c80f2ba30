import { serialize } from 'pg-protocol'
import { expect, test } from 'vitest'
import {
  decodeBackendKeyData,
  decodeFields,
  decodeParameterStatus,
  decodeReadyForQuery,
  decodeTextRow,
  encodeCommandComplete,
  encodeErrorResponse,
  encodeReadyForQuery,
  withoutChannelBinding,
} from '../../src/wire/backend.js'
import {
  decodeBindNames,
  decodeBindParameter,
  decodeExecutePortal,
  decodeParse,
  decodeQuery,
  decodeTarget,
  encodeParse,
  encodeQuery,
} from '../../src/wire/frontend.js'
import {
  encodeCancelRequest,
  encodeStartupMessage,
  readStartupPacket,
  SSL_REQUEST,
  type StartupMessage,
} from '../../src/wire/startup.js'

/** The frame in the middle of other bytes, so that a decoder that reads on is found out. */
function inside(frame: Buffer): [Buffer, number, number] {
  return [Buffer.concat([Buffer.from('zz\0'), frame, Buffer.from('\0yy\0')]), 3, 3 + frame.length]
}

test('a Query and a Parse are encoded as pg-protocol encodes them', () => {
  expect(encodeQuery('select 1')).toEqual(serialize.query('select 1'))
  const parse = serialize.parse({ name: 'n', text: 'select $1', types: [23, 25] })
  const types = Buffer.from([0, 2, 0, 0, 0, 23, 0, 0, 0, 25])
  expect(encodeParse('n', 'select $1', types)).toEqual(parse)
})

test('texts are byte strings, whatever their encoding', () => {
  const text = 'select \xe9\xff'
  expect(decodeQuery(...inside(encodeQuery(text)))).toBe(text)
})

test('a Query whose text ends before the frame, or not in it, is malformed', () => {
  expect(decodeQuery(...inside(Buffer.from('Q\0\0\0\x08ab\0c\0')))).toBeUndefined()
  expect(decodeQuery(...inside(Buffer.from('Q\0\0\0\x06ab')))).toBeUndefined()
})

test('a Parse gives its name, text and where its types stand', () => {
  const frame = serialize.parse({ name: 'n', text: 'select $1', types: [23] })
  const [buffer, start, end] = inside(frame)
  const parse = decodeParse(buffer, start, end)
  expect(parse).toMatchObject({ name: 'n', text: 'select $1' })
  expect(buffer.subarray(parse?.typesAt, end)).toEqual(Buffer.from([0, 1, 0, 0, 0, 23]))
})

test('a Parse whose count of types and length disagree is malformed', () => {
  expect(decodeParse(...inside(Buffer.from('P\0\0\0\x0a\0a\0\0\x01\0')))).toBeUndefined()
  expect(decodeParse(...inside(Buffer.from('P\0\0\0\x06ab')))).toBeUndefined()
})

test('of a Bind the names are read, from its beginning alone', () => {
  const frame = serialize.bind({ portal: 'p', statement: 's', values: ['x'.repeat(100)] })
  const [buffer, start] = inside(frame)
  expect(decodeBindNames(buffer, start, start + 12)).toEqual({ portal: 'p', statement: 's' })
  expect(decodeBindNames(buffer, start, start + 8)).toBeUndefined()
})

test('of a Bind a parameter is read in the format that it has; NULL, one too many and a cut frame give nothing', () => {
  const frame = serialize.bind({ portal: 'p', statement: 's', values: ['one', null, Buffer.from([0, 7])] })
  const [buffer, start, end] = inside(frame)
  const value = (number: number) => decodeBindParameter(buffer, start, end, number)
  expect([1, 2, 3, 4].map(value)).toEqual([Buffer.from('one'), undefined, Buffer.from([0, 7]), undefined])
  for (let cut = start + 5; cut < end - 5; cut++) expect(decodeBindParameter(buffer, start, cut, 3)).toBeUndefined()
})

test('Describe, Close and Execute give their names', () => {
  expect(decodeTarget(...inside(serialize.describe({ type: 'S', name: 's' })))).toEqual({
    kind: 'statement',
    name: 's',
  })
  expect(decodeTarget(...inside(serialize.close({ type: 'P', name: '' })))).toEqual({ kind: 'portal', name: '' })
  expect(decodeExecutePortal(...inside(serialize.execute({ portal: 'p', rows: 3 })))).toBe('p')
  expect(decodeTarget(...inside(Buffer.from('D\0\0\0\x06x\0')))).toBeUndefined()
})

test('error fields survive decoding and encoding', () => {
  const fields = new Map([
    ['S', 'ERROR'],
    ['C', '42P01'],
    ['M', 'relation "\xc3\xa9" does not exist'],
  ])
  expect(decodeFields(...inside(encodeErrorResponse(fields)))).toEqual(fields)
})

test('a NUL in a field cannot begin another field', () => {
  const fields = decodeFields(...inside(encodeErrorResponse(new Map([['M', 'a\0Cb']]))))
  expect([...fields.keys()]).toEqual(['M'])
})

test('the other server messages are read and written', () => {
  const [buffer, start] = inside(encodeReadyForQuery('T'))
  expect(decodeReadyForQuery(buffer, start)).toBe('T')
  expect(encodeCommandComplete('SELECT 1')).toEqual(Buffer.from('C\0\0\0\x0dSELECT 1\0'))
  expect(decodeParameterStatus(...inside(Buffer.from('S\0\0\0\x08a\0b\0')))).toEqual(['a', 'b'])
  const key = decodeBackendKeyData(...inside(Buffer.from('K\0\0\0\x0c\0\0\0\x07abcd')))
  expect(key).toEqual({ pid: 7, key: Buffer.from('abcd') })
  const row = Buffer.from('D\0\0\0\x00\0\x03\0\0\0\x02\xc3\xa9\xff\xff\xff\xff\0\0\0\0', 'latin1')
  row.writeInt32BE(row.length - 1, 1)
  expect(decodeTextRow(...inside(row))).toEqual(['é', null, ''])
})

test('channel binding is taken out of the list of mechanisms, and nothing else', () => {
  const offer = (list: string) => {
    const frame = Buffer.from(`R\0\0\0\0\0\0\0\x0a${list}\0`)
    frame.writeInt32BE(frame.length - 1, 1)
    return frame
  }
  const both = offer('SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0')
  expect(withoutChannelBinding(...inside(both))).toEqual(offer('SCRAM-SHA-256\0'))
  expect(withoutChannelBinding(...inside(offer('SCRAM-SHA-256\0')))).toBeUndefined()
  expect(withoutChannelBinding(...inside(Buffer.from('R\0\0\0\x08\0\0\0\0')))).toBeUndefined()
})

const startup: StartupMessage = {
  kind: 'startup',
  protocol: 0x30002,
  parameters: [
    ['user', 'me'],
    ['options', ''],
  ],
}

test('a StartupMessage is complete at its last byte and not before', () => {
  const packet = encodeStartupMessage(startup)
  for (let length = 0; length < packet.length; length++) {
    expect(readStartupPacket(packet.subarray(0, length))).toEqual({ kind: 'incomplete' })
  }
  const more = Buffer.concat([packet, Buffer.from('more')])
  expect(readStartupPacket(more)).toEqual({ kind: 'packet', packet: startup, size: packet.length })
})

test('encryption requests and cancel requests with keys of 4 to 256 bytes are read', () => {
  const ssl = Buffer.alloc(8)
  ssl.writeInt32BE(8, 0)
  ssl.writeInt32BE(SSL_REQUEST, 4)
  expect(readStartupPacket(ssl)).toMatchObject({ packet: { kind: 'ssl' }, size: 8 })
  for (const length of [4, 32, 256]) {
    const key = Buffer.alloc(length, 1)
    const read = readStartupPacket(encodeCancelRequest(9, key))
    expect(read).toMatchObject({ packet: { kind: 'cancel', pid: 9, key } })
  }
})

test.each([
  ['a length over 10,000 bytes', Buffer.from([0, 0, 0x27, 0x11, 0, 3, 0, 0])],
  ['a negative length', Buffer.from([0xff, 0xff, 0xff, 0xff])],
  ['a tiny length', Buffer.from([0, 0, 0, 7])],
  ['a TLS handshake', Buffer.from([0x16, 3, 1, 2, 0])],
  ['a parameter without a value', Buffer.from('\0\0\0\x0b\0\x03\0\0ab\0')],
  ['bytes after the terminator', Buffer.from('\0\0\0\x0a\0\x03\0\0\0\0')],
  ['a cancel request with a key of 257 bytes', encodeCancelRequest(1, Buffer.alloc(257))],
])('%s is malformed', (_, bytes) => {
  expect(readStartupPacket(bytes).kind).toBe('malformed')
})
