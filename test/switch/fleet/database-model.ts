import type { FleetEvent, Standing, View } from '../../../src/switch/fleet/protocol.js'
import { type ProxyWorld, proxyAt, type Reply, type Request, type Row, type World, withProxy } from './world.js'

/** What the database does for the fleet (src/switch/fleet/tables.ts), each request in one transaction. */
export interface DatabaseRules {
  /** A fenced proxy registers no session. */
  readonly registrationIsChecked: boolean
  /** A switch is closed under the transaction lock. */
  readonly closeTakesTheLock: boolean
  /** A migrator's transaction fails where its switch is not open. */
  readonly enterChecksTheSwitch: boolean
  /** A switch does not begin while another is open. */
  readonly oneSwitchAtATime: boolean
  /** A switch begins from the store's generation only. */
  readonly beginChecksTheHead: boolean
  /** A proxy counts as gone once its backends are, not when they were told to go. */
  readonly goneIsSeen: boolean
  /** A fenced proxy joins again only when its old backends are gone. */
  readonly joinWaitsForBackends: boolean
  /** A proxy has a row before it looks. */
  readonly joinMakesARow: boolean
  /** A proxy that leaves keeps its row as long as a backend of its sessions lives. */
  readonly leaveWaitsForBackends: boolean
  /** A proxy whose connection is lost has to be fenced like any other. */
  readonly lostIsNotGone: boolean
}

export const realDatabase: DatabaseRules = {
  registrationIsChecked: true,
  closeTakesTheLock: true,
  enterChecksTheSwitch: true,
  oneSwitchAtATime: true,
  beginChecksTheHead: true,
  goneIsSeen: true,
  joinWaitsForBackends: true,
  joinMakesARow: true,
  leaveWaitsForBackends: true,
  lostIsNotGone: true,
}

/** Carries out the first request of a proxy. */
export function carryOut(world: World, index: number, rules: DatabaseRules): World {
  const proxy = proxyAt(world, index)
  const [request, ...requests] = proxy.requests
  if (request === undefined) throw new Error('there is no request')
  const after = perform(withProxy(world, index, { requests }), index, request, rules)
  const reply = answer(after.world, index, request, after.refused, rules)
  return withProxy(after.world, index, { replies: [...proxyAt(after.world, index).replies, reply] })
}

interface Performed {
  readonly world: World
  readonly refused?: string
}

function perform(world: World, index: number, request: Request, rules: DatabaseRules): Performed {
  const proxy = proxyAt(world, index)
  const setRow = (changes: Partial<Row>): Performed => ({
    world: withProxy(world, index, { row: { ...proxy.row, ...changes } }),
  })
  switch (request.kind) {
    case 'join': {
      const old = proxy.backends.filter((backend) => backend.registered)
      if (proxy.row.fenced && rules.joinWaitsForBackends && old.length > 0) {
        return { world: withProxy(world, index, { backends: terminate(proxy) }) }
      }
      return setRow({
        present: rules.joinMakesARow || proxy.row.present,
        fenced: false,
        ...(proxy.row.fenced ? { held: 0, drained: 0 } : {}),
      })
    }
    case 'acknowledge':
      // Numbers of earlier switches are never looked at: none kept, fewer worlds.
      if (proxy.row.fenced || !world.open || request.switch !== world.switch) return { world }
      return setRow({ held: request.switch, ...(request.drained ? { drained: request.switch } : {}) })
    case 'begin': {
      if (proxy.row.fenced) return { world, refused: 'fenced' }
      if (world.open && rules.oneSwitchAtATime) return { world, refused: 'busy' }
      if (request.head !== world.head && rules.beginChecksTheHead) return { world, refused: 'behind' }
      const proxies = world.proxies.map((one, at) => ({
        ...one,
        row: { ...one.row, held: 0, drained: 0, owner: at === index },
      }))
      return { world: { ...world, switch: world.switch + 1, open: true, proxies } }
    }
    case 'fence': {
      if (!world.open || world.switch !== request.switch) return { world }
      const proxies = world.proxies.map((one) => {
        if (!one.row.present) return one
        const fenced = one.row.fenced || one.row.held !== request.switch
        return fenced ? { ...one, row: { ...one.row, fenced }, backends: terminate(one) } : one
      })
      return { world: { ...world, proxies } }
    }
    case 'close': {
      if (!world.open || world.switch !== request.switch) return { world }
      const holder = world.proxies.findIndex((one) => hasLock(one))
      if (holder < 0 || !rules.closeTakesTheLock) return { world: closed(world) }
      const migrator = proxyAt(world, holder).migrator
      if (!request.force || migrator === undefined) return { world }
      return { world: withProxy(world, holder, { migrator: { ...migrator, dying: true } }) }
    }
    case 'register': {
      if (proxy.row.fenced && rules.registrationIsChecked) return { world }
      const backends = proxy.backends.map((one) => (one.client ? { ...one, registered: true } : one))
      return { world: withProxy(world, index, { backends }) }
    }
    case 'leave': {
      const lives = proxy.backends.some((one) => one.registered)
      if (proxy.row.fenced || (lives && rules.leaveWaitsForBackends)) return { world }
      // Backends are registered for a row.
      const backends = proxy.backends.map((one) => ({ ...one, registered: false }))
      const row = { ...proxy.row, present: false, held: 0, drained: 0 }
      return { world: withProxy(world, index, { row, backends }) }
    }
    case 'look':
    case 'gather':
    case 'catch up':
      return { world }
  }
}

function answer(
  world: World,
  index: number,
  request: Request,
  refused: string | undefined,
  rules: DatabaseRules,
): Reply {
  const view = viewOf(world, index, rules)
  const seen: FleetEvent & { kind: 'view' } = { kind: 'view', view }
  switch (request.kind) {
    case 'begin':
      return refused === undefined ? { kind: 'begun', view } : { kind: 'not begun', reason: refused, view }
    case 'gather':
    case 'fence':
      return { kind: 'standings', standings: standingsOf(world, request.switch, rules), view }
    case 'catch up':
      return { kind: 'caught up', head: world.head }
    case 'acknowledge':
      return request.gather === true
        ? { kind: 'standings', standings: standingsOf(world, request.switch, rules), view }
        : seen
    case 'register':
      return { kind: 'registered', event: rules.registrationIsChecked ? seen : undefined }
    default:
      return seen
  }
}

export function viewOf(world: World, index: number, rules: DatabaseRules): View {
  const { row } = proxyAt(world, index)
  const owner = world.proxies.find((one) => one.row.owner)
  return {
    head: world.head,
    switch: world.switch,
    open: world.open,
    mine: world.open && row.owner,
    orphaned: world.open && owner?.link !== 'up',
    fenced: row.fenced || (rules.joinMakesARow && !row.present),
  }
}

export function standingsOf(world: World, number: number, rules: DatabaseRules): Standing[] {
  return world.proxies
    .filter((one) => one.row.present)
    .map(({ row, backends, link }): Standing => {
      if (link !== 'up' && !rules.lostIsNotGone) return 'gone'
      if (row.fenced) {
        const left = backends.some((one) => one.registered && !(one.dying && !rules.goneIsSeen))
        return left ? 'fenced' : 'gone'
      }
      if (row.drained === number) return 'drained'
      return row.held === number ? 'held' : 'silent'
    })
    .sort()
}

function terminate({ backends }: ProxyWorld): ProxyWorld['backends'] {
  return backends.map((one) => (one.registered ? { ...one, dying: true } : one))
}

export function hasLock({ migrator }: ProxyWorld): boolean {
  return migrator?.phase === 'inside' || migrator?.phase === 'committing'
}

function closed(world: World): World {
  const proxies = world.proxies.map((one) => ({ ...one, row: { ...one.row, held: 0, drained: 0, owner: false } }))
  return { ...world, open: false, proxies }
}
