import {
  type FleetEffect,
  type FleetEvent,
  type Member,
  type ProxyState,
  type Step,
  UNKNOWN_HEAD,
  type View,
} from './protocol.js'

/**
 * The side of the traffic.
 *
 *                    open switch                 closed, same head
 *     serving -----------------------> holding ---------------------> serving
 *        |                                |                              ^
 *        | lost, at any time              | closed, another head         | caught up
 *        v                                v                              |
 *       out --- join: as from a look --> catching up --------------------+
 *
 *     any --- the view says `fenced` ---> fenced --- sessions ended ---> join, as from out
 *     holding --- its own migration is committed and published ---> serving, the switch being past
 */
export function follow(state: ProxyState, event: FleetEvent): Step {
  const { member } = state
  const to = (next: Member, ...effects: FleetEffect[]): Step => ({ state: { ...state, member: next }, effects })
  const stay: Step = { state, effects: [] }
  if ('view' in event) return followView(state, event.view)
  switch (event.kind) {
    case 'lost':
      return {
        state: { ...state, head: UNKNOWN_HEAD, member: { at: 'out' } },
        effects: [...holdFrom(member), { kind: 'join' }],
      }
    case 'poked':
      return look(state)
    case 'again':
      if (member.at === 'out' || member.at === 'fenced') return to(member, { kind: 'join' })
      return member.at === 'catching up' ? to(member, { kind: 'catch up' }) : stay
    case 'drained':
      return member.at === 'holding' && member.switch === event.switch ? drained(state, member) : stay
    case 'draining':
      return member.at === 'holding' && member.switch === event.switch && member.said === 'nothing'
        ? to({ ...member, said: 'held' }, { kind: 'acknowledge', switch: event.switch, drained: false })
        : stay
    case 'ended':
      return event.published === undefined ? stay : published(state, event.published)
    case 'caught up': {
      const caughtUp = { ...state, head: event.head }
      // Another switch may have been opened meanwhile; its end is waited for.
      if (member.at !== 'catching up') return { state: caughtUp, effects: [] }
      return { state: { ...caughtUp, member: { at: 'serving' } }, effects: [{ kind: 'release' }] }
    }
    case 'sessions ended':
      return member.at === 'fenced' ? to(member, { kind: 'join' }) : stay
    case 'deadline':
      return member.at === 'holding' && member.switch === event.switch
        ? to(member, { kind: 'close', switch: event.switch, force: true })
        : stay
    default:
      return stay
  }
}

function followView(state: ProxyState, view: View): Step {
  const { member, head } = state
  const to = (next: Member, ...effects: FleetEffect[]): Step => ({ state: { ...state, member: next }, effects })
  if (view.fenced) {
    if (member.at === 'fenced') return { state, effects: [] }
    return to({ at: 'fenced' }, ...holdFrom(member), { kind: 'end sessions' })
  }
  if (view.open) {
    if (member.at === 'serving' && member.past === view.switch) return { state, effects: [] }
    const abandoned = isAbandoned(state, view)
    if (member.at === 'holding' && member.switch === view.switch) {
      return member.abandoned === abandoned ? { state, effects: [] } : to({ ...member, abandoned })
    }
    return to(
      { at: 'holding', switch: view.switch, said: 'nothing', own: isBegun(state, view), abandoned },
      ...holdFrom(member),
      { kind: 'drain', switch: view.switch },
    )
  }
  if (view.head === head) {
    if (member.at !== 'serving') return to({ at: 'serving' }, { kind: 'release' })
    return member.past === undefined ? { state, effects: [] } : to({ at: 'serving' })
  }
  if (member.at === 'catching up') return { state, effects: [] }
  return to({ at: 'catching up' }, ...holdFrom(member), { kind: 'catch up' })
}

/** The coordinator does not work on its switch any more: whoever sees it may close it. */
function isAbandoned({ coordinator }: ProxyState, view: View): boolean {
  if (!view.mine) return view.orphaned
  return coordinator.at === 'idle' || coordinator.at === 'beginning' || coordinator.switch !== view.switch
}

/** This proxy begins it just now. */
function isBegun({ coordinator }: ProxyState, view: View): boolean {
  return coordinator.at === 'gathering' && coordinator.switch === view.switch && view.mine
}

/** A migration of this proxy is committed, and its generation in force here. */
function published(state: ProxyState, head: number): Step {
  const { member, coordinator } = state
  const own = member.at === 'holding' && member.own && coordinator.at === 'closing'
  // Others have ended the switch, or may have, and switched again: the next view tells.
  if (!own || coordinator.switch !== member.switch) return { state, effects: [] }
  return { state: { ...state, head, member: { at: 'serving', past: member.switch } }, effects: [{ kind: 'release' }] }
}

function look(state: ProxyState): Step {
  const { member, coordinator } = state
  // A coordinator gathers instead, which shows the same.
  if (member.at === 'out' || member.at === 'fenced' || coordinator.at === 'gathering') return { state, effects: [] }
  // Only here: an attempt to close that comes too early is answered by a view, which must not lead to the next at once.
  if (member.at === 'holding' && member.abandoned) {
    return { state, effects: [{ kind: 'close', switch: member.switch, force: false }] }
  }
  return { state, effects: [{ kind: 'look' }] }
}

function drained(state: ProxyState, member: Extract<Member, { at: 'holding' }>): Step {
  const gathering = state.coordinator.at === 'gathering'
  const acknowledge = { kind: 'acknowledge', switch: member.switch, drained: true } as const
  return {
    state: { ...state, member: { ...member, said: 'drained' } },
    effects: [gathering ? { ...acknowledge, gather: true } : acknowledge],
  }
}

function holdFrom(member: Member): FleetEffect[] {
  return member.at === 'serving' ? [{ kind: 'hold' }] : []
}
