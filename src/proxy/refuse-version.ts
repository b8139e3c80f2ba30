import { randomBytes } from 'node:crypto'
import type { Outcome } from '../rewrite/outcome.js'
import type { Session } from './session.js'
import type { Effects } from './statement-effects.js'

/** The refusal of a `SET hotswap.version` to a version that the session may not speak; undefined for any other text. */
export function refusedVersion(session: Session, effects: Effects | undefined): Outcome | undefined {
  if (effects?.version === undefined || session.kind !== 'app') return undefined
  const choice = session.context.options.chooseVersion({ ...session.identity, requestedVersion: effects.version })
  if (!('error' in choice)) return undefined
  const marker = `hotswap_${randomBytes(12).toString('hex')}`
  return {
    kind: 'refused',
    text: `SELECT ${marker}`,
    marker,
    refusal: choice.error,
    oldPosition: (position) => position,
  }
}
