import { connect, type Socket } from 'node:net'
import type { Address, ClientError } from './contracts.js'

export type UpstreamConnection = { readonly socket: Socket } | { readonly error: ClientError }

/** How sockets to clients and to the server are set up. */
export const socketOptions = Object.freeze({
  allowHalfOpen: true,
  noDelay: true,
  keepAlive: true,
  /** Milliseconds of silence before a lost other side is looked for. */
  keepAliveInitialDelay: 60_000,
  /** Bytes that Node keeps for a socket before it says that the other side is slow. */
  highWaterMark: 256 * 1024,
})

/** Opens a connection to the server; the socket is paused and allows half-open use. */
export function connectUpstream(upstream: Address, timeoutMs: number): Promise<UpstreamConnection> {
  return new Promise((resolve) => {
    const socket = connect({ host: upstream.host, port: upstream.port, ...socketOptions })
    const fail = (reason: string) => {
      clearTimeout(timer)
      socket.destroy()
      resolve({
        error: {
          sqlstate: '08001',
          message: `could not connect to the PostgreSQL server at ${upstream.host}:${upstream.port}: ${reason}`,
          hint: 'Check that the server runs and that the "upstream" of pg-hotswap names its host and port.',
        },
      })
    }
    const timer = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs)
    const failed = (error: NodeJS.ErrnoException) => fail(error.code ?? error.message)
    socket.once('error', failed)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.off('error', failed)
      socket.pause()
      resolve({ socket })
    })
  })
}
