import { expect, test } from 'vitest'
import {
  type FleetEffect,
  type FleetEvent,
  outside,
  type ProxyState,
  step,
  UNKNOWN_HEAD,
  type View,
} from '../../../src/switch/fleet/protocol.js'

const first: View = { head: 1, switch: 1, open: true, mine: true, orphaned: false, fenced: false }
const closed: View = { ...first, open: false, mine: false, head: 2 }

const runsMigration: readonly FleetEvent[] = [
  { kind: 'view', view: { ...closed, switch: 0, head: 1 } },
  { kind: 'asked' },
  { kind: 'begun', view: first },
  { kind: 'drained', switch: 1 },
  { kind: 'standings', standings: ['drained'], view: first },
]
const committed: FleetEvent = { kind: 'ended', published: 2 }

/** The last state, and the effects of the last event. */
function after(...events: FleetEvent[]): { readonly state: ProxyState; readonly effects: readonly FleetEffect[] } {
  let now: { state: ProxyState; effects: readonly FleetEffect[] } = { state: outside(1), effects: [] }
  for (const event of [...runsMigration, ...events]) now = step(now.state, event)
  return now
}

test('a switch of a proxy that drains at once takes two requests until it runs, and says once that it is drained', () => {
  let state = outside(1)
  const requests: FleetEffect[] = []
  for (const event of runsMigration) {
    const next = step(state, event)
    state = next.state
    requests.push(...next.effects.filter(({ kind }) => ['begin', 'acknowledge', 'gather', 'look'].includes(kind)))
  }
  expect(requests).toEqual([
    { kind: 'begin', head: 1 },
    { kind: 'acknowledge', switch: 1, drained: true, gather: true },
  ])
  expect(state.coordinator).toEqual({ at: 'running', switch: 1 })
})

test('a proxy whose drain takes a while says that it holds, once', () => {
  const begun = runsMigration.slice(0, 3).reduce((state, event) => step(state, event).state, outside(1))
  const draining: FleetEvent = { kind: 'draining', switch: 1 }
  const { state, effects } = step(begun, draining)
  expect(effects).toEqual([{ kind: 'acknowledge', switch: 1, drained: false }])
  expect(step(state, draining).effects).toEqual([])
})

test('traffic of a proxy goes on as soon as its own migration is committed, before its switch is closed', () => {
  const { state, effects } = after(committed)
  expect(effects).toEqual([{ kind: 'close', switch: 1, force: false }, { kind: 'release' }])
  expect(state).toEqual({
    head: 2,
    member: { at: 'serving', past: 1 },
    coordinator: { at: 'closing', switch: 1 },
  })
  // What was looked at before the switch was closed holds nobody again.
  expect(after(committed, { kind: 'view', view: first })).toEqual({ state, effects: [] })
  expect(after(committed, { kind: 'view', view: { ...first, head: 2 } })).toEqual({ state, effects: [] })
  expect(after(committed, { kind: 'view', view: closed }).state.member).toEqual({ at: 'serving' })
})

test('the switch that comes next holds the traffic of a proxy that has just ended its own', () => {
  const { state, effects } = after(committed, { kind: 'view', view: { ...first, head: 2, switch: 2, mine: false } })
  expect(state.member).toMatchObject({ at: 'holding', switch: 2, said: 'nothing', own: false })
  expect(effects).toContainEqual({ kind: 'hold' })
})

test('where it is in doubt whether the migration is committed, traffic waits for the end of the switch', () => {
  expect(after({ kind: 'ended' }).state.member).toMatchObject({ at: 'holding', switch: 1 })
})

test('where others have ended its switch, or may have, a proxy asks them before it goes on', () => {
  // Another switch may have come after it.
  const caughtUp = after({ kind: 'view', view: { ...closed, head: 3 } }, { kind: 'caught up', head: 3 }, committed)
  expect(caughtUp.state).toMatchObject({ head: 3, member: { at: 'serving' } })
  // A database that was restored may count its switches again.
  const again = after({ kind: 'lost' }, { kind: 'view', view: { ...first, mine: false } }, committed)
  expect(again.state).toMatchObject({ head: UNKNOWN_HEAD, member: { at: 'holding', switch: 1, own: false } })
})
