import { headIndex } from '../rewrite/generation.js'
import { makeEpoch } from './begin-batch.js'
import type { ToolMigration } from './contracts.js'
import { migratorSession } from './hook-query.js'
import type { Session } from './session.js'
import { tellVersion } from './tell-version.js'

/** What a session that runs migrations has besides. */
export interface ToolState {
  readonly migration: ToolMigration
  /** It began as an app's session. */
  readonly recognized: boolean
  /** DISCARD ALL has run: a pooler gives the session to somebody else. */
  reset: boolean
  /** The transaction block was begun by us, around statements that the tool sent without one. */
  wrapped: boolean
  /** A statement of the batch was answered by an error that the server knows nothing of: what follows is dropped, up to the Sync. */
  skipping: boolean
}

/**
 * Makes an app's session one of a migration tool, up to its end or DISCARD ALL (decision 18): it speaks head, no hold waits for
 * it, and its DDL is a switch. To be called between two messages of the client.
 */
export function becomeTool(session: Session): ToolState {
  const { options } = session.context
  const active = options.generations.current()
  const head = headIndex(active.generation)
  session.kind = 'tool'
  session.held = false
  session.retry = undefined
  session.versionName = active.generation.versions[head]?.name ?? ''
  session.epoch = makeEpoch(session, active, head)
  session.seat?.leave()
  session.seat = undefined
  return openTool(session, true)
}

/** Makes a session that was taken for a tool's an app's again, as it began. To be called with nothing under way. */
export function leaveTool(session: Session): void {
  session.onLost?.()
  session.onLost = undefined
  session.tool = undefined
  session.kind = 'app'
  session.versionName = session.firstVersion
  session.epochDue = true
  session.probeDue = true
  session.takeSeat()
  tellVersion(session)
}

/** Opens the tool's side of a session that is one from the start. */
export function openTool(session: Session, recognized = false): ToolState {
  const { options, tools } = session.context
  if (options.tools === undefined) throw new Error('this proxy takes no migration tools')
  const lost = new AbortController()
  const migration = options.tools.open(migratorSession(session), lost.signal)
  session.tool = { migration, recognized, reset: false, wrapped: false, skipping: false }
  tools.add(session)
  session.onLost = () => {
    tools.delete(session)
    lost.abort()
    migration.abandon()
  }
  return session.tool
}
