import { type FleetEffect, type FleetEvent, outside, type ProxyState } from '../../../src/switch/fleet/protocol.js'

/** One state of everything: the database as all see it, and each proxy with what the database keeps of it. */
export interface World {
  /** Number of switches that were committed. */
  readonly head: number
  readonly switch: number
  readonly open: boolean
  readonly proxies: readonly ProxyWorld[]
  /** How many more things may go wrong. */
  readonly faults: number
}

export interface ProxyWorld {
  readonly process: 'running' | 'stopped' | 'dead'
  /** The connection to the fleet. `cut`: the database has ended it, and the proxy does not know yet. */
  readonly link: 'up' | 'cut' | 'down'
  readonly state: ProxyState
  /** Sent and not carried out yet, in order. */
  readonly requests: readonly Request[]
  /** Carried out and not read yet, in order. */
  readonly replies: readonly Reply[]
  readonly row: Row
  /** Of the app's session: `open` where it may send statements. */
  readonly session: 'none' | 'asking' | 'open'
  /** Its backends; one without a client may outlive its session. */
  readonly backends: readonly Backend[]
  readonly migrator: Migrator | undefined
}

export type Request =
  | Extract<
      FleetEffect,
      { kind: 'join' | 'look' | 'acknowledge' | 'begin' | 'gather' | 'fence' | 'close' | 'catch up' }
    >
  | { readonly kind: 'register' }
  /** What a proxy says that is shut down. */
  | { readonly kind: 'leave' }

export type Reply =
  | FleetEvent
  | { readonly kind: 'registered'; readonly event: (FleetEvent & { kind: 'view' }) | undefined }

/** The proxy's row in hotswap.proxy. */
export interface Row {
  readonly present: boolean
  readonly held: number
  readonly drained: number
  readonly fenced: boolean
  /** It coordinates the last switch. */
  readonly owner: boolean
}

export interface Backend {
  readonly registered: boolean
  /** The head that a statement was made for which the server has and has not run: it may wait for a lock. */
  readonly text: number | undefined
  readonly client: boolean
  /** It was told to terminate. */
  readonly dying: boolean
}

/** The transaction of a migration. `sent`: BEGIN and enter; from `inside` on it has the transaction lock. */
export interface Migrator {
  readonly switch: number
  /** The head that it was planned from. */
  readonly base: number
  readonly phase: 'sent' | 'inside' | 'committing' | 'over'
  /** The head that it led to, once it is committed. */
  readonly committed?: number
  readonly client: boolean
  readonly dying: boolean
}

const noRow: Row = { present: false, held: 0, drained: 0, fenced: false, owner: false }

function proxyBefore(joined: boolean): ProxyWorld {
  const state = outside(0)
  return {
    process: 'running',
    link: 'up',
    state: joined ? { ...state, member: { at: 'serving' } } : state,
    requests: joined ? [] : [{ kind: 'join' }],
    replies: [],
    row: joined ? { ...noRow, present: true } : noRow,
    session: joined ? 'open' : 'none',
    backends: joined ? [{ registered: true, text: undefined, client: true, dying: false }] : [],
    migrator: undefined,
  }
}

/** `members` proxies serve, each with one session; `late` more are about to join. */
export function firstWorld(members: number, late: number, faults: number): World {
  const proxies = Array.from({ length: members + late }, (_, index) => proxyBefore(index < members))
  return { head: 0, switch: 0, open: false, proxies, faults }
}

export function withProxy(world: World, index: number, changes: Partial<ProxyWorld>): World {
  return { ...world, proxies: world.proxies.map((proxy, at) => (at === index ? { ...proxy, ...changes } : proxy)) }
}

export function proxyAt(world: World, index: number): ProxyWorld {
  const proxy = world.proxies[index]
  if (proxy === undefined) throw new Error(`there is no proxy ${index}`)
  return proxy
}
