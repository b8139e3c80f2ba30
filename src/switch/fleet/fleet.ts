import type { TextQuery } from '../../catalog/introspect.js'
import type { Admission, ClientError, HoldGate, ProxyLog } from '../../proxy/contracts.js'
import { DDL_PAYLOAD } from '../store/ddl-trigger.js'
import type { SwitchHold } from '../switch-hold.js'
import type { VersionSource } from '../version-source.js'
import { createBackends } from './admission.js'
import { createAttempts } from './attempts.js'
import { drainMember } from './member-drain.js'
import { createMembership } from './membership.js'
import { decodeMoved, encodeMoved, type MovedSessions } from './moved-sessions.js'
import { createPerformer } from './perform.js'
import { type FleetEvent, outside, type ProxyState, step, UNKNOWN_HEAD } from './protocol.js'
import { ACKNOWLEDGED, type FleetMember, type Requests, type TimedView } from './requests.js'
import { createSpoken } from './spoken.js'
import type { SpokenVersions } from './spoken-versions.js'
import { createTimers } from './timers.js'
import { defaultTiming, type FleetTiming } from './timing.js'

export interface FleetOptions {
  /** Direct to the database, as the control connection. */
  readonly url: string
  readonly applicationName: string
  /** What other proxies call this one, in errors. */
  readonly name: string
  /** Nobody else holds or releases it. */
  readonly gate: HoldGate
  /** The control connection. */
  readonly control: TextQuery
  readonly versions: Pick<VersionSource, 'storedNumber' | 'refresh' | 'confirm'>
  /** What the sessions of this proxy speak now. */
  readonly spoken: () => SpokenVersions
  /** Another proxy has moved its sessions to another version, and those of this one are to be moved, too. */
  readonly moveSessions: (moved: MovedSessions) => void
  /** Ends all sessions of apps. */
  readonly endSessions: (error: ClientError) => void
  /** Milliseconds that a hold waits for transactions under way. */
  readonly holdMs: number
  readonly log: ProxyLog
  readonly timing?: Partial<FleetTiming>
}

/** This proxy's part in the fleet. */
export interface Fleet {
  /** Holds the traffic of all proxies of the database. */
  readonly hold: SwitchHold
  readonly admission: Admission
  readonly state: ProxyState
  /** This proxy's number. */
  readonly me: number
  /** Tells the others what is spoken here now; false where they cannot be told. */
  tellSpoken(): Promise<boolean>
  /**
   * The default version or those that are served have changed: lets the others follow at once, and move their sessions;
   * gives how many of those there are, as far as is known.
   */
  notify(moved?: MovedSessions): Promise<number>
  /** All proxies of the database; undefined where they cannot be asked. */
  members(): Promise<readonly FleetMember[] | undefined>
  close(): Promise<void>
}

/**
 * Joins the proxies of the database, and keeps this one among them: steps the protocol, carries out its effects and sets its
 * timers. Rejects where the first connection fails. The gate is held until it has joined.
 */
export async function joinFleet(options: FleetOptions): Promise<Fleet> {
  const { gate, versions, log, control } = options
  // A switch may take twice the hold and a second.
  const limitMs = Math.max(defaultTiming.limitMs, 2 * options.holdMs + 5_000)
  const timing = { ...defaultTiming, limitMs, ...options.timing }
  let state = outside(versions.storedNumber)
  let catchingUp = false
  let closed = false
  let view: TimedView | undefined
  let deadlineAt = 0
  /** performance.now() when the gate was last closed, or opened. */
  let turnedAt = 0
  let draining: { readonly number: number; readonly controller: AbortController } | undefined
  const timers = createTimers()
  const waiting = new Set<() => void>()
  const events: FleetEvent[] = []
  let stepping = false

  const membership = createMembership({
    url: options.url,
    applicationName: options.applicationName,
    name: options.name,
    timing,
    log,
    fenced: () => state.member.at === 'fenced',
    joined(now) {
      spoken.forget()
      dispatch(viewEvent(now))
      spoken.look()
      void membership.ask((to) => to.rehearse())
    },
    failed: arrange,
    lost: () => dispatch({ kind: 'lost' }),
    poked: () => dispatch({ kind: 'poked' }),
    notified(payload) {
      if (payload === DDL_PAYLOAD) void versions.refresh()
      const moved = decodeMoved(payload)
      if (moved !== undefined) {
        options.moveSessions(moved)
        spoken.look()
      }
      const { at } = state.coordinator
      if (at === 'gathering' || (at !== 'running' && payload !== ACKNOWLEDGED)) membership.poke()
    },
  })
  const ask = async <T>(request: (requests: Requests, me: number) => Promise<T>): Promise<T | undefined> => {
    const answer = await membership.ask(request)
    if (answer !== null && typeof answer === 'object' && 'view' in answer) dispatch(viewEvent(answer.view as TimedView))
    return answer
  }
  const spoken = createSpoken({ spoken: options.spoken, ask })
  const backends = createBackends({ joined, ask, spoken })
  const attempts = createAttempts({
    holdMs: options.holdMs,
    gate,
    control,
    timing,
    log,
    state: () => state,
    turnedAt: () => turnedAt,
    dispatch,
    syncHead,
    published: () => (versions.storedNumber === state.head ? undefined : versions.storedNumber),
    poke: membership.poke,
  })
  const perform = createPerformer({
    gate,
    membership,
    attempts,
    log,
    endSessions: options.endSessions,
    dispatch,
    seen,
    serves: () => state.member.at === 'serving',
    turned() {
      turnedAt = performance.now()
    },
    drain,
    catchUp,
  })

  function dispatch(event: FleetEvent): void {
    events.push(event)
    if (stepping) return
    stepping = true
    try {
      for (let next = events.shift(); next !== undefined; next = events.shift()) {
        const was = state.member.at
        const { state: stepped, effects } = step(state, next)
        state = stepped
        for (const effect of effects) perform(effect)
        if (was !== state.member.at) log.debug({ was, now: state.member.at, event: next.kind }, 'fleet')
      }
    } finally {
      stepping = false
    }
    arrange()
  }

  function seen(now: TimedView): TimedView {
    view = now
    deadlineAt = performance.now() + now.leftMs
    return now
  }

  function viewEvent(now: TimedView): FleetEvent {
    return { kind: 'view', view: seen(now) }
  }

  async function catchUp(): Promise<void> {
    if (catchingUp) return
    catchingUp = true
    const confirmed = await versions.confirm()
    catchingUp = false
    if (confirmed && versions.storedNumber === view?.head) dispatch({ kind: 'caught up', head: versions.storedNumber })
    else arrange()
  }

  /** The version source looks by itself, too, and publishes what a migration of this proxy led to. */
  function syncHead(): void {
    if (state.head === UNKNOWN_HEAD || state.member.at === 'catching up') return
    if (versions.storedNumber !== state.head) {
      dispatch({ kind: 'caught up', head: versions.storedNumber })
    }
  }

  async function drain(number: number): Promise<void> {
    draining?.controller.abort()
    const controller = new AbortController()
    draining = { number, controller }
    const mine = state.coordinator.at === 'gathering'
    // The coordinator's time is up last, so that it hears of what the others wait for.
    const ms = options.holdMs * (mine ? 0.9 : 0.8)
    const moment = setTimeout(() => dispatch({ kind: 'draining', switch: number }), timing.momentMs)
    const { signal } = controller
    const blocked = await drainMember({ gate, control, ms, signal, settled: backends.settled }).finally(() =>
      clearTimeout(moment),
    )
    if (signal.aborted) return
    if (blocked === undefined) dispatch({ kind: 'drained', switch: number })
    else if (!attempts.blocked(blocked))
      await ask(async (to, me) => ({ view: await to.acknowledge(me, number, false, blocked) }))
  }

  /** Sets the timers that the state wants, and tells who waits for it. */
  function arrange(): void {
    if (closed) return
    const { member } = state
    if (draining !== undefined && !(member.at === 'holding' && member.switch === draining.number)) {
      draining.controller.abort()
      draining = undefined
    }
    const pollMs = pollIn(state)
    timers.set('poll', pollMs, pollMs, () => {
      membership.poke()
      spoken.look()
      arrange()
    })
    const retryMs = retryIn(state)
    if (retryMs === undefined || membership.joining || catchingUp) timers.cancel('again')
    else timers.set('again', retryMs, retryMs, again)
    if (member.at !== 'holding') timers.cancel('deadline')
    else {
      const left = Math.max(timing.heldPollMs, deadlineAt - performance.now())
      timers.set('deadline', member.switch, left, () => dispatch({ kind: 'deadline', switch: member.switch }))
    }
    if (member.at === 'serving') timers.cancel('limit')
    else timers.set('limit', 0, timing.limitMs, endHeld)
    attempts.look(state)
    for (const look of [...waiting]) look()
  }

  /** Milliseconds until it is looked what the others do. */
  function pollIn({ member, coordinator }: ProxyState): number {
    // Its end is that of the transaction; all that may come from outside is that the switch was closed by force.
    if (coordinator.at === 'running') return timing.runningPollMs
    if (coordinator.at !== 'idle') return timing.heldPollMs
    if (member.at === 'serving') return timing.idlePollMs
    return member.at === 'holding' && !member.abandoned ? timing.memberPollMs : timing.heldPollMs
  }

  /** Milliseconds until what did not come about is tried again; undefined where nothing is wanted. */
  function retryIn({ member, coordinator }: ProxyState): number | undefined {
    if (member.at === 'out' || member.at === 'fenced') return timing.rejoinMs
    return member.at === 'catching up' || coordinator.at === 'closing' ? timing.heldPollMs : undefined
  }

  function again(): void {
    if (membership.asking) arrange()
    else dispatch({ kind: 'again' })
  }

  /** Held for too long: whoever waits is better off with an error, and connects to another proxy. */
  function endHeld(): void {
    log.warn({ state: state.member.at, ms: timing.limitMs }, 'held for too long: sessions are ended')
    options.endSessions(tooLongError)
    arrange()
  }

  /** True once this proxy is a member; false where it is none for too long. */
  function joined(): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (isMember: boolean) => {
        clearTimeout(timer)
        waiting.delete(look)
        resolve(isMember)
      }
      const timer = setTimeout(() => end(false), timing.limitMs)
      const look = () => {
        if (state.member.at !== 'out' && state.member.at !== 'fenced' && membership.connected) end(true)
        else if (closed) end(false)
      }
      waiting.add(look)
      look()
    })
  }

  gate.hold()
  await membership.join()
  if (membership.failure !== undefined) {
    closed = true
    timers.clear()
    gate.release()
    throw membership.failure
  }
  return {
    hold: attempts.hold,
    admission: backends.admission,
    get state() {
      return state
    },
    get me() {
      return membership.me
    },
    tellSpoken: spoken.tell,
    async notify(moved) {
      const payload = moved === undefined ? '' : encodeMoved(moved)
      const members = moved === undefined ? [] : await membership.ask((to) => to.members())
      await membership.ask((to) => to.notify(payload))
      const others = members?.filter(({ proxy }) => proxy !== membership.me) ?? []
      return others.reduce((sum, { speaks }) => sum + (speaks?.get(moved?.from ?? '')?.sessions ?? 0), 0)
    },
    members: () => membership.ask((to) => to.members()),
    async close() {
      closed = true
      timers.clear()
      draining?.controller.abort()
      for (const look of [...waiting]) look()
      await membership.close()
    },
  }
}

const tooLongError: ClientError = {
  sqlstate: '57P01',
  message: 'terminating connection because the proxy cannot know the version of the schema',
  hint: 'Its log says why. Connect again; what was not committed has to be done again.',
}
