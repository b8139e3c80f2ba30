import type { TextQuery } from '../catalog/introspect.js'

/**
 * The backends outside `draining` for whose locks one of `draining` has waited for longer than `ms`: PostgreSQL sees no
 * deadlock where such a one is held by us, or is the migration itself (decision 17).
 */
export async function findStuck(control: TextQuery, draining: readonly number[], ms = 30): Promise<readonly number[]> {
  if (draining.length === 0) return []
  const rows = await control(
    `SELECT DISTINCT b.pid FROM pg_catalog.pg_locks l
     CROSS JOIN LATERAL pg_catalog.unnest(pg_catalog.pg_blocking_pids(l.pid)) AS b(pid)
     WHERE NOT l.granted AND l.pid IN (${draining.join(', ')}) AND b.pid <> ALL (ARRAY[${draining.join(', ')}])
       AND l.waitstart < pg_catalog.clock_timestamp() - interval '${ms} milliseconds'`,
  )
  return rows.map(([pid]) => Number(pid))
}
