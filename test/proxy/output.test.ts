import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { createOutput } from '../../src/proxy/output.js'

/** An output whose writes are seen as they are made. */
function recorded(writable = true) {
  const writes: Buffer[] = []
  const log: string[] = []
  const socket = {
    writable,
    write: (bytes: Buffer) => writes.push(bytes),
    cork: () => log.push('cork'),
    uncork: () => log.push('uncork'),
  } as unknown as Socket
  return { output: createOutput(socket), writes, log }
}

const chunk = Buffer.from('abcdefgh')

test('a chunk of which every frame passes is written as it came, in one write', () => {
  const { output, writes } = recorded()
  output.pass(chunk, 0, 3)
  output.pass(chunk, 3, 8)
  output.flush()
  expect(writes).toHaveLength(1)
  expect(writes[0]).toBe(chunk)
})

test('what is left out and what is put in keep their places', () => {
  const { output, writes } = recorded()
  output.pass(chunk, 0, 2)
  output.put(Buffer.from('XY'))
  output.pass(chunk, 4, 6)
  output.pass(chunk, 6, 7)
  output.flush()
  expect(writes.map(String)).toEqual(['abXYefg'])
})

test('stretches of two buffers are not taken for one', () => {
  const { output, writes } = recorded()
  output.pass(chunk, 0, 4)
  output.pass(Buffer.from('....5678'), 4, 8)
  output.flush()
  expect(String(writes[0])).toBe('abcd5678')
})

test('much of it goes out as one gathering write, not copied', () => {
  const { output, writes, log } = recorded()
  const large = Buffer.alloc(100_000)
  output.put(large)
  output.pass(chunk, 0, 8)
  output.flush()
  expect(writes[0]).toBe(large)
  expect(writes[1]).toBe(chunk)
  expect(log).toEqual(['cork', 'uncork'])
})

test('what was flushed is not written again, and nothing is written to a socket that ended', () => {
  const { output, writes } = recorded()
  output.pass(chunk, 0, 8)
  output.flush()
  output.flush()
  expect(writes).toHaveLength(1)
  const ended = recorded(false)
  ended.output.put(chunk)
  ended.output.flush()
  expect(ended.writes).toEqual([])
})
