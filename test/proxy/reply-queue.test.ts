import { expect, test } from 'vitest'
import { createReplyQueue, type ExpectedReply, type ReplyKind, type Settlement } from '../../src/proxy/reply-queue.js'
import { Backend } from '../../src/wire/message-types.js'

/** A queue that writes down how each message ended; the server's frames are named by their type bytes. */
function recorded() {
  const queue = createReplyQueue()
  const log: string[] = []
  return {
    queue,
    log,
    send(kind: ReplyKind, label: string = kind): void {
      const expected: ExpectedReply = {
        kind,
        injected: false,
        onSettled: (how: Settlement) => log.push(`${label} ${how}`),
      }
      queue.send(expected)
    },
    receive(types: string): void {
      for (const type of types) queue.receive(type.charCodeAt(0))
    },
  }
}

test('each message of a batch is answered by its own frames', () => {
  const { queue, log, send, receive } = recorded()
  for (const kind of ['parse', 'bind', 'describe', 'execute', 'close', 'sync'] as const) send(kind)
  expect(queue.idle).toBe(false)
  receive('12TDDC3Z')
  expect(log).toEqual(['parse', 'bind', 'describe', 'execute', 'close', 'sync'].map((kind) => `${kind} done`))
  expect(queue.idle).toBe(true)
})

test('a Describe of a statement takes two frames, ended by the second', () => {
  const { log, send, receive } = recorded()
  send('describe')
  receive('t')
  expect(log).toEqual([])
  receive('n')
  expect(log).toEqual(['describe done'])
})

test('a Query lasts until its ReadyForQuery, whatever comes before', () => {
  const { queue, log, send, receive } = recorded()
  send('query', 'a')
  send('query', 'b')
  receive('TDCTDCE')
  expect(log).toEqual([])
  receive('Z')
  expect(log).toEqual(['a done'])
  expect(queue.begun).toBe(false)
  receive('IZ')
  expect(log).toEqual(['a done', 'b done'])
})

test('after an error everything up to the Sync is skipped, the last first', () => {
  const { queue, log, send, receive } = recorded()
  for (const kind of ['parse', 'bind', 'query', 'execute', 'sync', 'query'] as const) send(kind)
  receive('E')
  expect(log).toEqual(['execute skipped', 'query skipped', 'bind skipped', 'parse failed'])
  receive('ZCZ')
  expect(log.slice(4)).toEqual(['sync done', 'query done'])
  expect(queue.idle).toBe(true)
})

test('after an error what is sent is skipped until a Sync is sent', () => {
  const { queue, log, send, receive } = recorded()
  send('parse')
  receive('E')
  expect([queue.skipping, queue.idle, queue.open]).toEqual([true, false, true])
  send('bind')
  send('query')
  expect(log).toEqual(['parse failed', 'bind skipped', 'query skipped'])
  send('sync')
  expect(queue.skipping).toBe(false)
  receive('Z')
  expect(queue.idle).toBe(true)
})

test('an error at the Sync is no error of what came before', () => {
  const { log, send, receive } = recorded()
  send('execute')
  send('sync')
  receive('CEZ')
  expect(log).toEqual(['execute done', 'sync done'])
})

test('a batch is open until its Sync', () => {
  const { queue, send, receive } = recorded()
  expect(queue.open).toBe(false)
  send('parse')
  receive('1')
  expect([queue.open, queue.idle, queue.head]).toEqual([true, false, undefined])
  send('sync')
  expect(queue.open).toBe(false)
})

test('a Sync sent while COPY data is read has no answer', () => {
  const { queue, log, send, receive } = recorded()
  send('execute')
  send('sync', 'ignored')
  receive('G')
  expect([queue.copyIn, queue.open]).toEqual([true, true])
  send('sync', 'ignored too')
  send('copy-end')
  expect(queue.copyIn).toBe(false)
  send('sync', 'last')
  receive('CZ')
  expect(log).toEqual(['execute done', 'last done'])
  expect(queue.idle).toBe(true)
})

test('a COPY whose end was sent before its beginning was seen', () => {
  const { queue, log, send, receive } = recorded()
  send('query', 'copy')
  send('copy-end')
  send('query', 'next')
  receive('G')
  expect(queue.copyIn).toBe(false)
  receive('CZCZ')
  expect(log).toEqual(['copy done', 'next done'])
})

test('CopyDone outside of COPY stands for nothing', () => {
  const { queue, log, send, receive } = recorded()
  send('copy-end')
  expect(queue.idle).toBe(true)
  send('query')
  send('copy-end')
  receive('CZ')
  expect(log).toEqual(['query done'])
  expect(queue.idle).toBe(true)
})

test('a COPY that failed on the server is over', () => {
  const { queue, send, receive } = recorded()
  send('query')
  receive('G')
  receive('E')
  expect(queue.copyIn).toBe(false)
  receive('Z')
  expect(queue.idle).toBe(true)
})

test('a ReadyForQuery that nobody asked for answers no Query', () => {
  const { log, send, receive } = recorded()
  receive('Z')
  send('query')
  receive('Z')
  expect(log).toEqual([])
  receive('CZ')
  expect(log).toEqual(['query done'])
})

test('when the connection is lost everything outstanding was skipped', () => {
  const { queue, log, send } = recorded()
  send('parse')
  send('sync')
  queue.abandon()
  expect(log).toEqual(['sync skipped', 'parse skipped'])
  expect(queue.head).toBeUndefined()
})

test('a long pipeline does not grow the queue for ever', () => {
  const { queue, log, send, receive } = recorded()
  for (let i = 0; i < 10_000; i++) {
    send('query')
    send('query')
    receive('CZ')
  }
  for (let i = 0; i < 10_000; i++) receive('CZ')
  expect(log).toHaveLength(20_000)
  expect(queue.idle).toBe(true)
  expect(Backend.ReadyForQuery).toBe('Z'.charCodeAt(0))
})
