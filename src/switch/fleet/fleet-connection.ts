import pg from 'pg'
import { createExclusive } from '../exclusive.js'
import type { FleetQuery } from './requests.js'

/** The connection whose life is the proxy's membership: session-level locks, LISTEN, and all requests in order. */
export interface FleetConnection {
  readonly query: FleetQuery
  close(): Promise<void>
}

export interface FleetConnectionOptions {
  /** Direct to the database, never through a pooler. */
  readonly url: string
  readonly applicationName: string
  /** Milliseconds until an attempt to connect fails. */
  readonly connectMs: number
  /** Milliseconds after which a connection that answers nothing counts as lost. */
  readonly answerMs: number
  /** Another proxy has notified; `payload` is empty in most cases. */
  readonly onNotification: (payload: string) => void
  /** Called once, when the connection is lost. */
  readonly onLost: (reason: string) => void
}

/** Connects and listens; rejects with the error of `pg` or of the socket. */
export async function connectFleet(options: FleetConnectionOptions): Promise<FleetConnection> {
  const client = new pg.Client({
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectMs,
    keepAlive: true,
    query_timeout: options.answerMs,
  })
  let state: 'connecting' | 'up' | 'over' = 'connecting'
  const lose = (reason: string) => {
    if (state !== 'up') return
    state = 'over'
    options.onLost(reason)
    client.end().catch(() => undefined)
  }
  client.on('error', (error) => lose(String(error)))
  client.on('end', () => lose('the server closed the connection'))
  // What this proxy told the others it knows itself. The backend's pid is no part of the types of `pg`.
  client.on('notification', ({ processId, payload = '' }) => {
    if (processId !== (client as unknown as { processID: number }).processID) options.onNotification(payload)
  })
  await client.connect()
  // Requests wait for locks of each other for a moment only; what a database does with its own timeouts is not for them.
  await client.query(`SET lock_timeout = 0; SET statement_timeout = 0; SET idle_session_timeout = 0; LISTEN hotswap`)
  state = 'up'
  const turns = createExclusive()
  return {
    query: (text) => turns.run(() => run(text)),
    async close() {
      state = 'over'
      await client.end().catch(() => undefined)
    },
  }

  async function run(text: string): ReturnType<FleetQuery> {
    if (state !== 'up') throw new Error('the connection to the fleet is lost')
    try {
      const result: unknown = await client.query({ text, rowMode: 'array', types: asText })
      return (Array.isArray(result) ? result : [result]).map((one: pg.QueryArrayResult) => one.rows)
    } catch (error) {
      // Of an error of the server there is a code; whatever else it is, nobody knows what became of the request.
      if (!(error instanceof pg.DatabaseError) || isFatal(error)) lose(String(error))
      throw error
    }
  }
}

function isFatal({ severity }: pg.DatabaseError): boolean {
  return severity === 'FATAL' || severity === 'PANIC'
}

const asText = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig
