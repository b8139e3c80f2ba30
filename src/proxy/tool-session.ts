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
  /** The version that it spoke when it began. */
  readonly began: string
  /** The newest version when its work began. */
  found: string
  /** What it speaks as an app's session: the version that its last work led to, or that it spoke before. */
  spoke: string
  /** Functions that its statements made, without their schemas: what a query that calls one does is not to be seen. */
  readonly made: Set<string>
  /** DISCARD ALL has run: a pooler gives the session to somebody else. */
  reset: boolean
  /** Traffic is held for a query that was bound since. */
  heldForQuery: boolean
  /** The transaction block was begun by us, around statements that the tool sent without one. */
  wrapped: boolean
  /** A statement of the batch was answered by an error that the server knows nothing of: what follows is dropped, up to the Sync. */
  skipping: boolean
}

/**
 * Makes an app's session one of a migration tool, as long as its work goes on (decision 18): it speaks head, no hold waits for
 * it, and its DDL is a switch. To be called between two messages of the client.
 */
export function becomeTool(session: Session): ToolState {
  const began = session.firstVersion
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
  if (session.pausedTool === undefined) return openTool(session, began)
  session.tool = session.pausedTool
  session.pausedTool = undefined
  session.tool.found = newestVersion(session)
  return session.tool
}

/** True where a session that was taken for a tool's is at the end of its work: what comes next may be the app's. */
export function mayPause({ tool, replies, status }: Session): boolean {
  if (tool?.recognized !== true || tool.skipping || tool.wrapped || tool.migration.switching) return false
  return status === 'I' && replies.idle && !replies.open
}

/**
 * Makes a tool's session an app's until it works on migrations again: an app that migrates when it starts goes on with the
 * same connections. It speaks the version that it has migrated to; where it found nothing to do, what it spoke before, as the
 * app's other connections do. To be called with nothing under way.
 */
export function pauseTool(session: Session): void {
  const { tool } = session
  if (tool === undefined) return
  session.pausedTool = tool
  session.tool = undefined
  session.firstVersion = tool.spoke
  becomeApp(session)
}

/** To be called when the server is ready after what the tool itself sent. */
export function noteReady(session: Session): void {
  const { tool, status } = session
  // The transaction has failed at once: there is nothing in it that is worth waiting for.
  if (tool?.heldForQuery === true && status === 'E') tool.migration.abandon()
  if (tool !== undefined) tool.heldForQuery = false
  noteWorkEnded(session)
}

/** The tool's work has ended where its last transaction has. */
export function noteWorkEnded({ tool, status, context }: Session): void {
  if (tool === undefined || status !== 'I') return
  const newest = newestVersion({ context })
  if (newest !== tool.found) tool.spoke = newest
  tool.found = newest
}

function newestVersion({ context }: Pick<Session, 'context'>): string {
  const { generation } = context.options.generations.current()
  return generation.versions[headIndex(generation)]?.name ?? ''
}

/** Makes a session that was taken for a tool's an app's again, as it began. To be called with nothing under way. */
export function leaveTool(session: Session): void {
  const began = (session.tool ?? session.pausedTool)?.began
  session.onLost?.()
  session.onLost = undefined
  session.pausedTool = undefined
  session.tool = undefined
  session.firstVersion = began ?? session.firstVersion
  becomeApp(session)
}

function becomeApp(session: Session): void {
  session.kind = 'app'
  session.versionName = session.firstVersion
  session.epochDue = true
  session.probeDue = true
  if (session.seat === undefined) session.takeSeat()
  tellVersion(session)
}

/** Opens the tool's side of a session that is one from the start. */
export function openTool(session: Session, began?: string): ToolState {
  const { options, tools } = session.context
  if (options.tools === undefined) throw new Error('this proxy takes no migration tools')
  const lost = new AbortController()
  const migration = options.tools.open(migratorSession(session), lost.signal)
  const recognized = began !== undefined
  const found = newestVersion(session)
  session.tool = {
    migration,
    recognized,
    began: began ?? found,
    found,
    spoke: began ?? found,
    made: new Set(),
    reset: false,
    heldForQuery: false,
    wrapped: false,
    skipping: false,
  }
  tools.add(session)
  session.onLost = () => {
    tools.delete(session)
    lost.abort()
    migration.abandon()
  }
  return session.tool
}
