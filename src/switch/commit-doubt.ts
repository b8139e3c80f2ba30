import type { TextQuery } from '../catalog/introspect.js'
import { pause } from './pause.js'

/**
 * Whether a transaction took place whose COMMIT was not answered: asked until the server says that it has ended.
 * Undefined where it does not say so within ten seconds: traffic is held meanwhile, since either answer may be true.
 */
export async function isCommitted(control: TextQuery, transaction: string): Promise<boolean | undefined> {
  const deadline = AbortSignal.timeout(10_000)
  while (!deadline.aborted) {
    const status = await control(`SELECT pg_catalog.pg_xact_status('${transaction}'::pg_catalog.xid8)`).then(
      (rows) => rows[0]?.[0],
      // The database may be starting again.
      () => undefined,
    )
    if (status === 'committed') return true
    if (status === 'aborted') return false
    await pause(100, deadline)
  }
  return undefined
}
