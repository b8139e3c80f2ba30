import { connect, createServer } from 'node:net'

/**
 * The least that a proxy in Node can be: two sockets, each piped into the other. A process of its own:
 * `forwarder.ts PORT` forwards to 127.0.0.1:PORT and prints `{"port":...}`.
 */
const target = Number(process.argv[2])
const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect({ host: '127.0.0.1', port: target, noDelay: true })
  client.pipe(upstream).pipe(client)
  client.on('error', () => upstream.destroy())
  upstream.on('error', () => client.destroy())
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object')
    process.stdout.write(`${JSON.stringify({ port: address.port })}\n`)
})
