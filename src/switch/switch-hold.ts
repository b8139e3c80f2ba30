import type { TextQuery } from '../catalog/introspect.js'
import type { HoldGate } from '../proxy/contracts.js'
import { drain, findOldTransactions, type Obstacle } from './drain.js'

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
      /** performance.now() when traffic of this proxy was held: what was begun before went on. */
      readonly since: number
      /**
       * What the migration's transaction must run before anything that traffic is held for. It gives true, or traffic flows
       * again by then.
       */
      readonly enter?: string
      /** Resolves when another switch can begin; gives performance.now() when traffic of this proxy went on. */
      release(): Promise<number>
    }
  | ({ readonly kind: 'gave way' } & Obstacle)

/** The hold of a proxy that serves its database alone. `control` is asked who waits for whom. */
export function createLocalHold(gate: HoldGate, control: TextQuery): SwitchHold {
  return {
    async acquire(ms, signal) {
      const old = await findOldTransactions(gate, control, ms)
      if (old !== undefined) return { kind: 'gave way', ...old }
      const since = performance.now()
      gate.hold()
      const obstacle = await drain(gate, control, signal, ms)
      const release = async () => {
        const at = performance.now()
        gate.release()
        return at
      }
      if (obstacle === undefined) return { kind: 'drained', since, release }
      gate.release()
      return { kind: 'gave way', ...obstacle }
    },
  }
}
