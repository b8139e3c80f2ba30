import { connect, type Socket } from 'node:net'
import { frame, int32, startup, text } from '../../support/frontend-message.js'
import { scramClient } from '../../support/scram.js'

/** A frame as it came. */
export interface WireFrame {
  readonly type: string
  readonly body: Buffer
}

/** A client that speaks bytes: for what drivers never send, and for what exactly comes back. */
export interface WireClient {
  readonly socket: Socket
  /** All frames since the connection began, startup included. */
  readonly frames: readonly WireFrame[]
  readonly pid: number
  readonly key: Buffer
  send(...bytes: readonly Buffer[]): void
  /** Resolves at the next frame of the type that comes after all earlier waits; rejects when the connection ends first. */
  until(type: string): Promise<WireFrame>
  /** Frames since the last `take`. */
  take(): readonly WireFrame[]
  closed(): Promise<void>
}

export interface WireClientOptions {
  readonly host?: string
  readonly port: number
  readonly database: string
  readonly user?: string
  readonly password?: string
  readonly startup?: Readonly<Record<string, string>>
  /** Resolve before login is over. */
  readonly early?: boolean
}

const DEADLINE_MS = 10_000

/** Connects, and logs in by trust, password, or SCRAM-SHA-256. */
export async function connectWire(options: WireClientOptions): Promise<WireClient> {
  const socket = connect({ host: options.host ?? '127.0.0.1', port: options.port, noDelay: true })
  const frames: WireFrame[] = []
  let rest: Buffer = Buffer.alloc(0)
  let seen = 0
  let taken = 0
  let ended = false
  const waits = new Set<() => void>()
  const wake = () => {
    for (const look of [...waits]) look()
  }
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
      const end = 1 + rest.readInt32BE(1)
      frames.push({ type: rest.toString('latin1', 0, 1), body: Buffer.from(rest.subarray(5, end)) })
      rest = rest.subarray(end)
    }
    wake()
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    ended = true
    wake()
  })

  function wait<T>(what: string, look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = () => {
        waits.delete(check)
        clearTimeout(timer)
      }
      const check = () => {
        const found = look()
        if (found === undefined && !ended) return
        end()
        if (found !== undefined) resolve(found)
        else reject(new Error(`the connection ended before ${what}; last: ${show(frames)}`))
      }
      const timer = setTimeout(() => {
        end()
        reject(new Error(`no ${what} within ${DEADLINE_MS} ms; last: ${show(frames)}`))
      }, DEADLINE_MS)
      waits.add(check)
      check()
    })
  }

  const client: WireClient = {
    socket,
    frames,
    get pid() {
      return frames.find((one) => one.type === 'K')?.body.readInt32BE(0) ?? 0
    },
    get key() {
      return frames.find((one) => one.type === 'K')?.body.subarray(4) ?? Buffer.alloc(0)
    },
    send: (...bytes) => {
      socket.write(Buffer.concat(bytes))
    },
    until: (type) =>
      wait(type, () => {
        const at = frames.findIndex((one, index) => index >= seen && one.type === type)
        if (at >= 0) seen = at + 1
        return frames[at]
      }),
    take() {
      const some = frames.slice(taken)
      taken = frames.length
      return some
    },
    closed: () => wait('close', () => (ended ? true : undefined)).then(() => undefined),
  }

  const { user = 'postgres', password = 'postgres', database } = options
  socket.write(startup({ user, database, ...options.startup }))
  if (options.early) return client
  const scram = scramClient(password)
  for (let at = 0; ; at++) {
    const message = await wait('the end of login', () => frames[at])
    if (message.type === 'Z') break
    if (message.type === 'E') throw new Error(message.body.toString('latin1'))
    if (message.type !== 'R') continue
    const method = message.body.readInt32BE(0)
    if (method === 3) client.send(frame('p', text(password)))
    if (method === 10) {
      client.send(frame('p', text('SCRAM-SHA-256'), int32(scram.first.length), Buffer.from(scram.first)))
    }
    if (method === 11) {
      client.send(frame('p', Buffer.from(scram.final(message.body.subarray(4).toString('latin1')))))
    }
  }
  await client.until('Z')
  client.take()
  return client
}

/** Frames in short, for comparing and for messages: `T D:'\0\1...' C:'SELECT 1' Z:'I'`. */
export function show(frames: readonly WireFrame[]): string {
  return frames
    .slice(-40)
    .map(
      ({ type, body }) =>
        `${type}${body.length === 0 ? '' : `:${JSON.stringify(body.toString('latin1').slice(0, 200))}`}`,
    )
    .join(' ')
}

/** The fields of an ErrorResponse's or NoticeResponse's body. */
export function fieldsOf(body: Buffer): Record<string, string> {
  const fields = body.toString('utf8').split('\0').filter(Boolean)
  return Object.fromEntries(fields.map((field) => [field[0] as string, field.slice(1)]))
}
