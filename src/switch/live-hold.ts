import type { HoldLimits } from './coordinator.js'
import type { Obstacle } from './drain.js'
import type { SwitchHold } from './switch-hold.js'
import type { AtPoint } from './switch-point.js'
import type { SwitchAccess, VersionSource } from './version-source.js'

/** Traffic is held for a transaction, and nobody else changes the versions. */
export interface LiveHold {
  readonly access: SwitchAccess
  /** SQL that comes before the first DDL (HoldOutcome). */
  readonly enter: string | undefined
  /** performance.now() when traffic was held. */
  readonly since: number
  /** Milliseconds until the last transaction under way had ended. */
  readonly drainMs: number
  /** The transaction is about to end: it is too late to be late. */
  settle(): void
  /** Lets traffic go on, and other switches begin; gives performance.now() when traffic went on. */
  end(): Promise<number>
}

export interface LiveHoldOptions {
  readonly traffic: SwitchHold
  readonly versions: VersionSource
  readonly hold: HoldLimits
  readonly at: AtPoint
  /** Fires when the client of the migration has left. */
  readonly signal: AbortSignal
  /** Runs before traffic is held. */
  readonly prepare: (access: SwitchAccess) => Promise<void>
  /** Called where the transaction holds traffic for longer than it may. */
  readonly onLate: () => void
  /** Called as soon as the hold ends. */
  readonly onEnd: () => void
}

/** Holds and drains; what it gave way to, where it had to. */
export async function openLiveHold(options: LiveHoldOptions): Promise<LiveHold | Obstacle> {
  const turn = await openTurn(options.versions)
  try {
    const held = await holdInTurn(options, turn)
    if ('reason' in held) turn.end()
    return held
  } catch (error) {
    turn.end()
    throw error
  }
}

async function holdInTurn(
  { traffic, hold, at, signal, prepare, onLate, onEnd }: LiveHoldOptions,
  turn: Turn,
): Promise<LiveHold | Obstacle> {
  await prepare(turn.access)
  await at('holding')
  const held = await traffic.acquire(hold.timeoutMs, signal)
  if (held.kind === 'gave way') return held
  const { since } = held
  const drainMs = performance.now() - since
  await at('drained')
  if (signal.aborted) {
    // Nobody is left who would end it.
    await held.release()
    return { reason: 'the client of the migration has left', blockers: [], waitedFor: [] }
  }
  const left = hold.timeoutMs - (performance.now() - since)
  const timer = setTimeout(onLate, Math.max(left, hold.timeoutMs / 2))
  const settle = () => clearTimeout(timer)
  return {
    access: turn.access,
    enter: held.enter,
    since,
    drainMs,
    settle,
    async end() {
      settle()
      onEnd()
      const ended = await held.release()
      turn.end()
      return ended
    },
  }
}

interface Turn {
  readonly access: SwitchAccess
  end(): void
}

/** Begins a turn in which nobody else changes the generation. */
async function openTurn(versions: VersionSource): Promise<Turn> {
  return await new Promise((resolve, reject) => {
    versions.exclusive((access) => new Promise<void>((end) => resolve({ access, end }))).catch(reject)
  })
}
