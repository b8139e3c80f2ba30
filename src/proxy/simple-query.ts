import { serialize } from 'pg-protocol'
import { decodeQuery, encodeQuery } from '../wire/frontend.js'
import { drops, noteEffects, tagReader } from './apply-effects.js'
import { noteRun } from './block-opening.js'
import { rewriteUnder } from './epoch.js'
import { forward, replace } from './forward.js'
import { noteOutcome, noteText } from './note-statement.js'
import { bringUpToDate } from './prepare-again.js'
import type { PreparedStatement } from './prepared-statements.js'
import { becameTool, recognizeTool } from './recognize-tool.js'
import { refusedVersion } from './refuse-version.js'
import type { Session } from './session.js'
import { plain } from './standing-replies.js'

/** Sends a Query on, rewritten; false where it makes the session a migration tool's, which takes it in another way. */
export function takeQuery(session: Session): boolean {
  const { replies, statements, epoch, context } = session
  const { buffer, start, end } = session.fromClient
  const text = decodeQuery(buffer, start, end)
  if (text === undefined) {
    replies.send(plain.query)
    return forward(session)
  }
  noteText(session, text)
  noteRun(session, text)
  const effects = context.readEffects(text, session.standardConformingStrings)
  const unnamed = statements.get('')
  if (epoch.bare && effects === undefined && unnamed === undefined) {
    replies.send(plain.query)
    return forward(session)
  }
  const notMigrator = recognizeTool(session, effects, text)
  if (becameTool(session)) return false
  let outcome = notMigrator ?? refusedVersion(session, effects) ?? rewriteUnder(epoch, text)
  let onTag: ((tag: string) => void) | undefined
  if (effects !== undefined) {
    noteEffects(session, effects)
    onTag = tagReader(session, effects)
    for (const name of effects.executes) {
      const executed = statements.get(name)
      if (executed === undefined) continue
      updateForQuery(session, executed)
      if (executed.outcome.kind === 'refused' && outcome.kind === 'unchanged') outcome = executed.outcome
    }
  }
  const dropped = drops(effects)
  const dropsEnd = dropped.length === 0 ? undefined : statements.expectDrop(dropped)
  replies.send({
    kind: 'query',
    injected: false,
    origin: { epoch, outcome },
    ...(onTag === undefined ? {} : { onTag }),
    onSettled(how) {
      dropsEnd?.()
      // exec_simple_query drops the unnamed statement.
      if (how === 'done') statements.forget('')
    },
  })
  noteOutcome(session, outcome)
  return outcome.kind === 'unchanged' ? forward(session) : replace(session, encodeQuery(outcome.text))
}

/** Prepares again what an EXECUTE in a Query uses, in a batch of its own. */
function updateForQuery(session: Session, statement: PreparedStatement): void {
  const { replies, toServer } = session
  const { open } = replies
  bringUpToDate(session, statement, false)
  if (open || !replies.open) return
  replies.send({ kind: 'sync', injected: true })
  toServer.put(serialize.sync())
}
