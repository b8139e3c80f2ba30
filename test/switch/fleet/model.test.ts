import { expect, test } from 'vitest'
import { type FleetEvent, type Standing, type StepFunction, step } from '../../../src/switch/fleet/protocol.js'
import { type DatabaseRules, realDatabase } from './database-model.js'
import { explore } from './explore.js'
import { type Protocol, product } from './model.js'
import { firstWorld } from './world.js'

interface Case {
  /** Proxies that serve from the beginning. */
  readonly members: number
  /** Proxies that join meanwhile. */
  readonly late?: number
  /** What goes wrong: kill, SIGSTOP, a lost connection, a killed migrator, a timer that fires too early. */
  readonly faults?: number
  readonly switches?: number
  /** Only the nearest so many states: what is found is proved, what lies beyond is not. */
  readonly upTo?: number
}

function run(protocol: Protocol, { members, late = 0, faults = 0, switches = 1, upTo = 6_000_000 }: Case) {
  return explore(firstWorld(members, late, faults), {
    protocol,
    bounds: { switches, backends: 2 },
    maxStates: upTo,
  })
}

const short: readonly Case[] = [
  { members: 1, faults: 2 },
  { members: 2, faults: 1 },
  { members: 2, switches: 2 },
  { members: 1, late: 1 },
  { members: 3 },
]
const long: readonly Case[] = [
  { members: 2, faults: 2 },
  { members: 2, faults: 1, switches: 2 },
  { members: 1, late: 1, faults: 1 },
  { members: 3, faults: 1, upTo: 2_000_000 },
  { members: 3, switches: 2 },
]

for (const one of process.env.HOTSWAP_LONG === undefined ? short : [...short, ...long]) {
  test(`no stale statement, no second head, and always an end: ${JSON.stringify(one)}`, { timeout: 3_600_000 }, () => {
    const { states, ...found } = run(product, one)
    console.info(`${JSON.stringify(one)}: ${states} states, ${found.moves} moves`)
    expect(found).toMatchObject({ violation: undefined, stuck: undefined, whole: one.upTo === undefined })
    // Every timer and fault has to have come to pass: a model in which nothing happens proves nothing.
    expect(states).toBeGreaterThan(500)
  })
}

const oneFault: Case = { members: 2, faults: 1 }

/** What the model has to find where the database does not keep a rule. */
const brokenDatabases: readonly [keyof DatabaseRules, RegExp, Case][] = [
  ['registrationIsChecked', /^a statement made for head 0 ran on head 1/, oneFault],
  // The head is read while a COMMIT is in doubt.
  ['closeTakesTheLock', /^a statement made for head 0 ran on head 1/, oneFault],
  ['enterChecksTheSwitch', /^a statement made for head 0 ran on head 1/, oneFault],
  ['goneIsSeen', /^a statement made for head 0 ran on head 1/, oneFault],
  ['joinMakesARow', /^a statement made for head 0 ran on head 1/, { members: 1, late: 1 }],
  ['leaveWaitsForBackends', /^a statement made for head 0 ran on head 1/, oneFault],
  // A released lock counts as gone.
  ['lostIsNotGone', /^a statement made for head 0 ran on head 1/, oneFault],
]

test.each(brokenDatabases)('a database without "%s" is found out', (rule, violation, one) => {
  const found = run({ ...product, database: { ...realDatabase, [rule]: false } }, one)
  expect(found.violation).toMatch(violation)
})

test('a proxy that forgets what a client left behind is found out', () => {
  const found = run({ ...product, remembersOrphans: false }, oneFault)
  expect(found.violation).toMatch(/^a statement made for head 0 ran on head 1/)
})

test('a fenced proxy that joins too early is found out, where it forgets what it left behind', () => {
  const careless = { ...product, database: { ...realDatabase, joinWaitsForBackends: false } }
  expect(run(careless, oneFault).violation).toBeUndefined()
  expect(run({ ...careless, remembersOrphans: false }, oneFault).violation).toMatch(/^a statement made for head 0/)
})

const countAs =
  (from: Standing, to: Standing): StepFunction =>
  (state, event) =>
    step(
      state,
      event.kind === 'standings'
        ? { ...event, standings: event.standings.map((standing) => (standing === from ? to : standing)) }
        : event,
    )

const without =
  (kind: FleetEvent['kind']): StepFunction =>
  (state, event) =>
    event.kind === kind ? { state, effects: [] } : step(state, event)

/** Serves again at the deadline, without asking whether the migration is over. */
const releaseAtDeadline: StepFunction = (state, event) =>
  event.kind === 'deadline' && state.member.at === 'holding'
    ? { state: { ...state, member: { at: 'serving' } }, effects: [{ kind: 'release' }] }
    : step(state, event)

/** Serves again with the old generation. */
const releaseWithoutHead: StepFunction = (state, event) => {
  const next = step(state, event)
  return next.state.member.at === 'catching up'
    ? { state: { ...next.state, member: { at: 'serving' } }, effects: [{ kind: 'release' }] }
    : next
}

/** Goes on with what it has when its migration has ended, whether that is committed or in doubt. */
const releaseInDoubt: StepFunction = (state, event) => {
  if (event.kind !== 'ended' || state.member.at !== 'holding') return step(state, event)
  const { state: ended, effects } = step(state, event)
  return { state: { ...ended, member: { at: 'serving', past: state.member.switch } }, effects }
}

/** Says that it is drained as soon as it holds. */
const drainedTooEarly: StepFunction = (state, event) => {
  const next = step(state, event)
  const effects = next.effects.map((effect) => (effect.kind === 'acknowledge' ? { ...effect, drained: true } : effect))
  return { ...next, effects }
}

const closeWithoutForce: StepFunction = (state, event) => {
  const next = step(state, event)
  return {
    ...next,
    effects: next.effects.map((effect) => (effect.kind === 'close' ? { ...effect, force: false } : effect)),
  }
}

const stale = /^a statement made for head 0 ran on head 1/
const brokenProxies: readonly [string, StepFunction, Case][] = [
  ['takes the silent ones for gone, without fencing them', countAs('silent', 'gone'), oneFault],
  ['takes those for gone that were told to end', countAs('fenced', 'gone'), oneFault],
  ['takes whoever holds for drained', countAs('held', 'drained'), { members: 2 }],
  ['says that it is drained too early', drainedTooEarly, { members: 2 }],
  ['serves again at the deadline by itself', releaseAtDeadline, oneFault],
  ['serves again without reading the head', releaseWithoutHead, { members: 2 }],
  ['serves again before its migration is committed for certain', releaseInDoubt, { members: 1 }],
]

test.each(brokenProxies)('a proxy that %s is found out', (_, broken, one) => {
  expect(run({ ...product, step: broken }, one).violation).toMatch(stale)
})

const stuckProxies: readonly [string, StepFunction][] = [
  ['does nothing at the deadline', without('deadline')],
  ['never ends a migration that hangs', closeWithoutForce],
  ['does not try to join again', without('again')],
]

test.each(stuckProxies)('a proxy that %s keeps the fleet from going on', (_, broken) => {
  const found = run({ ...product, step: broken }, oneFault)
  expect(found.violation).toBeUndefined()
  expect(found.stuck).toBeDefined()
})

test('a proxy that never fences gives way for ever, and the fleet goes on', () => {
  const found = run({ ...product, step: without('silence') }, oneFault)
  expect(found).toMatchObject({ violation: undefined, stuck: undefined })
})
