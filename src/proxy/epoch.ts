import type { Buffer } from 'node:buffer'
import type { Relation } from '../catalog/catalog.js'
import type { Outcome } from '../rewrite/outcome.js'
import type { TypeOids } from '../rewrite/type-oids.js'
import type { ActiveGeneration } from './contracts.js'

/**
 * All that decides, besides its text, what a statement of a session becomes. Immutable: a session gets another one when
 * any of it changes, so two statements were rewritten under the same conditions where their epochs are the same object.
 */
export interface Epoch {
  readonly active: ActiveGeneration
  /** Index of the client's version in the generation. */
  readonly version: number
  /** The client speaks head: nothing is rewritten. */
  readonly bare: boolean
  /** The data types that the client knows by other oids than the server. */
  readonly oids: TypeOids | undefined
  readonly path: readonly string[]
  readonly temporary: readonly Relation[]
  readonly standardConformingStrings: boolean
  readonly clientEncoding: string
}

export const UNCHANGED: Outcome = Object.freeze({ kind: 'unchanged' })

/** `types`: the end of a Parse, its count of parameter types and their oids. */
export function rewriteUnder(epoch: Epoch, text: string, types?: Buffer): Outcome {
  if (epoch.bare) return UNCHANGED
  return epoch.active.rewriter.rewrite({
    text,
    version: epoch.version,
    path: epoch.path,
    temporary: epoch.temporary,
    standardConformingStrings: epoch.standardConformingStrings,
    clientEncoding: epoch.clientEncoding,
    declaredTypes: types === undefined || types.length <= 2 ? undefined : declaredTypes(types),
  })
}

function declaredTypes(types: Buffer): string {
  const oids: number[] = []
  for (let at = 2; at + 4 <= types.length; at += 4) oids.push(types.readUInt32BE(at))
  return oids.join()
}
