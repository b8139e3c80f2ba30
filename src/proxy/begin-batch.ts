import { versionIndex } from '../rewrite/generation.js'
import { decodeQuery } from '../wire/frontend.js'
import { Frontend } from '../wire/message-types.js'
import { openedBy, watchOpening } from './block-opening.js'
import type { ActiveGeneration } from './contracts.js'
import { endWithError } from './end-session.js'
import type { Epoch } from './epoch.js'
import { startProbe } from './probe-exchange.js'
import type { Retry, Session } from './session.js'
import { isPathless } from './statement-effects.js'
import { notServed, tellVersion } from './tell-version.js'

/**
 * Decides whether the client's next frame may begin a batch now; false where something has to come first: the end of what is
 * under way, a release of the gate, a probe. All that a batch is rewritten by is settled here and stays until its end.
 */
export function beginBatch(session: Session): boolean {
  if (session.kind !== 'app') return true
  const { options } = session.context
  const { idle } = session.replies
  if (options.gate.held) {
    if (!idle) return false
    if (session.status === 'I') {
      session.held = true
      return false
    }
  }
  session.held = false
  if (session.nextVersion !== undefined && session.status === 'I') {
    session.versionName = session.nextVersion
    session.firstVersion = session.nextVersion
    session.nextVersion = undefined
    session.epochDue = true
    tellVersion(session)
  }
  const active = options.generations.current()
  if (active !== session.epoch.active || session.epochDue) {
    if (!idle) return false
    if (!renewEpoch(session, active)) return false
  }
  if (session.probeDue && probeWanted(session)) {
    if (!idle) return false
    startProbe(session)
    return false
  }
  if (idle && session.status === 'I') session.busySince = Date.now()
  // Also where nothing is rewritten: a rule that waits for its migration has the client's version for its head.
  session.retry = options.generations.refresh !== undefined && !session.retried ? retryOf(session) : undefined
  watchOpening(session)
  session.retried = false
  return true
}

/** A batch is kept where nothing came before it: no batch that is not answered yet, and of its transaction no more than BEGIN. */
function retryOf(session: Session): Retry | undefined {
  if (!session.replies.idle) return undefined
  const begin = openedBy(session)
  if (session.status !== 'I' && begin === undefined) return undefined
  return { parts: [], bytes: 0, begin, stage: 'watching', failure: undefined, attempts: 0 }
}

/** Nothing is injected in a failed transaction, nor where the answer would not matter. */
function probeWanted(session: Session): boolean {
  if (session.status === 'E') return false
  if (session.epoch.bare && !session.versionDue && !pathWanted(session)) return false
  // SET TRANSACTION has to come before any query of its transaction: such a text goes first, since no path matters to it.
  return session.status === 'I' || !(nextText(session) !== undefined && isPathless(nextText(session) ?? ''))
}

/**
 * Statements are recorded with their search_path also where nothing is rewritten yet; servers before 18 do not report it. Not
 * within a transaction: its first snapshot is the client's business as long as nothing else hangs on it.
 */
function pathWanted({ context, reportsPath, status }: Session): boolean {
  return context.options.recorded !== undefined && !reportsPath && status === 'I'
}

function nextText(session: Session): string | undefined {
  const { type, buffer, start, end } = session.fromClient
  return type === Frontend.Query ? decodeQuery(buffer, start, end) : undefined
}

/** Puts what changed into a new epoch; false where the session's version is no longer served. */
function renewEpoch(session: Session, active: ActiveGeneration): boolean {
  const version = versionIndex(active.generation, session.versionName)
  if (version < 0) {
    endWithError(session, notServed(session, session.versionName))
    return false
  }
  // A switch may have made or dropped schemas on the path.
  if (active !== session.epoch.active) session.probeDue = true
  session.epoch = makeEpoch(session, active, version)
  session.epochDue = false
  return true
}

export function makeEpoch(
  ingredients: Pick<Session, 'kind' | 'path' | 'temporary' | 'standardConformingStrings' | 'clientEncoding'>,
  active: ActiveGeneration,
  version: number,
): Epoch {
  const bare = ingredients.kind !== 'app' || active.rewriter.speaksHead(version)
  return {
    active,
    version,
    bare,
    oids: bare ? undefined : active.rewriter.typeOids?.(version),
    path: ingredients.path,
    temporary: ingredients.temporary,
    standardConformingStrings: ingredients.standardConformingStrings,
    clientEncoding: ingredients.clientEncoding,
  }
}
