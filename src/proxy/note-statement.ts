import { Buffer } from 'node:buffer'
import type { Outcome } from '../rewrite/outcome.js'
import type { Session } from './session.js'

/** Takes note of a statement that a client sent: to count it, and to show it. */
export function noteText(session: Session, text: string, types?: Buffer): void {
  session.context.counters.statements++
  if (session.kind === 'app') session.context.options.recorded?.(session, text, types)
  // The beginning is enough to show; a part of a long string would keep the whole alive.
  session.lastText = text.length <= 4096 ? text : Buffer.from(text.slice(0, 1024), 'latin1').toString('latin1')
}

/** Counts what became of a statement. */
export function noteOutcome(session: Session, outcome: Outcome): void {
  const { counters } = session.context
  if (outcome.kind !== 'unchanged') counters[outcome.kind]++
  if (outcome.kind === 'refused') return
  if (outcome.readsCatalog === true) counters.catalogReads++
  if (outcome.speaks !== undefined) counters.newer++
}
