import pg from 'pg'
import type { TextQuery } from '../catalog/introspect.js'
import { createExclusive } from './exclusive.js'

/** The proxy's own connection to the managed database: for introspection and for what a switch must ask. */
export interface ControlConnection {
  /** Runs one statement. Connects again where the connection was lost; rejects where that fails, too. */
  readonly query: TextQuery
  /** How often it has connected: whoever answers after another time may be another server, which was behind the first. */
  readonly connections: number
  end(): Promise<void>
}

export interface ControlOptions {
  readonly url: string
  readonly applicationName: string
  /** Milliseconds until an attempt to connect fails. */
  readonly connectMs: number
}

/** Connects once; rejects with the error of `pg` or of the socket. */
export async function connectControl(options: ControlOptions): Promise<ControlConnection> {
  let client: pg.Client | undefined
  let connecting: Promise<pg.Client> | undefined
  let connections = 0
  let ended = false

  const connect = async (): Promise<pg.Client> => {
    const next = new pg.Client({
      connectionString: options.url,
      application_name: options.applicationName,
      connectionTimeoutMillis: options.connectMs,
      keepAlive: true,
      // What is asked of the system catalogs looks expensive to the planner: compiling it would take longer than running it.
      options: '-c jit=off',
      // A connection that answers nothing must not keep a poll, and a migration behind it, waiting for ever.
      query_timeout: 30_000,
    })
    const lost = () => {
      if (client === next) client = undefined
    }
    next.on('error', lost)
    next.on('end', lost)
    await next.connect()
    client = next
    connections += 1
    return next
  }
  const connected = async (): Promise<pg.Client> => {
    if (ended) throw new Error('the control connection is closed')
    if (client !== undefined) return client
    connecting ??= connect().finally(() => {
      connecting = undefined
    })
    return await connecting
  }

  await connected()
  const turns = createExclusive()
  return {
    query: (text) =>
      turns.run(async () => {
        const result = await (await connected()).query({ text, rowMode: 'array', types: asText })
        return result.rows as (string | null)[][]
      }),
    get connections() {
      return connections
    },
    end: async () => {
      ended = true
      await client?.end()
    },
  }
}

const asText = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig
