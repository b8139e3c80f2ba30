import type { Blocker, HoldGate } from '../proxy/contracts.js'

/** Stops traffic while a switch runs: that of this proxy, or of every proxy of the database. */
export interface SwitchHold {
  /**
   * Holds new transactions and waits until those under way have ended, `ms` milliseconds at most. Where it gives way, nothing
   * is held any more.
   */
  acquire(ms: number, signal: AbortSignal): Promise<HoldOutcome>
}

export type HoldOutcome =
  | { readonly kind: 'drained'; release(): Promise<void> }
  | { readonly kind: 'gave way'; readonly reason: string; readonly blockers: readonly Blocker[] }

/** The hold of a proxy that serves its database alone. */
export function createLocalHold(gate: HoldGate): SwitchHold {
  return {
    async acquire(ms, signal) {
      gate.hold()
      if (await drainedInTime(gate, signal, ms)) return { kind: 'drained', release: async () => gate.release() }
      const blockers = gate.blockers()
      gate.release()
      return { kind: 'gave way', reason: `transactions under way did not end within ${ms} ms`, blockers }
    },
  }
}

/**
 * Waits for the drain; false once the deadline has passed or `signal` has fired. The timer itself ends the wait: Node keeps
 * what AbortSignal.any() is made of by weak references alone, and a hold must not outlive a garbage collection.
 */
export async function drainedInTime(gate: HoldGate, signal: AbortSignal, ms: number): Promise<boolean> {
  const late = new AbortController()
  const end = () => late.abort()
  const timer = setTimeout(end, ms)
  signal.addEventListener('abort', end)
  try {
    return await gate.drained(late.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
  }
}
