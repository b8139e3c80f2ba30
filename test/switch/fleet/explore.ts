import { type Bounds, type Move, moves, type Protocol, Violation } from './model.js'
import type { ProxyWorld, World } from './world.js'

export interface Explored {
  readonly states: number
  readonly moves: number
  /** The first thing that must never happen, and the way there. */
  readonly violation: string | undefined
  /** A state from which things cannot end well any more without outside help, and the way there. */
  readonly stuck: string | undefined
  readonly whole: boolean
}

export interface ExploreOptions {
  readonly protocol: Protocol
  readonly bounds: Bounds
  /** Gives up beyond. */
  readonly maxStates: number
}

/** Visits every state that can be reached from the first one, nearest first. */
export function explore(first: World, { protocol, bounds, maxStates }: ExploreOptions): Explored {
  const keyOf = createKeys()
  const ids = new Map<string, number>([[keyOf(first), 0]])
  const worlds: (World | undefined)[] = [first]
  const parents: number[] = [-1]
  const labels: string[] = ['']
  /** Moves without outside help, as pairs of states; what leads to a good end is found by going them backwards. */
  const from: number[] = []
  const to: number[] = []
  const good: number[] = []
  let count = 0

  const wayTo = (id: number): string => {
    const way: string[] = []
    for (let at = id; at > 0; at = parents[at] ?? 0) way.unshift(labels[at] ?? '')
    return way.join('\n')
  }
  const ended = (rest: Partial<Explored>): Explored => ({
    states: worlds.length,
    moves: count,
    violation: undefined,
    stuck: undefined,
    whole: true,
    ...rest,
  })

  for (let id = 0; id < worlds.length; id++) {
    const world = worlds[id] as World
    worlds[id] = undefined
    if (isGood(world)) good.push(id)
    let next: Move[]
    try {
      next = moves(world, protocol, bounds)
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      return ended({ violation: `${error.message}\n${wayTo(id)}` })
    }
    for (const move of next) {
      count++
      const key = keyOf(move.world)
      let found = ids.get(key)
      if (found === undefined) {
        found = worlds.length
        ids.set(key, found)
        worlds.push(move.world)
        parents.push(id)
        labels.push(move.label)
      }
      if (move.kind !== 'outside' && found !== id) {
        from.push(id)
        to.push(found)
      }
    }
    if (worlds.length > maxStates) return ended({ whole: false })
  }
  const lost = findLost(worlds.length, from, to, good)
  return ended(lost === undefined ? {} : { stuck: wayTo(lost) })
}

/** All that run serve the head, and no switch is open. */
function isGood(world: World): boolean {
  return (
    world.proxies.every(
      ({ process, state }) =>
        process !== 'running' ||
        (state.member.at === 'serving' && state.head === world.head && state.coordinator.at === 'idle'),
    ) &&
    (!world.open || world.proxies.every(({ process }) => process !== 'running'))
  )
}

/** The first state from which no good one can be reached. */
function findLost(
  states: number,
  from: readonly number[],
  to: readonly number[],
  good: readonly number[],
): number | undefined {
  const starts = new Int32Array(states + 1)
  for (const state of to) starts[state + 1] = (starts[state + 1] ?? 0) + 1
  for (let state = 0; state < states; state++) starts[state + 1] = (starts[state + 1] ?? 0) + (starts[state] ?? 0)
  const places = starts.slice()
  const before = new Int32Array(to.length)
  to.forEach((state, at) => {
    const place = places[state] ?? 0
    before[place] = from[at] ?? 0
    places[state] = place + 1
  })
  const reached = new Uint8Array(states)
  const open = [...good]
  for (const state of good) reached[state] = 1
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    for (let at = starts[state] ?? 0; at < (starts[state + 1] ?? 0); at++) {
      const earlier = before[at] ?? 0
      if (reached[earlier] === 1) continue
      reached[earlier] = 1
      open.push(earlier)
    }
  }
  const lost = reached.indexOf(0)
  return lost < 0 ? undefined : lost
}

/** Proxies that are alike may change places: the key of a world has them in an order of its own. */
function createKeys(): (world: World) => string {
  const numbers = new Map<string, number>()
  const known = new WeakMap<ProxyWorld, number>()
  const numberOf = (proxy: ProxyWorld): number => {
    let number = known.get(proxy)
    if (number !== undefined) return number
    const text = JSON.stringify(proxy)
    number = numbers.get(text)
    if (number === undefined) {
      number = numbers.size
      numbers.set(text, number)
    }
    known.set(proxy, number)
    return number
  }
  return ({ head, switch: last, open, faults, proxies }) =>
    `${head} ${last} ${open ? 1 : 0} ${faults} ${proxies
      .map(numberOf)
      .sort((a, b) => a - b)
      .join(' ')}`
}
