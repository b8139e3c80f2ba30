import type { Admission, Admitted, ClientError } from '../../proxy/contracts.js'
import type { Requests } from './requests.js'

/** What the admission of sessions needs of the fleet. */
export interface AdmissionSeams {
  /** True once this proxy is a member; false where it is none for too long. */
  joined(): Promise<boolean>
  /** Makes a request; undefined where its answer was lost. */
  ask<T>(request: (requests: Requests, me: number) => Promise<T>): Promise<T | undefined>
}

/** The backends of app sessions, as the fleet knows them. */
export interface Backends {
  readonly admission: Admission
  /** Resolves when what sessions left behind has ended; false where `signal` fires first. */
  settled(signal: AbortSignal): Promise<boolean>
}

/** Milliseconds between two looks at what sessions left behind. */
const LOOK_MS = 20

/** Milliseconds for which backends that have ended are gathered before they are forgotten in one go. */
const FORGET_MS = 200

/**
 * Registers each backend before its session serves. One whose session has ended is forgotten, unless it was busy: the
 * server goes on with a statement whose client is gone, so that it counts as under way until the backend is seen gone.
 */
export function createBackends({ joined, ask }: AdmissionSeams): Backends {
  const left = new Set<number>()
  const orphans = new Set<number>()
  let waiting = false

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
    const pids = [...orphans]
    if (pids.length === 0) return
    const living = await ask((requests, me) => requests.living(me, pids))
    if (living === undefined) return
    for (const pid of pids) {
      if (living.includes(pid)) continue
      orphans.delete(pid)
      forgetSoon(pid)
    }
  }

  /** Whether the backend is registered; undefined where this proxy is no member. */
  const register = async (pid: number): Promise<boolean | undefined> => {
    while (await joined()) {
      // The system gives pids again.
      left.delete(pid)
      orphans.delete(pid)
      const answer = await ask((requests, me) => requests.register(me, pid))
      if (answer === undefined || answer.view.fenced) continue
      return answer.registered
    }
    return undefined
  }

  return {
    admission: {
      async admit({ pid, ask: askSession }): Promise<Admitted> {
        let known = pid
        let registered = known === undefined ? false : await register(known)
        if (registered === false) {
          // A pooler in between answers with a key of its own: only the session itself can say which backend it has.
          known = await askSession()
          registered = await register(known)
        }
        if (registered === undefined) return { ok: false, error: notAMember }
        if (known === undefined || !registered) return { ok: false, error: notSeen }
        const own = known
        const leave = (busy: boolean) => {
          if (busy) orphans.add(own)
          else forgetSoon(own)
        }
        return { ok: true, left: leave }
      },
    },
    async settled(signal) {
      for (;;) {
        await lookAtOrphans()
        if (orphans.size === 0) return true
        if (signal.aborted) return false
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
      }
    },
  }
}

const notAMember: ClientError = {
  sqlstate: '57P03',
  message: 'pg-hotswap has no connection to the other proxies of the database, and serves nobody until it has',
  hint: 'Its log says why; connect again later.',
}

const notSeen: ClientError = {
  sqlstate: '58000',
  message: 'the control connection of pg-hotswap does not see the backend of this session',
  hint: 'Let "control" be a URL of the same server, without a pooler.',
}
