import { createServer, type Socket, connect as tcpConnect } from 'node:net'
import { encodeCancelRequest, encodeStartupMessage, type StartupMessage } from '../wire/startup.js'
import { readStartup } from './read-startup.js'

/** A loopback port whose connections reach the proxy as those of a migration tool. */
export interface ToolListener {
  readonly port: number
  close(): void
}

/**
 * Listens on a free loopback port and passes every connection on to the proxy, with `-c hotswap.run=on` and the given
 * options added to its StartupMessage: a tool's URL differs from the proxy's in host and port alone.
 */
export async function listenForTools(
  proxy: { readonly host: string; readonly port: number },
  settings: readonly string[],
): Promise<ToolListener> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    keep(sockets, client)
    serve(client, proxy, settings, sockets).catch(() => client.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port: 0 }, resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the listener has no TCP port')
  return {
    port: address.port,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function keep(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket)
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  socket.once('close', () => sockets.delete(socket))
}

async function serve(
  client: Socket,
  proxy: { readonly host: string; readonly port: number },
  settings: readonly string[],
  sockets: Set<Socket>,
): Promise<void> {
  const request = await readStartup(client)
  if (request === undefined) return
  const { packet, rest } = request
  const server = tcpConnect(proxy)
  keep(sockets, server)
  server.write(
    packet.kind === 'cancel'
      ? encodeCancelRequest(packet.pid, packet.key)
      : encodeStartupMessage(withSettings(packet, settings)),
  )
  if (rest.length > 0) server.write(rest)
  client.pipe(server)
  server.pipe(client)
  client.once('close', () => server.destroySoon())
  server.once('close', () => client.destroySoon())
}

/** The message with `-c hotswap.NAME=VALUE` for each setting behind its own options. */
export function withSettings(message: StartupMessage, settings: readonly string[]): StartupMessage {
  const own = message.parameters.findLast(([name]) => name === 'options')?.[1]
  const added = settings.map((setting) => `-c hotswap.${setting.replace(/[\\\s]/g, '\\$&')}`)
  const options = [...(own === undefined || own === '' ? [] : [own]), ...added].join(' ')
  const others = message.parameters.filter(([name]) => name !== 'options')
  return { ...message, parameters: [...others, ['options', options]] }
}
