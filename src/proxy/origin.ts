import type { ErrorFields, Outcome } from '../rewrite/outcome.js'
import { refusalFields } from './client-error.js'
import type { Epoch } from './epoch.js'

/** By what rewriting the SQL of a message came about: what is needed to put an error about it in the client's words. */
export interface Origin {
  readonly epoch: Epoch
  readonly outcome: Outcome
}

/**
 * An error of the server as the client's version knows it. A refused statement fails on its marker, and only an error that
 * names the marker becomes the refusal: in a failed transaction, say, the server's own error (25P02) is the truth.
 */
export function errorForClient(fields: ErrorFields, origin: Origin): ErrorFields {
  const { outcome, epoch } = origin
  if (outcome.kind === 'refused' && fields.get('M')?.includes(outcome.marker)) return refusalFields(outcome.refusal)
  if (epoch.bare) return fields
  return epoch.active.rewriter.mapError(fields, epoch.version, outcome)
}
