import type { Catalog } from '../catalog/catalog.js'
import { isSystemSchema } from '../catalog/diff.js'
import type { TextQuery } from '../catalog/introspect.js'
import { quoteIdentifier } from '../sql/identifier.js'

/**
 * ANALYZE for the columns whose type a migration changed: ALTER TYPE drops their statistics, and plans go bad without them.
 *
 *     ANALYZE public.users (zip)
 */
export function statisticsToRefresh(before: Catalog, after: Catalog): readonly string[] {
  return after.relations.flatMap((relation) => {
    const old = before.byOid.get(relation.oid)
    if (old === undefined || isSystemSchema(relation.schema)) return []
    if (relation.kind !== 'table' && relation.kind !== 'partitioned' && relation.kind !== 'materialized') return []
    const retyped = relation.columns.filter(({ attnum, typeOid }) => {
      const column = old.columns.find((one) => one.attnum === attnum)
      return column !== undefined && column.typeOid !== typeOid
    })
    if (retyped.length === 0) return []
    const table = `${quoteIdentifier(relation.schema)}.${quoteIdentifier(relation.name)}`
    return [`ANALYZE ${table} (${retyped.map(({ name }) => quoteIdentifier(name)).join(', ')})`]
  })
}

const LOCK_MS = 500

/** Runs them one after the other; rejects with the error of the first that fails. */
export async function refreshStatistics(control: TextQuery, before: Catalog, after: Catalog): Promise<void> {
  // VACUUM has such a lock for long; what else is asked of the control connection must not wait for it.
  for (const sql of statisticsToRefresh(before, after)) await control(`SET LOCAL lock_timeout = ${LOCK_MS}; ${sql}`)
}
