import type { ClientError, HoldGate, ProxyLog } from '../../proxy/contracts.js'
import type { Attempts } from './attempts.js'
import type { Membership } from './membership.js'
import type { FleetEffect, FleetEvent } from './protocol.js'
import type { Gathered, Requests, TimedView } from './requests.js'

/** What carrying out effects needs of the fleet. */
export interface PerformSeams {
  readonly gate: HoldGate
  readonly membership: Membership
  readonly attempts: Attempts
  readonly log: ProxyLog
  readonly endSessions: (error: ClientError) => void
  dispatch(event: FleetEvent): void
  /** Takes note of what was seen; gives it. */
  seen(view: TimedView): TimedView
  /** Traffic is not to be held: the gate may be open. */
  serves(): boolean
  /** The gate was closed, or opened, just now. */
  turned(): void
  drain(number: number): Promise<void>
  catchUp(): Promise<void>
}

/** Carries out the protocol's effects, one at a time; the answers to requests are events again. */
export function createPerformer(seams: PerformSeams): (effect: FleetEffect) => void {
  const { gate, membership, attempts, log, dispatch, seen } = seams
  const viewEvent = (view: TimedView): FleetEvent => ({ kind: 'view', view: seen(view) })
  const send = (request: (to: Requests, me: number) => Promise<FleetEvent>): void => {
    membership.ask(request).then((event) => {
      if (event !== undefined) dispatch(event)
    })
  }
  const gather = (request: (to: Requests, me: number) => Promise<Gathered>): void =>
    send(async (to, me) => {
      const { standings, view } = await request(to, me)
      attempts.heard(standings)
      return { kind: 'standings', standings: standings.map(({ standing }) => standing), view: seen(view) }
    })
  const warn = (message: string) => (error: unknown) => log.warn({ error: String(error) }, message)

  return (effect) => {
    switch (effect.kind) {
      case 'hold':
        if (gate.held) return
        gate.hold()
        seams.turned()
        return
      case 'release':
        // What waits here goes on at once, which takes a while: the requests of this step are written first.
        queueMicrotask(() => {
          if (!seams.serves() || !gate.held) return
          seams.turned()
          gate.release()
        })
        return
      case 'drain':
        seams.drain(effect.switch).catch(warn('a drain failed'))
        return
      case 'catch up':
        seams.catchUp().catch(warn('the fleet cannot be followed'))
        return
      case 'end sessions':
        log.warn({}, 'the other proxies took this one for gone: its sessions are ended')
        seams.endSessions(fencedError)
        dispatch({ kind: 'sessions ended' })
        return
      case 'join':
        membership.join()
        return
      case 'look':
        send(async (to, me) => viewEvent(await to.look(me)))
        return
      case 'acknowledge':
        if (effect.gather === true) gather((to, me) => to.acknowledgeAndGather(me, effect.switch))
        else send(async (to, me) => viewEvent(await to.acknowledge(me, effect.switch, effect.drained)))
        return
      case 'begin':
        send(async (to, me) => {
          const { refused, view } = await to.begin(me, effect.head, attempts.totalMs())
          if (refused !== undefined) return { kind: 'not begun', reason: refused, view: seen(view) }
          return view.open && view.mine
            ? { kind: 'begun', view: seen(view) }
            : { kind: 'not begun', reason: 'another proxy has ended the switch', view: seen(view) }
        })
        return
      case 'gather':
        gather((to, me) => to.gather(me, effect.switch))
        return
      case 'fence':
        send(async (to, me) => {
          const { ended, standings, view } = await to.fence(me, effect.switch)
          attempts.fenced(ended, standings)
          return { kind: 'standings', standings: standings.map(({ standing }) => standing), view: seen(view) }
        })
        return
      case 'close':
        send(async (to, me) => viewEvent(await to.close(me, effect.switch, effect.force)))
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
}

const fencedError: ClientError = {
  sqlstate: '57P01',
  message: 'terminating connection because the schema was switched while this proxy did not answer',
  hint: 'Connect again; what was not committed has to be done again.',
}
