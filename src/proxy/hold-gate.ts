import type { GateMember, HoldGate } from './contracts.js'

/**
 * The gate at which new transactions of the managed database wait while a switch runs. It knows nothing of sockets: it
 * asks its members whether they are busy, and tells them when to go on.
 */
export function createHoldGate(): HoldGate {
  const members = new Set<GateMember>()
  const waiting = new Set<() => void>()
  let held = false

  function busy(): GateMember[] {
    return [...members].filter((member) => member.busy())
  }

  /** Wakes those who wait for the drain, to look again. */
  function changed(): void {
    if (waiting.size === 0) return
    for (const look of [...waiting]) look()
  }

  return {
    get held() {
      return held
    },

    hold() {
      if (held) throw new Error('the gate is held already')
      held = true
    },

    release() {
      if (!held) return
      held = false
      changed()
      for (const member of [...members]) member.resume()
    },

    drained(signal) {
      return new Promise((resolve) => {
        const end = (drained: boolean) => {
          waiting.delete(look)
          signal.removeEventListener('abort', look)
          resolve(drained)
        }
        const look = () => {
          if (!held || signal.aborted) end(false)
          else if (busy().length === 0) end(true)
        }
        waiting.add(look)
        signal.addEventListener('abort', look)
        look()
      })
    },

    blockers: () => busy().map((member) => member.describe()),

    join(member) {
      members.add(member)
      return {
        settled: changed,
        leave() {
          members.delete(member)
          changed()
        },
      }
    },
  }
}
