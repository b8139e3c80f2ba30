import { connect, type Socket } from 'node:net'
import { type BackendMessage, decodeBackendMessage } from './backend-message.js'
import { frame, int32, startup, terminate, text } from './frontend-message.js'
import { scramClient } from './scram.js'

export interface RawClientOptions {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user?: string
  readonly password?: string
  /** Further parameters of the StartupMessage, e.g. `options`. */
  readonly startup?: Readonly<Record<string, string>>
}

/** A client that shows the protocol's messages as they are: for comparing two servers' answers. */
export interface RawClient {
  /** ParameterStatus values as last reported. */
  readonly parameters: ReadonlyMap<string, string>
  /** Writes frames (see frontend-message.ts). */
  send(...frames: readonly Buffer[]): void
  /**
   * The messages up to and including the next ReadyForQuery; ParameterStatus is left out. Rejects when the connection
   * ends first. Asked several times at once, the calls are answered in their order.
   */
  untilReady(): Promise<readonly BackendMessage[]>
  end(): Promise<void>
}

/** Connects and logs in (trust, password, SCRAM-SHA-256). Rejects with the server's message when it is refused. */
export async function connectRaw(options: RawClientOptions): Promise<RawClient> {
  const socket = connect({ host: options.host, port: options.port, noDelay: true })
  const parameters = new Map<string, string>()
  const inbox = inboxOf(socket)
  const user = options.user ?? 'postgres'
  socket.write(startup({ user, database: options.database, client_encoding: 'UTF8', ...options.startup }))
  const scram = scramClient(options.password ?? 'postgres')
  for (;;) {
    const message = await inbox.next()
    if (message.type === 'ReadyForQuery') break
    if (message.type === 'ErrorResponse') throw new Error(message.fields.get('M'))
    if (message.type === 'ParameterStatus') parameters.set(message.name, message.value)
    if (message.type !== 'Authentication') continue
    switch (message.method) {
      case 3:
        socket.write(frame('p', text(options.password ?? 'postgres')))
        break
      case 10:
        socket.write(frame('p', text('SCRAM-SHA-256'), int32(scram.first.length), Buffer.from(scram.first)))
        break
      case 11:
        socket.write(frame('p', Buffer.from(scram.final(message.body.toString('latin1')))))
        break
    }
  }
  const readBatch = async () => {
    const messages: BackendMessage[] = []
    for (;;) {
      const message = await inbox.next()
      if (message.type === 'ParameterStatus') {
        parameters.set(message.name, message.value)
        continue
      }
      messages.push(message)
      if (message.type === 'ReadyForQuery') return messages
    }
  }
  let last: Promise<unknown> = Promise.resolve()
  return {
    parameters,
    send: (...frames) => {
      socket.write(Buffer.concat(frames))
    },
    untilReady() {
      const batch = last.then(readBatch)
      // The one after it fails by itself.
      last = batch.catch(() => undefined)
      return batch
    },
    end: () =>
      new Promise((resolve) => {
        socket.once('close', () => resolve())
        socket.end(terminate())
      }),
  }
}

/** Cuts the socket's bytes into messages and hands them out one by one. */
function inboxOf(socket: Socket): { next(): Promise<BackendMessage> } {
  let rest: Buffer = Buffer.alloc(0)
  let failure: Error | undefined
  const messages: BackendMessage[] = []
  let wake: (() => void) | undefined
  socket.on('data', (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    while (rest.length - at >= 5) {
      const end = at + 1 + rest.readInt32BE(at + 1)
      if (end > rest.length) break
      messages.push(decodeBackendMessage(rest.toString('latin1', at, at + 1), rest.subarray(at + 5, end)))
      at = end
    }
    rest = rest.subarray(at)
    wake?.()
  })
  const fail = (error: Error) => {
    failure ??= error
    wake?.()
  }
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the connection ended')))
  let taken = 0
  return {
    async next() {
      for (;;) {
        const message = messages[taken]
        if (message !== undefined) {
          taken += 1
          if (taken === messages.length) {
            messages.length = 0
            taken = 0
          }
          return message
        }
        if (failure !== undefined) throw failure
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}
