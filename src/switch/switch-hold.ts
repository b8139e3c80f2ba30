import type { TextQuery } from '../catalog/introspect.js'
import type { Blocker, HoldGate } from '../proxy/contracts.js'
import { findStuck } from './stuck-drain.js'

/** Stops traffic while a switch runs: that of this proxy, or of every proxy of the database. */
export interface SwitchHold {
  /**
   * Holds new transactions and waits until those under way have ended, `ms` milliseconds at most. Where it gives way, nothing
   * is held any more.
   */
  acquire(ms: number, signal: AbortSignal): Promise<HoldOutcome>
}

export type HoldOutcome =
  | {
      readonly kind: 'drained'
      /**
       * What the migration's transaction must run before anything that traffic is held for. It gives true, or traffic flows
       * again by then.
       */
      readonly enter?: string
      release(): Promise<void>
    }
  | {
      readonly kind: 'gave way'
      readonly reason: string
      readonly blockers: readonly Blocker[]
      /** Backends that transactions under way waited for: they will not end before those do. */
      readonly waitedFor: readonly number[]
    }

/** The hold of a proxy that serves its database alone. `control` is asked who waits for whom. */
export function createLocalHold(gate: HoldGate, control: TextQuery): SwitchHold {
  return {
    async acquire(ms, signal) {
      const old = gate.blockers().filter(({ busyMs }) => busyMs > ms / 2)
      if (old.length > 0) {
        const reason = `a transaction is older than ${ms / 2} ms already`
        const waitedFor = await findStuck(control, pidsOf(gate)).catch(() => [])
        return { kind: 'gave way', reason, blockers: old, waitedFor }
      }
      gate.hold()
      const { drained, waitedFor } = await drainedInTime(gate, control, signal, ms)
      if (drained) return { kind: 'drained', release: async () => gate.release() }
      const blockers = gate.blockers()
      gate.release()
      const reason =
        waitedFor.length === 0
          ? `transactions under way did not end within ${ms} ms`
          : 'a transaction under way waits for a backend that will not end before it'
      return { kind: 'gave way', reason, blockers, waitedFor }
    },
  }
}

function pidsOf(gate: HoldGate): readonly number[] {
  return gate.blockers().flatMap(({ pid }) => pid ?? [])
}

/** Milliseconds until it is first looked at who waits for whom, and between two looks. */
const LOOK_MS = 40

/**
 * Waits for the drain; not drained once the deadline has passed, `signal` has fired, or what is to end waits for what will
 * not. The timer itself ends the wait: Node keeps what AbortSignal.any() is made of by weak references alone, and a hold
 * must not outlive a garbage collection.
 */
export async function drainedInTime(
  gate: HoldGate,
  control: TextQuery,
  signal: AbortSignal,
  ms: number,
): Promise<{ readonly drained: boolean; readonly waitedFor: readonly number[] }> {
  const late = new AbortController()
  const end = () => late.abort()
  const timer = setTimeout(end, ms)
  signal.addEventListener('abort', end)
  let waitedFor: readonly number[] = []
  let look: NodeJS.Timeout | undefined
  const lookLater = () => {
    look = setTimeout(async () => {
      waitedFor = await findStuck(control, pidsOf(gate)).catch(() => [])
      if (waitedFor.length > 0) end()
      else if (!late.signal.aborted) lookLater()
    }, LOOK_MS)
  }
  lookLater()
  try {
    return { drained: await gate.drained(late.signal), waitedFor }
  } finally {
    clearTimeout(timer)
    late.abort()
    clearTimeout(look)
    signal.removeEventListener('abort', end)
  }
}
