import type { TextQuery } from '../../catalog/introspect.js'
import type { HoldGate, ProxyLog } from '../../proxy/contracts.js'
import { findOldTransactions } from '../drain.js'
import type { HoldOutcome, SwitchHold } from '../switch-hold.js'
import type { FleetEvent, ProxyState } from './protocol.js'
import type { Blocked, NamedStanding } from './requests.js'
import { enterSwitch } from './tables.js'
import type { FleetTiming } from './timing.js'

/** What the coordinator's side needs of the fleet. */
export interface AttemptSeams {
  readonly holdMs: number
  readonly gate: HoldGate
  readonly control: TextQuery
  readonly timing: FleetTiming
  readonly log: ProxyLog
  state(): ProxyState
  /** performance.now() when traffic of this proxy was last held, or went on. */
  turnedAt(): number
  dispatch(event: FleetEvent): void
  /** Takes in what the version source has put in force by itself. */
  syncHead(): void
  /** Number of the generation in force, where it is another one than the protocol's. */
  published(): number | undefined
  poke(): void
}

/** The coordinator's side: its patience, and what it tells the migration. */
export interface Attempts {
  readonly hold: SwitchHold
  /** Milliseconds that a switch has, from its beginning to its end. */
  totalMs(): number
  heard(standings: readonly NamedStanding[]): void
  fenced(ended: boolean, standings: readonly NamedStanding[]): void
  /** This proxy does not drain; true where that is for its own switch. */
  blocked(blocked: Blocked): boolean
  run(number: number): void
  gaveWay(reason: string): void
  look(state: ProxyState): void
}

interface Attempt {
  readonly ms: number
  readonly since: number
  readonly end: (outcome: HoldOutcome) => void
  standings: readonly NamedStanding[] | undefined
  obstacle: Blocked | undefined
  outcome: HoldOutcome | undefined
}

/** Milliseconds after which a migration goes on although nobody has said that its switch is closed. */
const CLOSE_MS = 2_000

export function createAttempts(seams: AttemptSeams): Attempts {
  const { gate, timing, log, dispatch } = seams
  let attempt: Attempt | undefined
  let released: (() => void) | undefined
  /** Since when a proxy that has its connection acknowledges nothing. */
  const silentSince = new Map<string, number>()

  const giveWay = (obstacle: Blocked) => {
    if (attempt === undefined) return
    attempt.obstacle ??= obstacle
    dispatch({ kind: 'give way', reason: obstacle.reason })
  }

  /** Those who have not acknowledged had their time. */
  const judgeSilence = (current: Attempt): void => {
    if (attempt !== current || seams.state().coordinator.at !== 'gathering') return
    if (current.standings === undefined) {
      seams.poke()
      setTimeout(() => judgeSilence(current), timing.heldPollMs)
      return
    }
    const now = performance.now()
    const silent = current.standings.filter(({ standing }) => standing === 'silent')
    for (const { name, connected } of silent) if (connected && !silentSince.has(name)) silentSince.set(name, now)
    const alive = silent.filter(({ name, connected }) => {
      return connected && now - (silentSince.get(name) ?? now) < timing.silenceMs
    })
    const names = (list: readonly NamedStanding[]) => list.map(({ name }) => name).join(', ')
    if (alive.length > 0) {
      giveWay({ reason: `the proxy ${names(alive)} does not answer`, blockers: [], waitedFor: [] })
    } else if (silent.length > 0) {
      log.warn(
        { proxies: silent.map(({ name }) => name) },
        'proxies that do not answer are fenced: their backends are ended',
      )
      dispatch({ kind: 'silence' })
    }
  }

  const hear = (standings: readonly NamedStanding[]) => {
    if (attempt === undefined) return
    attempt.standings = standings
    for (const { name, standing } of standings) if (standing !== 'silent') silentSince.delete(name)
    const stuck = standings.find(({ standing, blocked }) => standing === 'held' && blocked !== undefined)
    if (stuck?.blocked !== undefined) {
      const { blocked, name } = stuck
      // After the event that brought the standings.
      queueMicrotask(() => giveWay({ ...blocked, reason: `${blocked.reason} (proxy ${name})` }))
    }
  }

  async function acquire(ms: number, signal: AbortSignal): Promise<HoldOutcome> {
    const gaveWay = (reason: string): HoldOutcome => ({ kind: 'gave way', reason, blockers: [], waitedFor: [] })
    if (attempt !== undefined || seams.state().coordinator.at !== 'idle')
      return gaveWay('the last switch is not over yet')
    const old = await findOldTransactions(gate, seams.control, ms)
    if (old !== undefined) return { kind: 'gave way', ...old }
    seams.syncHead()
    const timers: NodeJS.Timeout[] = []
    const leave = () => giveWay({ reason: 'the client of the migration has left', blockers: [], waitedFor: [] })
    try {
      return await new Promise<HoldOutcome>((end) => {
        const current: Attempt = {
          ms,
          since: performance.now(),
          end,
          standings: undefined,
          obstacle: undefined,
          outcome: undefined,
        }
        attempt = current
        const late = { reason: `transactions under way did not end within ${ms} ms`, waitedFor: [] }
        timers.push(
          setTimeout(() => judgeSilence(current), Math.min(timing.acknowledgeMs, ms / 4)),
          setTimeout(() => giveWay({ ...late, blockers: gate.blockers() }), ms),
        )
        signal.addEventListener('abort', leave)
        dispatch({ kind: 'asked' })
        if (signal.aborted) leave()
      })
    } finally {
      for (const timer of timers) clearTimeout(timer)
      signal.removeEventListener('abort', leave)
      attempt = undefined
    }
  }

  /** Traffic goes on at once where the migration is committed; the next switch can begin when this has resolved. */
  function release(): Promise<number> {
    return new Promise((resolve) => {
      const end = () => resolve(gate.held ? performance.now() : seams.turnedAt())
      const timer = setTimeout(end, CLOSE_MS)
      released = () => {
        clearTimeout(timer)
        released = undefined
        end()
      }
      dispatch({ kind: 'ended', published: seams.published() })
    })
  }

  return {
    hold: { acquire },
    // Drain, run (half of the hold at least), the check, and some.
    totalMs: () => 2 * (attempt?.ms ?? seams.holdMs) + 1_000,
    heard: hear,
    fenced(ended, standings) {
      hear(standings)
      if (ended) return
      const reason =
        'the backends of a proxy that does not answer may not be ended by the role of the control connection (GRANT pg_signal_backend)'
      queueMicrotask(() => giveWay({ reason, blockers: [], waitedFor: [] }))
    },
    blocked(blocked) {
      if (seams.state().coordinator.at !== 'gathering') return false
      giveWay(blocked)
      return true
    },
    run(number) {
      if (attempt === undefined) return
      attempt.end({
        kind: 'drained',
        since: seams.turnedAt(),
        release,
        enter: enterSwitch(number),
      })
    },
    gaveWay(reason) {
      if (attempt === undefined) return
      const { obstacle } = attempt
      attempt.outcome = {
        kind: 'gave way',
        reason: obstacle?.reason ?? reason,
        blockers: obstacle?.blockers ?? [],
        waitedFor: obstacle?.waitedFor ?? [],
      }
    },
    look({ coordinator }) {
      if (coordinator.at === 'gathering' && attempt?.obstacle !== undefined) {
        // It came up before the switch had begun.
        dispatch({ kind: 'give way', reason: attempt.obstacle.reason })
      }
      if (coordinator.at !== 'idle') return
      released?.()
      if (attempt?.outcome !== undefined) attempt.end(attempt.outcome)
    },
  }
}
