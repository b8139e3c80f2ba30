import type { TextQuery } from '../../catalog/introspect.js'
import type { Admission, ClientError, HoldGate, ProxyLog } from '../../proxy/contracts.js'
import type { SwitchHold } from '../switch-hold.js'
import { createBackends } from './admission.js'
import { createAttempts } from './attempts.js'
import { connectFleet, type FleetConnection } from './fleet-connection.js'
import { drainMember } from './member-drain.js'
import { type FleetEffect, type FleetEvent, outside, type ProxyState, step } from './protocol.js'
import { createRequests, type FleetMember, type Requests, type TimedView } from './requests.js'
import { createSpoken } from './spoken.js'
import type { SpokenVersions } from './spoken-versions.js'
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
  readonly versions: { readonly storedNumber: number; refresh(): Promise<boolean> }
  /** What the sessions of this proxy speak now. */
  readonly spoken: () => SpokenVersions
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
  let me = 0
  let connection: FleetConnection | undefined
  let requests: Requests | undefined
  let inFlight = 0
  let poked = false
  let joining = false
  let joinFailure: unknown
  let catchingUp = false
  let closed = false
  let view: TimedView | undefined
  let deadlineAt = 0
  let draining: { readonly number: number; readonly controller: AbortController } | undefined
  const timers = new Map<string, { readonly what: number; readonly timer: NodeJS.Timeout }>()
  const waiting = new Set<() => void>()
  const events: FleetEvent[] = []
  let stepping = false

  /** Sets a timer; one that is set for the same stays as it is. */
  const after = (name: string, what: number, ms: number, task: () => void) => {
    const set = timers.get(name)
    if (set?.what === what) return
    clearTimeout(set?.timer)
    const fire = () => {
      timers.delete(name)
      task()
    }
    timers.set(name, { what, timer: setTimeout(fire, ms).unref() })
  }
  const cancel = (name: string) => {
    clearTimeout(timers.get(name)?.timer)
    timers.delete(name)
  }

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

  /** Makes a request whose answer is an event; a request that fails costs the connection, since nobody knows what it did. */
  function send(request: (requests: Requests) => Promise<FleetEvent>): void {
    if (requests === undefined) return
    request_(request(requests)).then((event) => {
      if (event !== undefined) dispatch(event)
    })
  }

  async function request_<T>(answer: Promise<T>): Promise<T | undefined> {
    const current = connection
    inFlight++
    try {
      const value = await answer
      return connection === current ? value : undefined
    } catch (error) {
      if (connection === current && current !== undefined) {
        lose(String(error))
        await current.close()
      }
      return undefined
    } finally {
      inFlight--
      if (inFlight === 0 && poked) {
        poked = false
        dispatch({ kind: 'poked' })
      }
    }
  }

  function poke(): void {
    if (connection === undefined || joining) return
    if (inFlight > 0) poked = true
    else dispatch({ kind: 'poked' })
  }

  function lose(reason: string): void {
    connection = undefined
    requests = undefined
    if (closed) return
    log.warn({ reason }, 'the connection to the fleet is lost; traffic is held until it is back')
    dispatch({ kind: 'lost' })
  }

  const seen = (now: TimedView): TimedView => {
    view = now
    deadlineAt = performance.now() + now.leftMs
    return now
  }
  const viewEvent = (now: TimedView): FleetEvent => ({ kind: 'view', view: seen(now) })

  async function join(): Promise<void> {
    if (joining || closed) return
    joining = true
    try {
      connection ??= await connectFleet({
        url: options.url,
        applicationName: options.applicationName,
        connectMs: timing.connectMs,
        answerMs: timing.answerMs,
        onNotification: poke,
        onLost: lose,
      })
      requests = createRequests(connection.query)
      const anew = me === 0 || state.member.at === 'fenced'
      const joined = await requests.join(me, options.name, anew)
      me = joined.me
      joining = false
      joinFailure = undefined
      spoken.forget()
      dispatch(viewEvent(joined.view))
      spoken.look()
    } catch (error) {
      joining = false
      joinFailure = error
      const lost = connection
      connection = undefined
      requests = undefined
      await lost?.close()
      log.warn({ error: String(error) }, 'the fleet cannot be joined; trying again')
      arrange()
    }
  }

  async function catchUp(): Promise<void> {
    if (catchingUp) return
    catchingUp = true
    await versions.refresh()
    catchingUp = false
    if (versions.storedNumber === view?.head) dispatch({ kind: 'caught up', head: versions.storedNumber })
    else arrange()
  }

  /** The version source looks by itself, too, and publishes what a migration of this proxy led to. */
  function syncHead(): void {
    if (state.member.at !== 'catching up' && versions.storedNumber !== state.head) {
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
    const blocked = await drainMember({ gate, control, ms, signal: controller.signal, settled: backends.settled })
    if (controller.signal.aborted) return
    if (blocked === undefined) dispatch({ kind: 'drained', switch: number })
    else if (!attempts.blocked(blocked)) {
      send(async (to) => viewEvent(await to.acknowledge(me, number, false, blocked)))
    }
  }

  function perform(effect: FleetEffect): void {
    switch (effect.kind) {
      case 'hold':
        if (!gate.held) gate.hold()
        return
      case 'release':
        gate.release()
        return
      case 'drain':
        drain(effect.switch).catch((error: unknown) => log.warn({ error: String(error) }, 'a drain failed'))
        return
      case 'catch up':
        catchUp().catch((error: unknown) => log.warn({ error: String(error) }, 'the fleet cannot be followed'))
        return
      case 'end sessions':
        log.warn({}, 'the other proxies took this one for gone: its sessions are ended')
        options.endSessions(fencedError)
        dispatch({ kind: 'sessions ended' })
        return
      case 'join':
        join()
        return
      case 'look':
        send(async (to) => viewEvent(await to.look(me)))
        return
      case 'acknowledge':
        send(async (to) => viewEvent(await to.acknowledge(me, effect.switch, effect.drained)))
        return
      case 'begin':
        send(async (to) => {
          const { refused, view: now } = await to.begin(me, effect.head, attempts.totalMs())
          if (refused !== undefined) return { kind: 'not begun', reason: refused, view: seen(now) }
          return now.open && now.mine
            ? { kind: 'begun', view: seen(now) }
            : { kind: 'not begun', reason: 'another proxy has ended the switch', view: seen(now) }
        })
        return
      case 'gather':
        send(async (to) => {
          const { standings, view: now } = await to.gather(me, effect.switch)
          attempts.heard(standings)
          return { kind: 'standings', standings: standings.map(({ standing }) => standing), view: seen(now) }
        })
        return
      case 'fence':
        send(async (to) => {
          const { ended, standings, view: now } = await to.fence(me, effect.switch)
          attempts.fenced(ended, standings)
          return { kind: 'standings', standings: standings.map(({ standing }) => standing), view: seen(now) }
        })
        return
      case 'close':
        send(async (to) => viewEvent(await to.close(me, effect.switch, effect.force)))
        return
      case 'run':
        attempts.run(effect.switch)
        return
      case 'gave way':
        attempts.gaveWay(effect.reason)
        return
      case 'closed':
        return
    }
  }

  /** Sets the timers that the state wants, and tells who waits for it. */
  function arrange(): void {
    if (closed) return
    const { member, coordinator } = state
    if (draining !== undefined && !(member.at === 'holding' && member.switch === draining.number)) {
      draining.controller.abort()
      draining = undefined
    }
    const pollMs = member.at === 'serving' && coordinator.at === 'idle' ? timing.idlePollMs : timing.heldPollMs
    after('poll', pollMs, pollMs, () => {
      poke()
      spoken.look()
      arrange()
    })
    const retryMs = retryIn(state)
    if (retryMs === undefined || joining || catchingUp) cancel('again')
    else after('again', retryMs, retryMs, again)
    if (member.at !== 'holding') cancel('deadline')
    else {
      const left = Math.max(timing.heldPollMs, deadlineAt - performance.now())
      after('deadline', member.switch, left, () => dispatch({ kind: 'deadline', switch: member.switch }))
    }
    if (member.at === 'serving') cancel('limit')
    else after('limit', 0, timing.limitMs, endHeld)
    attempts.look(state)
    for (const look of [...waiting]) look()
  }

  /** Milliseconds until what did not come about is tried again; undefined where nothing is wanted. */
  function retryIn({ member, coordinator }: ProxyState): number | undefined {
    if (member.at === 'out' || member.at === 'fenced') return timing.rejoinMs
    return member.at === 'catching up' || coordinator.at === 'closing' ? timing.heldPollMs : undefined
  }

  function again(): void {
    if (inFlight > 0) arrange()
    else dispatch({ kind: 'again' })
  }

  /** Held for too long: whoever waits is better off with an error, and connects to another proxy. */
  function endHeld(): void {
    log.warn({ state: state.member.at, ms: timing.limitMs }, 'held for too long: sessions are ended')
    options.endSessions(tooLongError)
    arrange()
  }

  const isMember = () => state.member.at !== 'out' && state.member.at !== 'fenced' && requests !== undefined
  const ask = async <T>(request: (requests: Requests, me: number) => Promise<T>): Promise<T | undefined> => {
    if (requests === undefined) return undefined
    const answer = await request_(request(requests, me))
    if (answer !== null && typeof answer === 'object' && 'view' in answer) dispatch(viewEvent(answer.view as TimedView))
    return answer
  }
  const spoken = createSpoken({ spoken: options.spoken, ask })
  const backends = createBackends({
    joined: () =>
      new Promise((resolve) => {
        const end = (joined: boolean) => {
          clearTimeout(timer)
          waiting.delete(look)
          resolve(joined)
        }
        const timer = setTimeout(() => end(false), timing.limitMs)
        const look = () => {
          if (isMember()) end(true)
          else if (closed) end(false)
        }
        waiting.add(look)
        look()
      }),
    ask,
    spoken,
  })
  const attempts = createAttempts({
    holdMs: options.holdMs,
    gate,
    control,
    timing,
    log,
    state: () => state,
    dispatch,
    syncHead,
    poke,
  })

  gate.hold()
  await join()
  if (joinFailure !== undefined) {
    closed = true
    for (const { timer } of timers.values()) clearTimeout(timer)
    gate.release()
    throw joinFailure
  }
  return {
    hold: attempts.hold,
    admission: backends.admission,
    get state() {
      return state
    },
    get me() {
      return me
    },
    tellSpoken: () => spoken.tell(),
    members: () => ask((to) => to.members()),
    async close() {
      closed = true
      for (const { timer } of timers.values()) clearTimeout(timer)
      draining?.controller.abort()
      for (const look of [...waiting]) look()
      await requests?.leave(me).catch(() => undefined)
      await connection?.close()
    },
  }
}

const fencedError: ClientError = {
  sqlstate: '57P01',
  message: 'terminating connection because the schema was switched while this proxy did not answer',
  hint: 'Connect again; what was not committed has to be done again.',
}

const tooLongError: ClientError = {
  sqlstate: '57P01',
  message: 'terminating connection because the proxy cannot know the version of the schema',
  hint: 'Its log says why. Connect again; what was not committed has to be done again.',
}
