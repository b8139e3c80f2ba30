import { coordinate } from './coordinator-step.js'
import { follow } from './member-step.js'

/**
 * How the proxies of one database agree on a switch, as data: no socket and no timer in here. The same functions drive the
 * real proxies and the model that tries all their interleavings.
 *
 * What the database guarantees, since each request to it is one transaction (tables.ts):
 * - A switch is *open* from `begin` to `close`; there is one at a time.
 * - The migrator's transaction starts with `enter`: it takes the transaction lock, and fails unless the switch is open.
 * - `close` needs the same lock, so that no migration is under way, or in doubt, once a switch is closed.
 * - Each proxy has a row, made before it first looks. A session is registered before its first statement; a fenced proxy
 *   registers none.
 *
 * So a proxy that has acknowledged that it is drained, or that was fenced and whose registered backends are gone, sends
 * nothing made for the old head once the new one is committed. Locks and connections that are lost prove nothing here; they
 * only say sooner that somebody should look.
 *
 * One proxy need not wait for the end of a switch: the one whose migration is committed, once its own traffic is rewritten
 * for the new head. No other migration enters its switch, and for the next one it has acknowledged nothing.
 */
export interface ProxyState {
  /** Number of the generation in force, or UNKNOWN_HEAD. */
  readonly head: number
  readonly member: Member
  readonly coordinator: Coordinator
}

/** What each proxy does. Traffic is held in every state but `serving`. */
export type Member =
  /** Without a connection to the fleet, or not joined yet. */
  | { readonly at: 'out' }
  | {
      readonly at: 'serving'
      /** Its own switch that led to its head, where nobody has said yet that it is closed. */
      readonly past?: number
    }
  | {
      readonly at: 'holding'
      readonly switch: number
      /** What it has acknowledged. */
      readonly said: 'nothing' | 'held' | 'drained'
      /** It has begun the switch, and was connected ever since. */
      readonly own: boolean
      /** Its coordinator does not work on it any more. */
      readonly abandoned: boolean
    }
  /** No switch is open, and the store has another generation than this proxy. */
  | { readonly at: 'catching up' }
  /** The others count this proxy as gone: its sessions end before it joins again. */
  | { readonly at: 'fenced' }

/** What the proxy does that a migration came to. */
export type Coordinator =
  | { readonly at: 'idle' }
  | { readonly at: 'beginning' }
  | { readonly at: 'gathering'; readonly switch: number }
  | { readonly at: 'running'; readonly switch: number }
  | { readonly at: 'closing'; readonly switch: number }

/** What the database showed in the transaction of a request. */
export interface View {
  /** Number of the store's generation. */
  readonly head: number
  /** The last switch; 0 before the first. */
  readonly switch: number
  readonly open: boolean
  /** This proxy coordinates it. */
  readonly mine: boolean
  /** Its coordinator has no connection to the fleet any more. */
  readonly orphaned: boolean
  /** This proxy was fenced, or its row is gone. */
  readonly fenced: boolean
}

/** How far a proxy is with a switch. `gone`: fenced, and none of its registered backends lives. */
export type Standing = 'silent' | 'held' | 'drained' | 'fenced' | 'gone'

export type FleetEvent =
  /** The answer to join, look, acknowledge, close and the registration of a session. */
  | { readonly kind: 'view'; readonly view: View }
  | { readonly kind: 'begun'; readonly view: View }
  | { readonly kind: 'not begun'; readonly reason: string; readonly view: View }
  /** The answer to gather and fence. */
  | { readonly kind: 'standings'; readonly standings: readonly Standing[]; readonly view: View }
  /** The connection to the fleet is lost; requests that were not answered may have been carried out or not. */
  | { readonly kind: 'lost' }
  /** A notification, or the poll that stands in for a lost one. */
  | { readonly kind: 'poked' }
  /** What was asked for did not come about; its timer says to try again. */
  | { readonly kind: 'again' }
  /** No session of this proxy has work under way. */
  | { readonly kind: 'drained'; readonly switch: number }
  /** That takes more than a moment, so that the others have to be told that it holds. */
  | { readonly kind: 'draining'; readonly switch: number }
  | { readonly kind: 'caught up'; readonly head: number }
  | { readonly kind: 'sessions ended' }
  /** The switch had its time. */
  | { readonly kind: 'deadline'; readonly switch: number }
  /** A migration asks for a switch. */
  | { readonly kind: 'asked' }
  /** Those who have not acknowledged had their time. */
  | { readonly kind: 'silence' }
  | { readonly kind: 'give way'; readonly reason: string }
  /** The migrator's transaction has ended, or is in doubt. `published`: it is committed, and that generation in force here. */
  | { readonly kind: 'ended'; readonly published?: number | undefined }

export type FleetEffect =
  | { readonly kind: 'hold' }
  | { readonly kind: 'release' }
  /** Wait for the drain, then `drained`; `draining` where it takes a while. */
  | { readonly kind: 'drain'; readonly switch: number }
  /** Put the store's generation in force, then `caught up`. */
  | { readonly kind: 'catch up' }
  /** End all sessions, then `sessions ended`. */
  | { readonly kind: 'end sessions' }
  // Requests to the database.
  | { readonly kind: 'join' }
  | { readonly kind: 'look' }
  /** `gather`: answered by standings. */
  | { readonly kind: 'acknowledge'; readonly switch: number; readonly drained: boolean; readonly gather?: true }
  /** Begins a switch from this generation; refused while another is open, or where the store has another generation. */
  | { readonly kind: 'begin'; readonly head: number }
  | { readonly kind: 'gather'; readonly switch: number }
  /** Fences who is silent, and ends the registered backends of whoever is fenced. */
  | { readonly kind: 'fence'; readonly switch: number }
  /** Closes the switch unless its migration is under way; `force` ends that migration. */
  | { readonly kind: 'close'; readonly switch: number; readonly force: boolean }
  // Answers to the migration.
  | { readonly kind: 'run'; readonly switch: number }
  | { readonly kind: 'gave way'; readonly reason: string }
  | { readonly kind: 'closed' }

export interface Step {
  readonly state: ProxyState
  readonly effects: readonly FleetEffect[]
}

export type StepFunction = (state: ProxyState, event: FleetEvent) => Step

/** After the connection was lost another server may answer, in which the same numbers stand for other generations. */
export const UNKNOWN_HEAD = -1

/** A proxy before it has joined: it holds its traffic. */
export function outside(head: number): ProxyState {
  return { head, member: { at: 'out' }, coordinator: { at: 'idle' } }
}

/** What a proxy does about an event: first for the migration that it runs, then for its own traffic. */
export const step: StepFunction = (state, event) => {
  const coordinated = coordinate(state, event)
  const followed = follow(coordinated.state, event)
  return { state: followed.state, effects: [...coordinated.effects, ...followed.effects] }
}
