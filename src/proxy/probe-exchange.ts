import { versionIndex } from '../rewrite/generation.js'
import { decodeFields, decodeTextRow } from '../wire/backend.js'
import { Backend } from '../wire/message-types.js'
import { probeMessages, readProbe } from './probe.js'
import type { Session } from './session.js'

/**
 * Asks the session's server connection what its names mean, and takes the answer in when its ReadyForQuery comes. To be
 * called with nothing outstanding; `after` is told whether there was an answer.
 */
export function startProbe(session: Session, after?: (answered: boolean) => void): void {
  let answer: string | undefined
  const expected = {
    injected: true,
    collect(type: number, buffer: Buffer, start: number, end: number) {
      if (type === Backend.DataRow) answer = decodeTextRow(buffer, start, end)[0] ?? undefined
      if (type !== Backend.ErrorResponse) return
      const sqlstate = decodeFields(buffer, start, end).get('C')
      session.context.log.warn({ session: session.id, sqlstate }, 'the search_path of a session could not be read')
    },
  }
  for (const kind of probeMessages.kinds) {
    if (kind !== 'sync') session.replies.send({ ...expected, kind })
  }
  session.replies.send({
    kind: 'sync',
    injected: true,
    onSettled(how) {
      if (how !== 'done') return
      // Without an answer the batch that waits goes on by what was known; the next one asks again.
      session.probeDue = answer === undefined && session.status === 'E'
      if (answer !== undefined) takeAnswer(session, answer)
      after?.(answer !== undefined)
    },
  })
  session.toServer.put(probeMessages.bytes)
  session.toServer.flush()
}

function takeAnswer(session: Session, raw: string): void {
  session.versionDue = false
  if (raw === session.lastProbe) return
  session.lastProbe = raw
  session.epochDue = true
  const answer = readProbe(raw)
  session.path = answer.path
  session.temporary = answer.temporary
  const wanted = answer.version === '' ? session.firstVersion : answer.version
  if (wanted === session.versionName) return
  if (versionIndex(session.epoch.active.generation, wanted) >= 0) session.versionName = wanted
  else
    session.context.log.warn({ session: session.id, version: wanted }, 'a session set hotswap.version to none there is')
}
