import { versionIndex } from '../rewrite/generation.js'
import { decodeFields, decodeTextRow } from '../wire/backend.js'
import { Backend } from '../wire/message-types.js'
import { endWithError } from './end-session.js'
import { probeMessages, readProbe } from './probe.js'
import type { Session } from './session.js'
import { notServed, tellVersion } from './tell-version.js'

/** A cancel request meant for the client's statement can hit the probe instead, but not again and again. */
const ATTEMPTS = 3

/**
 * Asks the session's server connection what its names mean, and takes the answer in when its ReadyForQuery comes. To be
 * called with nothing outstanding. A session of which it cannot be known ends: its statements could mean anything.
 */
export function startProbe(session: Session, after?: () => void, attempt = 1): void {
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
      if (answer === undefined) {
        askAgain(session, after, attempt)
        return
      }
      session.probeDue = false
      if (takeAnswer(session, answer)) after?.()
    },
  })
  session.toServer.put(probeMessages.bytes)
  session.toServer.flush()
}

function askAgain(session: Session, after: (() => void) | undefined, attempt: number): void {
  // The transaction has failed with the probe: the client's next statement is told so, and after it there is another probe.
  if (session.status === 'E') return
  if (attempt < ATTEMPTS) {
    startProbe(session, after, attempt + 1)
    return
  }
  if (session.epoch.bare && !session.versionDue) {
    // It was asked for the record alone.
    session.probeDue = false
    after?.()
    return
  }
  endWithError(session, {
    sqlstate: '58000',
    message: "the session's search_path could not be read",
    hint: 'Connect again; the log of the proxy holds the reason.',
  })
}

/** False where the session ends: it says that it speaks what nobody may. */
function takeAnswer(session: Session, raw: string): boolean {
  session.versionDue = false
  if (raw === session.lastProbe) return true
  session.lastProbe = raw
  session.epochDue = true
  const answer = readProbe(raw)
  session.path = answer.path
  // Servers before 18 do not report it.
  session.searchPath = answer.searchPath
  session.role = answer.role
  session.temporary = answer.temporary
  const wanted = answer.version === '' ? session.firstVersion : answer.version
  if (wanted === session.versionName) return true
  if (versionIndex(session.epoch.active.generation, wanted) < 0) {
    endWithError(session, notServed(session, wanted))
    return false
  }
  session.versionName = wanted
  tellVersion(session)
  return true
}
