import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFramer, type Framer, type FramerRules } from '../../src/wire/framer.js'

const rules: FramerRules = {
  limit: (type) => (type === 0x53 ? 8 : 1_000),
  // Q is wanted whole, B from its 8th byte on, everything else in parts.
  need: (type, size) => (type === 0x51 ? size : type === 0x42 ? 8 : 0),
}

function frame(type: string, body: string): Buffer {
  const header = Buffer.alloc(5)
  header.write(type)
  header.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([header, Buffer.from(body)])
}

interface Seen {
  type: string
  bytes: string
}

/** The frames that a framer shows, parts joined; checks what holds for every part on the way. */
function drain(framer: Framer, seen: Seen[]): void {
  while (framer.peek()) {
    expect(framer.peek()).toBe(true)
    const type = String.fromCharCode(framer.type)
    const bytes = framer.buffer.toString('latin1', framer.start, framer.end)
    expect(bytes.length).toBeGreaterThan(0)
    if (framer.first) {
      if (type === 'Q') expect(framer.last).toBe(true)
      expect(bytes.length).toBeGreaterThanOrEqual(type === 'B' ? Math.min(8, framer.size) : 5)
      seen.push({ type, bytes })
    } else {
      const under = seen.at(-1) as Seen
      expect(under.type).toBe(type)
      under.bytes += bytes
    }
    if (framer.last) expect((seen.at(-1) as Seen).bytes.length).toBe(framer.size)
    framer.consume()
  }
}

function framesOf(chunks: readonly Buffer[]): Seen[] {
  const framer = createFramer(rules)
  const seen: Seen[] = []
  for (const chunk of chunks) {
    framer.push(chunk)
    drain(framer, seen)
  }
  expect(framer.problem).toBeUndefined()
  expect(framer.pending).toBe(0)
  return seen
}

const stream = [
  frame('Q', 'select 1\0'),
  frame('S', ''),
  frame('d', 'copied data'),
  frame('B', '\0\0\0\0and values'),
  frame('B', ''),
  frame('Q', '\0'),
]
const bytes = Buffer.concat(stream)
const expected = stream.map((one) => ({ type: one.toString('latin1', 0, 1), bytes: one.toString('latin1') }))

test('the same frames are found under every split into two chunks', () => {
  for (let at = 0; at <= bytes.length; at++) {
    expect(framesOf([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(expected)
  }
})

test('the same frames are found byte by byte', () => {
  expect(framesOf([...bytes].map((byte) => Buffer.from([byte])))).toEqual(expected)
})

test('any frames under any split are found as they were sent', () => {
  const frames = fc.array(fc.tuple(fc.constantFrom('Q', 'B', 'd', 'x'), fc.string({ maxLength: 40 })), { maxLength: 8 })
  fc.assert(
    fc.property(frames, fc.array(fc.nat(400)), (parts, cuts) => {
      const sent = parts.map(([type, body]) => frame(type, Buffer.from(body).toString('latin1').slice(0, 40)))
      const all = Buffer.concat(sent)
      const at = [0, ...cuts.map((cut) => Math.min(cut, all.length)).sort((a, b) => a - b), all.length]
      const chunks = at.slice(1).map((end, index) => all.subarray(at[index], end))
      const types = sent.map((one) => ({ type: one.toString('latin1', 0, 1), bytes: one.toString('latin1') }))
      expect(framesOf(chunks)).toEqual(types)
    }),
  )
})

test('a frame that lies in one chunk is shown in place, not copied', () => {
  const framer = createFramer(rules)
  framer.push(bytes)
  while (framer.peek()) {
    expect(framer.buffer).toBe(bytes)
    framer.consume()
  }
})

test('bytes that were put back are read again before those that wait', () => {
  const framer = createFramer(rules)
  framer.push(Buffer.concat([frame('Q', 'a\0'), frame('Q', 'b\0')]))
  framer.peek()
  const taken = Buffer.from(framer.buffer.subarray(framer.start, framer.end))
  framer.consume()
  framer.unshift(taken)
  const seen: Seen[] = []
  drain(framer, seen)
  expect(seen.map((one) => one.bytes.slice(5))).toEqual(['a\0', 'b\0'])
})

test.each([
  ['negative', -1],
  ['smaller than itself', 3],
  ['zero', 0],
  ['over the limit of its type', 1_001],
  ['2 GiB', 0x7fffffff],
])('a length that is %s is a problem, and nothing is shown from then on', (_, length) => {
  const header = Buffer.from('Q\0\0\0\0')
  header.writeInt32BE(length, 1)
  const framer = createFramer(rules)
  framer.push(frame('S', ''))
  framer.push(header)
  expect(framer.peek()).toBe(true)
  framer.consume()
  expect(framer.peek()).toBe(false)
  expect(framer.problem).toEqual({ type: 0x51, length, limit: 1_000 })
  framer.push(frame('S', ''))
  expect(framer.peek()).toBe(false)
})

test('a long frame over many chunks is copied together once', () => {
  const body = 'x'.repeat(990)
  const long = frame('Q', body)
  const framer = createFramer(rules)
  const seen: Seen[] = []
  for (let at = 0; at < long.length; at += 7) {
    framer.push(long.subarray(at, at + 7))
    if (at + 7 < long.length) expect(framer.peek()).toBe(false)
  }
  drain(framer, seen)
  expect(seen).toEqual([{ type: 'Q', bytes: long.toString('latin1') }])
})
