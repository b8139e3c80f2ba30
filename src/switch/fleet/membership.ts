import { randomUUID } from 'node:crypto'
import type { ProxyLog } from '../../proxy/contracts.js'
import { connectFleet, type FleetConnection } from './fleet-connection.js'
import { createRequests, type Requests, type TimedView } from './requests.js'
import type { FleetTiming } from './timing.js'

export interface MembershipSeams {
  /** Direct to the database, as the control connection. */
  readonly url: string
  readonly applicationName: string
  /** What other proxies call this one, in errors. */
  readonly name: string
  readonly timing: FleetTiming
  readonly log: ProxyLog
  /** The others count this proxy as gone: once its sessions have ended it joins as another one. */
  fenced(): boolean
  joined(view: TimedView): void
  /** An attempt to join failed. */
  failed(): void
  lost(): void
  /** `poke` was called, and no request is under way. */
  poked(): void
  /** Another proxy has notified; `payload` is what it has said with that. */
  notified(payload: string): void
}

/** This proxy's place in the fleet: its connection, its number, and the requests that it makes. */
export interface Membership {
  /** 0 before it has joined for the first time. */
  readonly me: number
  readonly connected: boolean
  readonly joining: boolean
  /** Requests are under way. */
  readonly asking: boolean
  /** Why the last attempt to join failed. */
  readonly failure: unknown
  join(): Promise<void>
  /**
   * Makes a request; undefined without a connection, or where the answer was lost. One that fails costs the connection,
   * since nobody knows what it did.
   */
  ask<T>(request: (requests: Requests, me: number) => Promise<T>): Promise<T | undefined>
  /** Another proxy may have done something. */
  poke(): void
  /** Leaves the fleet. */
  close(): Promise<void>
}

export function createMembership(seams: MembershipSeams): Membership {
  const { timing, log } = seams
  const token = randomUUID()
  let me = 0
  let connection: FleetConnection | undefined
  let requests: Requests | undefined
  let inFlight = 0
  let poked = false
  let joining = false
  let failure: unknown
  let closed = false

  function poke(): void {
    if (connection === undefined || joining) return
    if (inFlight > 0) poked = true
    else seams.poked()
  }

  function lose(reason: string): void {
    connection = undefined
    requests = undefined
    if (closed) return
    log.warn({ reason }, 'the connection to the fleet is lost; traffic is held until it is back')
    seams.lost()
  }

  async function answerOf<T>(answer: Promise<T>): Promise<T | undefined> {
    const current = connection
    const asker = me
    inFlight++
    try {
      const value = await answer
      // What was asked under another number is no news of this one: that the one before is gone has been heard.
      return connection === current && me === asker ? value : undefined
    } catch (error) {
      if (connection === current && current !== undefined) {
        lose(String(error))
        await current.close()
      }
      return undefined
    } finally {
      inFlight--
      if (inFlight === 0 && poked) {
        poked = false
        seams.poked()
      }
    }
  }

  return {
    get me() {
      return me
    },
    get connected() {
      return requests !== undefined
    },
    get joining() {
      return joining
    },
    get asking() {
      return inFlight > 0
    },
    get failure() {
      return failure
    },
    async join() {
      if (joining || closed) return
      joining = true
      try {
        connection ??= await connectFleet({
          url: seams.url,
          applicationName: seams.applicationName,
          connectMs: timing.connectMs,
          answerMs: timing.answerMs,
          onNotification: seams.notified,
          onLost: lose,
        })
        requests = createRequests(connection.query, token)
        const joined = await requests.join(me, seams.name, me === 0 || seams.fenced())
        me = joined.me
        joining = false
        failure = undefined
        seams.joined(joined.view)
      } catch (error) {
        joining = false
        failure = error
        const lost = connection
        connection = undefined
        requests = undefined
        await lost?.close()
        log.warn({ error: String(error) }, 'the fleet cannot be joined; trying again')
        seams.failed()
      }
    },
    ask: async (request) => (requests === undefined ? undefined : await answerOf(request(requests, me))),
    poke,
    async close() {
      closed = true
      await requests?.leave(me).catch(() => undefined)
      await connection?.close()
    },
  }
}
