import { toByteString } from '../sql/byte-string.js'
import {
  encodeCommandComplete,
  encodeErrorResponse,
  encodeNoticeResponse,
  encodeReadyForQuery,
} from '../wire/backend.js'
import { decodeQuery } from '../wire/frontend.js'
import { errorFields } from './client-error.js'
import type { HookReply, MigratorSession } from './contracts.js'
import { askBackend, describeStatements, runInternalQuery } from './internal-query.js'
import { pidOf, type Session } from './session.js'
import { isSibling } from './sibling.js'

/** Gives a Query of a migrator or control session to its hook; false while earlier messages are not answered. */
export function takeHookQuery(session: Session): boolean {
  if (!session.replies.idle) return false
  const { buffer, start, end } = session.fromClient
  const bytes = decodeQuery(buffer, start, end) ?? ''
  // Both commands are ours and speak UTF-8; so do the drivers that do by default.
  const text = Buffer.from(bytes, 'latin1').toString('utf8')
  session.hooking = true
  session.busySince = Date.now()
  session.lastText = bytes
  const lost = new AbortController()
  session.onLost = () => lost.abort()
  runHook(session, text, lost.signal)
    .catch((error: unknown): HookReply => {
      session.context.log.warn({ session: session.id, error: String(error) }, 'a hook failed')
      return { ok: false, error: errorFields({ sqlstate: 'XX000', message: `internal error: ${String(error)}` }) }
    })
    .then((reply) => answer(session, reply))
  return true
}

function runHook(session: Session, text: string, signal: AbortSignal): Promise<HookReply> {
  const { migrator, control } = session.context.options
  if (session.kind === 'migrator' && migrator !== undefined) {
    return migrator.run(migratorSession(session), text, session.migration, signal)
  }
  if (session.kind === 'control' && control !== undefined) return control.run(text)
  throw new Error(`a ${session.kind} session has no hook`)
}

function answer(session: Session, reply: HookReply): void {
  session.hooking = false
  session.onLost = undefined
  if (session.phase === 'ended') return
  const { toClient } = session
  if (reply.ok) {
    for (const text of reply.notices) toClient.put(notice(text))
    toClient.put(encodeCommandComplete(toByteString(reply.tag)))
  } else {
    toClient.put(encodeErrorResponse(reply.error))
  }
  toClient.put(encodeReadyForQuery(session.status))
  session.readClient()
}

/** The session as its hook sees it. */
export function migratorSession(session: Session): MigratorSession {
  return {
    user: session.identity.user,
    database: session.identity.database,
    applicationName: session.applicationName,
    get recordedBeside() {
      const open = [...session.context.tools].filter((tool) => tool.status === 'T' && isSibling(session, tool))
      return open.map(({ tool }) => tool?.migration.recorded).findLast((name) => name !== undefined)
    },
    // A tool's session is one before the server has told its backend.
    get pid() {
      return pidOf(session)
    },
    allowBreaking: session.allowBreaking,
    query: (sql) => runInternalQuery(session, sql),
    async learnPid() {
      if (session.backend !== undefined) return
      session.backend = await askBackend(session)
      if (session.backend !== undefined) await session.context.options.admission?.taken(session.backend)
    },
    describe: (statements) => describeStatements(session, statements),
    notice(text) {
      if (session.phase === 'ended') return
      session.toClient.put(notice(text))
      session.toClient.flush()
    },
  }
}

function notice(text: string): Buffer {
  const fields = new Map([
    ['S', 'NOTICE'],
    ['V', 'NOTICE'],
    ['C', '00000'],
    ['M', toByteString(text)],
  ])
  return encodeNoticeResponse(fields)
}
