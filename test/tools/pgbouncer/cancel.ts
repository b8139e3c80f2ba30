import { connect } from 'node:net'
import type pg from 'pg'

/** Sends the cancel request of a client as libpq does: the server, or the pooler, ends the connection. */
export function cancel(url: string, client: pg.Client): void {
  const { processID, secretKey } = client as unknown as { readonly processID: number; readonly secretKey: number }
  const packet = Buffer.alloc(16)
  for (const [index, value] of [16, 80877102, processID, secretKey].entries()) packet.writeInt32BE(value, index * 4)
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  socket.write(packet)
}
