import type { Admission, Admitted, ClientError, SessionEnd } from '../../proxy/contracts.js'
import { retiredError } from '../version-changes.js'
import type { Requests } from './requests.js'
import type { Spoken } from './spoken.js'

/** What the admission of sessions needs of the fleet. */
export interface AdmissionSeams {
  /** True once this proxy is a member; false where it is none for too long. */
  joined(): Promise<boolean>
  /** Makes a request; undefined where its answer was lost. */
  ask<T>(request: (requests: Requests, me: number) => Promise<T>): Promise<T | undefined>
  readonly spoken: Spoken
}

/** The backends of app sessions, as the fleet knows them. */
export interface Backends {
  readonly admission: Admission
  /** Resolves when what sessions left behind has ended; false where `signal` fires first. */
  settled(signal: AbortSignal): Promise<boolean>
}

/** Milliseconds between two looks at what sessions left behind. */
const LOOK_MS = 20

/** Milliseconds after which two sessions that have one backend share it. */
const SHARED_MS = 1000

/** Milliseconds for which backends that have ended are gathered before they are forgotten in one go. */
const FORGET_MS = 200

/**
 * Registers each backend before its session serves. One whose session has ended is forgotten, unless it was busy: the
 * server goes on with a statement whose client is gone, so that it counts as under way until the backend is seen gone. A
 * pooler ends the backend of a client that leaves in a statement; where it had the end of that one already, it resets it.
 */
export function createBackends({ joined, ask, spoken }: AdmissionSeams): Backends {
  const left = new Set<number>()
  /** Each with whether a pooler may lend it to somebody else once it has ended the statement. */
  const orphans = new Map<number, boolean>()
  let waiting = false
  /** A pooler is in between: keys say nothing of backends. */
  let pooled = false
  /** The last session of each backend: a pooler may lend it to the next one before the end of the one before is seen here. */
  const owners = new Map<number, symbol>()

  const forgetSoon = (pid: number) => {
    left.add(pid)
    if (waiting) return
    waiting = true
    const forget = async () => {
      waiting = false
      const pids = [...left]
      left.clear()
      if (pids.length > 0) await ask((requests, me) => requests.forget(me, pids))
    }
    setTimeout(forget, FORGET_MS).unref()
  }
  const lookAtOrphans = async (): Promise<void> => {
    const pids = [...orphans.keys()]
    if (pids.length === 0) return
    const lent = pids.filter((pid) => orphans.get(pid))
    const living = await ask((requests, me) => requests.living(me, pids, lent))
    if (living === undefined) return
    for (const pid of pids) {
      if (living.includes(pid)) continue
      orphans.delete(pid)
      forgetSoon(pid)
    }
  }

  /** Whether the backend is registered; undefined where this proxy is no member. */
  const register = async (pid: number, owner: symbol): Promise<boolean | undefined> => {
    while (await joined()) {
      // The system gives pids again.
      left.delete(pid)
      orphans.delete(pid)
      owners.set(pid, owner)
      const answer = await ask((requests, me) => requests.register(me, pid))
      if (answer === undefined || answer.view.fenced) continue
      if (!answer.registered) owners.delete(pid)
      return answer.registered
    }
    owners.delete(pid)
    return undefined
  }

  /** Whether the session that had the backend is gone: its end may be seen a little after the pooler has seen it. */
  const givenUp = async (pid: number): Promise<boolean> => {
    const since = performance.now()
    while (owners.has(pid) && performance.now() - since < SHARED_MS) await pause(LOOK_MS)
    return !owners.has(pid)
  }

  /** Why no session may speak the version. */
  const refuseVersion = async (version: string): Promise<ClientError | undefined> => {
    while (await joined()) {
      const answer = await spoken.ensure(version)
      if (answer === 'known') return undefined
      if (answer === 'retired') return retiredError(version)
    }
    return notAMember
  }

  return {
    admission: {
      speak: refuseVersion,
      async admit({ pid, version, ask: askSession }): Promise<Admitted> {
        const own = Symbol('session')
        let known = pooled ? undefined : pid
        let registered = known === undefined ? false : await register(known, own)
        if (registered === false) {
          // A pooler in between answers with a key of its own: only the session itself can say which backend it has.
          known = await askSession()
          if (!(await givenUp(known))) return { ok: false, error: shared }
          registered = await register(known, own)
          pooled ||= registered === true && known !== pid
        }
        if (registered === undefined) return { ok: false, error: notAMember }
        if (known === undefined || !registered) return { ok: false, error: notSeen }
        const backend = known
        // Its last statement was ours then, so that a DISCARD ALL is the session's own, or the pooler's after its end.
        const asked = known !== pid
        const leave = (end: SessionEnd) => {
          if (owners.get(backend) !== own) return
          owners.delete(backend)
          if (end === 'idle') forgetSoon(backend)
          else orphans.set(backend, asked && end === 'busy')
        }
        // In this order: a proxy that is cut off in between counts as one that has sessions, and asks again.
        const error = await refuseVersion(version)
        if (error !== undefined) {
          leave('idle')
          return { ok: false, error }
        }
        return { ok: true, pid: backend, left: leave }
      },
      async taken(pid) {
        orphans.delete(pid)
        await ask((requests) => requests.taken(pid))
      },
    },
    async settled(signal) {
      for (;;) {
        await lookAtOrphans()
        if (orphans.size === 0) return true
        if (signal.aborted) return false
        await pause(LOOK_MS)
      }
    },
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const notAMember: ClientError = {
  sqlstate: '57P03',
  message: 'pg-hotswap has no connection to the other proxies of the database, and serves nobody until it has',
  hint: 'Its log says why; connect again later.',
}

const shared: ClientError = {
  sqlstate: '0A000',
  message: 'the pooler between pg-hotswap and PostgreSQL gives one backend to several sessions at a time',
  hint: 'Let it pool sessions (pool_mode = session), or stand in front of pg-hotswap.',
}

const notSeen: ClientError = {
  sqlstate: '58000',
  message: 'the control connection of pg-hotswap does not see the backend of this session',
  hint: 'Let "control" be a URL of the same server, without a pooler.',
}
