import type { TextQuery } from '../../catalog/introspect.js'
import type { HoldGate } from '../../proxy/contracts.js'
import { drainedInTime } from '../switch-hold.js'
import type { Blocked } from './requests.js'

export interface MemberDrain {
  /** Held. */
  readonly gate: HoldGate
  readonly control: TextQuery
  /** Milliseconds. */
  readonly ms: number
  readonly signal: AbortSignal
  /** Resolves when what sessions left behind has ended. */
  readonly settled: (signal: AbortSignal) => Promise<boolean>
}

/** Waits until nothing of this proxy is under way; why not, where that will not be in time. */
export async function drainMember({ gate, control, ms, signal, settled }: MemberDrain): Promise<Blocked | undefined> {
  const since = performance.now()
  const old = gate.blockers().filter(({ busyMs }) => busyMs > ms / 2)
  if (old.length > 0) {
    return { reason: `a transaction is older than ${Math.round(ms / 2)} ms already`, blockers: old, waitedFor: [] }
  }
  const { drained, waitedFor } = await drainedInTime(gate, control, signal, ms)
  if (!drained) {
    const reason =
      waitedFor.length === 0
        ? `transactions under way did not end within ${Math.round(ms)} ms`
        : 'a transaction under way waits for a backend that will not end before it'
    return { reason, blockers: gate.blockers(), waitedFor }
  }
  const late = new AbortController()
  const end = () => late.abort()
  const timer = setTimeout(end, ms - (performance.now() - since))
  signal.addEventListener('abort', end)
  try {
    if (await settled(late.signal)) return undefined
    return { reason: 'a statement whose client is gone is still under way', blockers: [], waitedFor: [] }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
  }
}
