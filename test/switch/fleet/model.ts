import {
  type FleetEffect,
  type FleetEvent,
  outside,
  type StepFunction,
  step,
} from '../../../src/switch/fleet/protocol.js'
import { carryOut, type DatabaseRules, hasLock, realDatabase, standingsOf, viewOf } from './database-model.js'
import { type Backend, type ProxyWorld, proxyAt, type Request, type World, withProxy } from './world.js'

/** The protocol under test: that of the product, or one with a part of it broken. */
export interface Protocol {
  readonly step: StepFunction
  readonly database: DatabaseRules
  /** What a client leaves behind counts as under way. */
  readonly remembersOrphans: boolean
}

export const product: Protocol = { step, database: realDatabase, remembersOrphans: true }

export interface Move {
  readonly label: string
  /**
   * `prompt`: will happen soon. `timer`: time has passed, so that all that is prompt has happened. `free`: may happen or not.
   * `outside`: something goes wrong, comes back, or is asked for; none of it is needed for things to end well.
   */
  readonly kind: 'prompt' | 'timer' | 'free' | 'outside'
  readonly world: World
}

/** Something that must never happen. */
export class Violation extends Error {}

export interface Bounds {
  /** Switches that are tried at most. */
  readonly switches: number
  /** Backends of one proxy at a time. */
  readonly backends: number
}

/**
 * Everything that can happen next. A timer that fires before all that is prompt has happened means that something was slow:
 * that is one more thing that goes wrong.
 */
export function moves(world: World, protocol: Protocol, bounds: Bounds): Move[] {
  const found: Move[] = []
  world.proxies.forEach((proxy, index) => {
    const add: Add = (label, next, kind = 'prompt') => {
      found.push({ label: `${index}: ${label}`, kind, world: next() })
    }
    databaseMoves(world, proxy, index, protocol, add)
    if (proxy.process === 'running') proxyMoves(world, proxy, index, protocol, bounds, add)
    faults(world, proxy, index, add)
  })
  if (found.every(({ kind }) => kind !== 'prompt')) return found
  return found.flatMap((move): Move[] => {
    if (move.kind !== 'timer') return [move]
    if (world.faults === 0) return []
    const late = { ...move.world, faults: world.faults - 1 }
    return [{ label: `${move.label}, early`, kind: 'outside', world: late }]
  })
}

type Add = (label: string, next: () => World, kind?: Move['kind']) => void

// The database

function databaseMoves(world: World, proxy: ProxyWorld, index: number, { database }: Protocol, add: Add): void {
  const { requests, link, process, backends, migrator } = proxy
  const [request] = requests
  if (link === 'up' && request !== undefined) add(`database: ${request.kind}`, () => carryOut(world, index, database))
  if (link === 'up' && process === 'dead') {
    add('database notices that the proxy is gone', () =>
      withProxy(world, index, { link: 'down', requests: [], replies: [] }),
    )
  }
  backends.forEach((backend, at) => {
    const without = () => withProxy(world, index, { backends: backends.filter((one) => one !== backend) })
    if (backend.text !== undefined) {
      add('database runs a statement', () => {
        if (backend.text !== world.head)
          throw new Violation(`a statement made for head ${backend.text} ran on head ${world.head}`)
        return withProxy(world, index, { backends: replace(backends, at, { ...backend, text: undefined }) })
      })
    }
    if (backend.dying || !backend.client) add('database ends a backend', without)
  })
  if (migrator !== undefined) migratorMoves(world, index, proxy, migrator, database, add)
}

function migratorMoves(
  world: World,
  index: number,
  proxy: ProxyWorld,
  migrator: NonNullable<ProxyWorld['migrator']>,
  rules: DatabaseRules,
  add: Add,
): void {
  const to = (changes: Partial<typeof migrator>) => withProxy(world, index, { migrator: { ...migrator, ...changes } })
  const over = () =>
    migrator.client ? to({ phase: 'over', dying: false }) : withProxy(world, index, { migrator: undefined })
  if (migrator.phase === 'over') return
  if (migrator.phase === 'sent' && !world.proxies.some(hasLock)) {
    const mayEnter = !rules.enterChecksTheSwitch || (world.open && world.switch === migrator.switch)
    add(mayEnter ? 'database: enter' : 'database: enter is refused', () =>
      mayEnter ? to({ phase: 'inside' }) : over(),
    )
  }
  if (migrator.phase === 'committing') {
    add('database: COMMIT', () => {
      if (migrator.base !== world.head) {
        throw new Violation(`a migration planned from head ${migrator.base} was committed on head ${world.head}`)
      }
      return {
        ...withProxy(world, index, {
          migrator: migrator.client
            ? { ...migrator, phase: 'over', committed: world.head + 1, dying: false }
            : undefined,
        }),
        head: world.head + 1,
      }
    })
  }
  if (migrator.dying || !migrator.client) add("database ends the migrator's transaction", over)
  if (proxy.process === 'running' && migrator.phase === 'inside' && migrator.client && !migrator.dying) {
    add('migrator sends COMMIT', () => to({ phase: 'committing' }))
    add('migrator rolls back', over)
  }
}

function replace<T>(list: readonly T[], at: number, item: T): T[] {
  return list.map((one, index) => (index === at ? item : one))
}

// The proxy

function proxyMoves(
  world: World,
  proxy: ProxyWorld,
  index: number,
  protocol: Protocol,
  bounds: Bounds,
  add: Add,
): void {
  const { requests, replies, link, state, session, backends, migrator } = proxy
  const on = (event: FleetEvent, from = world) => handle(from, index, event, protocol)
  const [reply, ...rest] = replies
  if (reply !== undefined) {
    add(`reads the answer: ${reply.kind}`, () => {
      const read = withProxy(world, index, { replies: rest })
      if (reply.kind !== 'registered') return on(reply, read)
      // The session that asked may have ended meanwhile.
      const granted = session === 'asking' ? (reply.event?.view.fenced ? 'none' : 'open') : session
      const admitted = withProxy(read, index, { session: granted })
      return reply.event === undefined ? admitted : on(reply.event, admitted)
    })
  }
  if (link === 'cut')
    add('notices that its connection is gone', () =>
      on({ kind: 'lost' }, withProxy(world, index, { link: 'down', replies: [] })),
    )
  const quiet = link === 'up' && requests.length === 0 && replies.length === 0
  const { member, coordinator } = state
  if (quiet) {
    // A look that would show nothing new changes nothing; so notifications may be lost, and polls come at any time.
    const news = newsFor(world, index, protocol)
    if (news !== 'none') add('looks', () => on({ kind: 'poked' }), news === 'closable' ? 'timer' : 'prompt')
    if (member.at === 'fenced' || member.at === 'out' || coordinator.at === 'closing')
      add('tries again', () => on({ kind: 'again' }), 'timer')
    if (member.at === 'holding') add('deadline', () => on({ kind: 'deadline', switch: member.switch }), 'timer')
    if (coordinator.at === 'gathering') {
      add('silence', () => on({ kind: 'silence' }), 'timer')
      add('gives way', () => on({ kind: 'give way', reason: 'blocked' }), 'timer')
    }
  }
  if (
    coordinator.at === 'idle' &&
    member.at === 'serving' &&
    migrator === undefined &&
    world.switch < bounds.switches
  ) {
    add('a migration asks', () => on({ kind: 'asked' }), 'outside')
  }
  const client = backends.findIndex((one) => one.client)
  const own = backends[client]
  // What a client has left behind is under way like anything else.
  const known = backends.filter((one) => one.client || protocol.remembersOrphans)
  if (member.at === 'holding' && member.said !== 'drained') {
    if (member.said === 'nothing') add('drains', () => on({ kind: 'draining', switch: member.switch }))
    if (known.every(({ text }) => text === undefined))
      add('drained', () => on({ kind: 'drained', switch: member.switch }))
  }
  if (
    session === 'none' &&
    link === 'up' &&
    own === undefined &&
    backends.length < bounds.backends &&
    // One answer at a time, so that each session gets its own.
    ![...requests, ...replies].some((one) => one.kind === 'register' || one.kind === 'registered')
  ) {
    const backend = { registered: false, text: undefined, client: true, dying: false }
    const asking = { session: 'asking', backends: [...backends, backend], requests: [...requests, register] } as const
    add('a client connects', () => withProxy(world, index, asking), 'free')
  }
  if (session !== 'none' && own === undefined)
    add('notices that its session is gone', () => withProxy(world, index, { session: 'none' }))
  if (session === 'open' && member.at === 'serving' && own !== undefined && own.text === undefined) {
    const sent = replace(backends, client, { ...own, text: state.head })
    add('sends a statement', () => withProxy(world, index, { backends: sent }), 'free')
  }
  if (migrator?.client && migrator.phase === 'over') {
    const without = () => withProxy(world, index, { migrator: undefined })
    // Or in doubt.
    add('migration has ended', () => on({ kind: 'ended' }, without()))
    const { committed } = migrator
    if (committed !== undefined) {
      add('migration is committed and published', () => on({ kind: 'ended', published: committed }, without()))
    }
  }
}

const register = { kind: 'register' } as const

/** Whether what the database would show now makes this proxy do anything; `closable`: no more than to try to close. */
function newsFor(world: World, index: number, { step, database }: Protocol): 'none' | 'closable' | 'some' {
  const { state } = proxyAt(world, index)
  const { member, coordinator } = state
  if (member.at === 'out' || member.at === 'fenced') return 'none'
  const after = step(state, answerTo(world, index, state, database))
  if (after.effects.length > 0 || after.state.coordinator.at !== coordinator.at) return 'some'
  if (member.at !== 'holding' || after.state.member.at !== 'holding') return 'none'
  if (member.abandoned !== after.state.member.abandoned) return 'some'
  return member.abandoned ? 'closable' : 'none'
}

function answerTo(world: World, index: number, { coordinator }: ProxyWorld['state'], rules: DatabaseRules): FleetEvent {
  const view = viewOf(world, index, rules)
  if (coordinator.at !== 'gathering') return { kind: 'view', view }
  return { kind: 'standings', standings: standingsOf(world, coordinator.switch, rules), view }
}

/** Steps the proxy and lets the effects happen. */
function handle(world: World, index: number, event: FleetEvent, protocol: Protocol): World {
  const proxy = proxyAt(world, index)
  const { state, effects } = protocol.step(proxy.state, event)
  let after = withProxy(world, index, { state })
  let endedSessions = false
  for (const effect of effects) {
    after = apply(after, index, effect)
    endedSessions ||= effect.kind === 'end sessions'
  }
  return endedSessions ? handle(after, index, { kind: 'sessions ended' }, protocol) : after
}

function apply(world: World, index: number, effect: FleetEffect): World {
  const proxy = proxyAt(world, index)
  switch (effect.kind) {
    case 'hold':
    case 'release':
    case 'drain':
    case 'gave way':
    case 'closed':
      // The gate is held in every state but `serving`, and it is drained when no statement is under way.
      return world
    case 'end sessions':
      return withProxy(world, index, { session: 'none', backends: proxy.backends.map(leave) })
    case 'run':
      return withProxy(world, index, {
        migrator: { switch: effect.switch, base: proxy.state.head, phase: 'sent', client: true, dying: false },
      })
    case 'join':
      return withProxy(world, index, { link: 'up', requests: [...proxy.requests, effect] })
    default:
      return send(world, index, effect)
  }
}

function send(world: World, index: number, request: Request): World {
  const proxy = proxyAt(world, index)
  if (proxy.link === 'down') throw new Violation(`${request.kind} was sent without a connection`)
  if (proxy.link === 'cut') return world
  if (proxy.requests.length + proxy.replies.length > 6) throw new Violation('requests pile up')
  return withProxy(world, index, { requests: [...proxy.requests, request] })
}

function leave(backend: Backend): Backend {
  return { ...backend, client: false }
}

// What goes wrong

function faults(world: World, proxy: ProxyWorld, index: number, add: Add): void {
  if (proxy.process === 'stopped')
    add('goes on (SIGCONT)', () => withProxy(world, index, { process: 'running' }), 'outside')
  if (world.faults === 0) return
  const fault = (label: string, changes: Partial<ProxyWorld>) =>
    add(label, () => withProxy({ ...world, faults: world.faults - 1 }, index, changes), 'outside')
  const { migrator } = proxy
  const orphan =
    migrator === undefined ? undefined : migrator.phase === 'over' ? undefined : { ...migrator, client: false }
  if (proxy.process !== 'dead') {
    // What was sent may still be carried out.
    const gone: Partial<ProxyWorld> = {
      process: 'dead',
      state: outside(0),
      replies: [],
      session: 'none',
      backends: proxy.backends.map(leave),
      migrator: orphan,
    }
    fault('is killed', gone)
    if (proxy.process === 'running' && proxy.link === 'up' && proxy.requests.length === 0 && proxy.row.present) {
      fault('is shut down', { ...gone, requests: [{ kind: 'leave' }] })
    }
  }
  if (proxy.process !== 'dead' && proxy.backends.some(({ client, text }) => client && text !== undefined)) {
    fault('a client leaves its statement behind', { session: 'none', backends: proxy.backends.map(leave) })
  }
  if (proxy.process === 'running') fault('is stopped (SIGSTOP)', { process: 'stopped' })
  if (proxy.link === 'up' && proxy.process !== 'dead')
    fault('loses its connection to the fleet', { link: 'cut', requests: [] })
  if (migrator?.client && migrator.phase !== 'over') {
    fault('the migrator is killed', { migrator: { ...migrator, dying: true } })
  }
}
