import { Buffer } from 'node:buffer'
import { rewriteUnder } from './epoch.js'
import type { PreparedStatement } from './prepared-statements.js'
import type { Session } from './session.js'
import { standingReplies } from './standing-replies.js'
import type { Effects } from './statement-effects.js'

/** Takes note of what a text that is about to run may change; it is looked at before the next batch. */
export function noteEffects(session: Session, effects: Effects): void {
  const names =
    effects.names ||
    effects.mentionsVersion ||
    (effects.definition && session.temporary.length > 0) ||
    (effects.executes.length > 0 && session.preparedTaint)
  // RESET ALL, DISCARD ALL and the like may take back a version that was set.
  const version = effects.mentionsVersion || (names && session.versionName !== session.firstVersion)
  if (names) session.tainted = true
  if (effects.discardsAll) session.reset = true
  if (version) session.versionTainted = true
  if (names || (effects.rollback && session.tainted)) session.probeDue = true
  if (version || (effects.rollback && session.versionTainted)) session.versionDue = true
  if (effects.prepares.length > 0 && effects.names) session.preparedTaint = true
}

/** Statements that a text drops, undefined for all of them. */
export function drops(effects: Effects | undefined): readonly (string | undefined)[] {
  if (effects === undefined) return []
  return effects.discardsAll ? [undefined] : effects.deallocates
}

/**
 * What the command tags of a text tell about prepared statements: each PREPARE, DEALLOCATE and DISCARD ALL counts from the
 * moment it ran, even if a later statement of the same Query fails. Undefined where the text has none of them.
 */
export function tagReader(session: Session, effects: Effects): ((tag: string) => void) | undefined {
  if (effects.deallocates.length === 0 && effects.prepares.length === 0 && !effects.discardsAll) return undefined
  const { statements } = session
  let deallocated = 0
  let prepared = 0
  return (tag) => {
    switch (tag) {
      case 'DEALLOCATE': {
        const name = effects.deallocates[deallocated++]
        if (name !== undefined) statements.forget(name)
        break
      }
      case 'DEALLOCATE ALL':
        deallocated++
        statements.clear()
        break
      case 'DISCARD ALL': {
        const tool = session.tool ?? session.pausedTool
        statements.clear()
        session.knowsLedger = false
        if (tool?.recognized === true) tool.reset = true
        break
      }
      case 'PREPARE': {
        const made = effects.prepares[prepared++]
        if (made !== undefined) statements.set(preparedBySql(session, made.name, made.text))
      }
    }
  }
}

function preparedBySql(session: Session, name: string, text: string): PreparedStatement {
  const { epoch } = session
  const outcome = rewriteUnder(epoch, text)
  const statement = {
    name,
    madeBy: 'prepare' as const,
    text,
    types: Buffer.alloc(2),
    effects: undefined,
    epoch,
    outcome,
    sent: outcome.kind === 'unchanged' ? text : outcome.text,
    lost: false,
  }
  return Object.assign(statement, { replies: standingReplies(statement) })
}
