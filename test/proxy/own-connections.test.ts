import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { createOwnConnections } from '../../src/proxy/own-connections.js'

const dialled = (localPort: number, remotePort: number) =>
  Object.assign(new EventEmitter(), {
    localAddress: '127.0.0.1',
    localPort,
    remoteAddress: '127.0.0.1',
    remotePort,
  }) as never

const accepted = (remotePort: number, localPort: number) => ({
  localAddress: '::ffff:127.0.0.1',
  localPort,
  remoteAddress: '::ffff:127.0.0.1',
  remotePort,
})

test('a client that is the other side of a connection of ours is ourselves', () => {
  const own = createOwnConnections()
  own.add(dialled(40_000, 6432))
  expect(own.has(accepted(40_000, 6432))).toBe(true)
})

test('a client from a port that we use towards another port is somebody else', () => {
  const own = createOwnConnections()
  own.add(dialled(40_000, 5432))
  expect(own.has(accepted(40_000, 6432))).toBe(false)
})

test('a connection that has closed is forgotten', () => {
  const own = createOwnConnections()
  const socket = dialled(40_000, 6432) as EventEmitter
  own.add(socket as never)
  socket.emit('close')
  expect(own.has(accepted(40_000, 6432))).toBe(false)
})
