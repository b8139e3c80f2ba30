import type { TextQuery } from '../catalog/introspect.js'
import type { Blocker, HoldGate } from '../proxy/contracts.js'
import { findStuck } from './stuck-drain.js'

/** Why transactions under way will not end in time. */
export interface Obstacle {
  readonly reason: string
  readonly blockers: readonly Blocker[]
  /** Backends that transactions under way waited for: they will not end before those do. */
  readonly waitedFor: readonly number[]
}

/** Transactions that have gone on for so long that nobody should be held for them. */
export async function findOldTransactions(
  gate: HoldGate,
  control: TextQuery,
  ms: number,
): Promise<Obstacle | undefined> {
  const blockers = gate.blockers().filter(({ busyMs }) => busyMs > ms / 2)
  if (blockers.length === 0) return undefined
  const waitedFor = await findStuck(control, pidsOf(gate)).catch(() => [])
  return { reason: `a transaction is older than ${Math.round(ms / 2)} ms already`, blockers, waitedFor }
}

/** Waits until nothing is under way at a gate that is held; why not, where that will not be within `ms`. */
export async function drain(
  gate: HoldGate,
  control: TextQuery,
  signal: AbortSignal,
  ms: number,
): Promise<Obstacle | undefined> {
  const { drained, waitedFor } = await drainedInTime(gate, control, signal, ms)
  if (drained) return undefined
  const reason =
    waitedFor.length === 0
      ? `transactions under way did not end within ${Math.round(ms)} ms`
      : 'a transaction under way waits for a backend that will not end before it'
  return { reason, blockers: gate.blockers(), waitedFor }
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
async function drainedInTime(
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
