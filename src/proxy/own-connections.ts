import type { Socket } from 'node:net'

type Ends = Pick<Socket, 'localAddress' | 'localPort' | 'remoteAddress' | 'remotePort'>

/** The proxy's own connections to the server: a client that is one of them means that the upstream is the proxy itself. */
export interface OwnConnections {
  /** To be called for each connection that was opened; it is forgotten when it closes. */
  add(socket: Ends & Pick<Socket, 'once'>): void
  /** True where an accepted connection is the other side of one of them. */
  has(accepted: Ends): boolean
}

/** Both ends count: the system gives one local port to several connections, as long as their other ends differ. */
export function createOwnConnections(): OwnConnections {
  const open = new Set<string>()
  return {
    add(socket) {
      const { localAddress, localPort, remoteAddress, remotePort } = socket
      const ends = `${end(localAddress, localPort)} ${end(remoteAddress, remotePort)}`
      open.add(ends)
      socket.once('close', () => open.delete(ends))
    },
    has: ({ localAddress, localPort, remoteAddress, remotePort }) =>
      open.has(`${end(remoteAddress, remotePort)} ${end(localAddress, localPort)}`),
  }
}

/** One end of a connection; an IPv4 address seen through an IPv6 socket is the same. */
function end(address: string | undefined, port: number | undefined): string {
  return `${address?.replace(/^::ffff:/, '')} ${port}`
}
