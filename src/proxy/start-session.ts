import { encodeReadyForQuery } from '../wire/backend.js'
import type { Admission, ClientError } from './contracts.js'
import { endWithError } from './end-session.js'
import { askBackend } from './internal-query.js'
import { startProbe } from './probe-exchange.js'
import type { Session } from './session.js'

/**
 * The server is ready: an app is told so once it is admitted, and, where it does not speak head, once it is known what its
 * names mean. Says what becomes of the server's ReadyForQuery.
 */
export function startSession(session: Session): 'pass' | 'drop' {
  const { admission } = session.context.options
  if (admission !== undefined && session.kind === 'app') {
    admit(session, admission).catch((error: unknown) => {
      session.context.log.warn({ session: session.id, error: String(error) }, 'a session could not be admitted')
      endWithError(session, notAdmitted)
    })
    return 'drop'
  }
  if (session.epoch.bare) {
    serve(session)
    return 'pass'
  }
  probe(session)
  return 'drop'
}

function serve(session: Session): void {
  session.phase = 'serving'
  session.onServing?.()
  session.wake = true
  session.stopped = true
}

function probe(session: Session): void {
  startProbe(session, () => {
    session.toClient.put(encodeReadyForQuery(session.status))
    serve(session)
  })
}

async function admit(session: Session, admission: Admission): Promise<void> {
  const { key, versionName: version } = session
  const admitted = await admission.admit({ pid: key?.pid, version, ask: () => certainBackend(session) })
  if (hasEnded(session)) {
    if (admitted.ok) admitted.left('idle')
    return
  }
  if (!admitted.ok) {
    endWithError(session, admitted.error)
    return
  }
  session.left = admitted.left
  session.backend = admitted.pid
  if (session.epoch.bare) {
    session.toClient.put(encodeReadyForQuery(session.status))
    serve(session)
  } else probe(session)
  session.readClient()
}

function hasEnded({ phase }: Session): boolean {
  return phase === 'ended'
}

async function certainBackend(session: Session): Promise<number> {
  const pid = await askBackend(session)
  if (pid === undefined) throw new Error('the session does not say which backend it has')
  return pid
}

const notAdmitted: ClientError = {
  sqlstate: '58000',
  message: 'pg-hotswap could not register this session',
  hint: 'Connect again; the log of the proxy holds the reason.',
}
