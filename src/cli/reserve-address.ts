import { createServer, type Socket } from 'node:net'
import type { Address } from '../proxy/contracts.js'

/** An address that is ours before the proxy stands behind it, so that nothing is half-started where it is taken. */
export interface Reservation {
  readonly address: Address
  /** True once a connection came in whose first bytes hold the token: one of our own has reached us. */
  sawToken(): boolean
  /** Gives the address up for the proxy to take. */
  release(): Promise<void>
}

const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

/**
 * Listens on the address and looks, in what connections say first, for a token that only our own control connection
 * knows. Rejects with Node's error where the address cannot be listened on.
 */
export async function reserveAddress({ host, port }: Address, token: string): Promise<Reservation> {
  const sockets = new Set<Socket>()
  let seen = false
  const server = createServer((socket) => {
    sockets.add(socket)
    let text = ''
    socket.on('data', (chunk) => {
      if (text === '' && chunk.equals(sslRequest)) {
        socket.write('N')
        return
      }
      text += chunk.toString('latin1')
      if (text.includes(token)) seen = true
      // A StartupMessage is no longer than 10,000 bytes; what is not ours may come again when the proxy is there.
      if (seen || text.length > 10_000) socket.destroy()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, resolve)
  })
  const bound = server.address()
  return {
    address: { host, port: typeof bound === 'object' && bound !== null ? bound.port : port },
    sawToken: () => seen,
    release: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
