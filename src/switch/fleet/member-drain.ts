import type { TextQuery } from '../../catalog/introspect.js'
import type { HoldGate } from '../../proxy/contracts.js'
import { drain, findOldTransactions } from '../drain.js'
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
  const obstacle = (await findOldTransactions(gate, control, ms)) ?? (await drain(gate, control, signal, ms))
  if (obstacle !== undefined) return obstacle
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
