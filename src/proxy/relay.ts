import type { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'

/** Passes the bytes of two connections to each other as they are, until both have ended or one is lost. */
export function relay(client: Socket, server: Socket, first: readonly Buffer[]): Promise<void> {
  for (const bytes of first) server.write(bytes)
  client.pipe(server)
  server.pipe(client)
  return new Promise((resolve) => {
    let open = 2
    const closed = () => {
      open--
      if (open === 0) resolve()
    }
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.once('error', () => other.destroy())
      one.once('close', () => {
        other.destroySoon()
        closed()
      })
    }
  })
}
