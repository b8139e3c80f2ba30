import type { Coordinator, FleetEffect, FleetEvent, ProxyState, Step } from './protocol.js'

/**
 * The side of the migration.
 *
 *     idle -> beginning -> gathering -> running -> closing -> idle
 *                 |            |                      ^
 *                 +-> idle     +----------------------+
 *
 * Whatever happens to it, others can close its switch: what it must never do is run a migration without an answer that
 * every proxy is drained or gone.
 */
export function coordinate(state: ProxyState, event: FleetEvent): Step {
  const { coordinator, member } = state
  const to = (next: Coordinator, ...effects: FleetEffect[]): Step => ({
    state: { ...state, coordinator: next },
    effects,
  })
  const stay: Step = { state, effects: [] }
  const gaveWay = (reason: string) => to({ at: 'idle' }, { kind: 'gave way', reason })

  if (event.kind === 'asked') {
    if (coordinator.at !== 'idle') throw new Error('a switch of this proxy is under way')
    if (member.at !== 'serving') return gaveWay('this proxy does not serve just now')
    return to({ at: 'beginning' }, { kind: 'begin', head: state.head })
  }
  switch (coordinator.at) {
    case 'idle':
      return stay
    case 'beginning':
      if (event.kind === 'begun') return to({ at: 'gathering', switch: event.view.switch })
      if (event.kind === 'not begun') return gaveWay(event.reason)
      return event.kind === 'lost' ? gaveWay('the connection to the fleet was lost') : stay
    case 'gathering':
      return gather(coordinator.switch, event, { to, stay, gaveWay })
    case 'running':
      // A lost connection changes nothing: the others wait for the end of the transaction.
      if (event.kind !== 'ended') return stay
      return to(
        { at: 'closing', switch: coordinator.switch },
        ...(member.at === 'out' ? [] : [close(coordinator.switch)]),
      )
    case 'closing':
      if (event.kind === 'lost') return to({ at: 'idle' }, { kind: 'closed' })
      if (event.kind === 'again' && member.at !== 'out') return to(coordinator, close(coordinator.switch))
      if (!('view' in event)) return stay
      if (!event.view.open || event.view.switch !== coordinator.switch) return to({ at: 'idle' }, { kind: 'closed' })
      return member.at === 'out' ? to(coordinator, close(coordinator.switch)) : stay
  }
}

interface Ways {
  readonly to: (next: Coordinator, ...effects: FleetEffect[]) => Step
  readonly stay: Step
  readonly gaveWay: (reason: string) => Step
}

function gather(number: number, event: FleetEvent, { to, stay, gaveWay }: Ways): Step {
  const { coordinator, member } = stay.state
  if ('view' in event) {
    const { view } = event
    if (view.fenced) return gaveWay('the other proxies took this one for gone')
    if (!view.open || view.switch !== number) return gaveWay('another proxy has ended the switch')
  }
  switch (event.kind) {
    case 'standings':
      return event.standings.every((standing) => standing === 'drained' || standing === 'gone')
        ? to({ at: 'running', switch: number }, { kind: 'run', switch: number })
        : stay
    case 'poked':
      return to(coordinator, { kind: 'gather', switch: number })
    case 'silence':
      // It would fence itself: by the time that others can be called silent it has said at least that it holds.
      if (member.at === 'holding' && member.said === 'nothing') return stay
      return to(coordinator, { kind: 'fence', switch: number })
    case 'give way':
      return to({ at: 'closing', switch: number }, close(number), { kind: 'gave way', reason: event.reason })
    case 'lost':
      return gaveWay('the connection to the fleet was lost')
    default:
      return stay
  }
}

function close(number: number): FleetEffect {
  return { kind: 'close', switch: number, force: false }
}
