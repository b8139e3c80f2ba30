import { expect, test } from 'vitest'
import { withColumnTypes, withParameterTypes, withTypes } from '../../src/wire/type-oids.js'
import { decodeBackendMessage } from '../support/backend-message.js'
import { frame, int16, int32, text } from '../support/frontend-message.js'

const oids = new Map([[70000, 16390]])

const column = (name: string, type: number) =>
  Buffer.concat([text(name), int32(5), int16(1), int32(type), int16(4), int32(-1), int16(1)])
const rowDescription = (...types: number[]) =>
  frame('T', int16(types.length), ...types.map((type, index) => column(`c${index}`, type)))
const parameterDescription = (...types: number[]) => frame('t', int16(types.length), ...types.map(int32))

/** The frame in the middle of a chunk, as it comes from a socket. */
function inChunk(
  message: Buffer,
  take: typeof withColumnTypes,
  map: ReadonlyMap<number, number> = oids,
): Buffer | undefined {
  const chunk = Buffer.concat([Buffer.from('before'), message, Buffer.from('after')])
  const copy = Buffer.from(chunk)
  const answer = take(chunk, 6, 6 + message.length, map)
  expect(chunk).toEqual(copy)
  return answer
}

test('the types of columns are replaced, and nothing else', () => {
  expect(inChunk(rowDescription(23, 70000, 25, 70000), withColumnTypes)).toEqual(rowDescription(23, 16390, 25, 16390))
})

test('names, table oids and lengths that look like a type stay', () => {
  const message = frame(
    'T',
    int16(1),
    text('\x00'.slice(1)),
    int32(70000),
    int16(1),
    int32(23),
    int16(4),
    int32(70000),
    int16(0),
  )
  expect(inChunk(message, withColumnTypes)).toBeUndefined()
})

test('what has no such type is not copied', () => {
  expect(inChunk(rowDescription(23, 25), withColumnTypes)).toBeUndefined()
  expect(inChunk(rowDescription(), withColumnTypes)).toBeUndefined()
  expect(inChunk(parameterDescription(), withParameterTypes)).toBeUndefined()
  expect(withTypes(Buffer.from([0, 0]), oids)).toBeUndefined()
})

test('the types of parameters are replaced', () => {
  const answer = inChunk(parameterDescription(70000, 20), withParameterTypes)
  expect(decodeBackendMessage('t', (answer as Buffer).subarray(5))).toEqual({
    type: 'ParameterDescription',
    oids: [16390, 20],
  })
  expect(withTypes(Buffer.concat([int16(2), int32(20), int32(70000)]), oids)).toEqual(
    Buffer.concat([int16(2), int32(20), int32(16390)]),
  )
})

test('oids beyond 2^31 are no negative numbers', () => {
  const answer = inChunk(rowDescription(4_000_000_000), withColumnTypes, new Map([[4_000_000_000, 3_000_000_000]]))
  expect(answer).toEqual(rowDescription(3_000_000_000))
})
