import type { TextQuery } from '../../catalog/introspect.js'
import { fromByteString } from '../../sql/byte-string.js'

/**
 * SQL that has a statement planned without running it, and without looking at its parameters: what PREPARE alone does not
 * find, a missing arbiter index or grant, the planner and the start of the executor do. To be run under
 * plan_cache_mode = force_generic_plan.
 */
export function planSql(name: string, text: string, types: string, parameters: number): string {
  const values = parameters === 0 ? '' : `(${Array.from({ length: parameters }, () => 'NULL').join(', ')})`
  return `PREPARE ${name}${types} AS ${fromByteString(text) ?? text}; EXPLAIN (COSTS OFF) EXECUTE ${name}${values}`
}

/** The list of types after PREPARE's name, as a Parse declares them: `(pg_catalog.int4, unknown)`; '' where it declares none. */
export async function typeList(query: TextQuery, oids: readonly number[]): Promise<string> {
  if (oids.every((oid) => oid === 0)) return ''
  const names = await readTypeNames(query, oids)
  return `(${oids.map((oid) => names.get(oid) ?? 'pg_catalog.unknown').join(', ')})`
}

async function readTypeNames(query: TextQuery, oids: readonly number[]): Promise<ReadonlyMap<number, string>> {
  const rows = await query(`SELECT t.oid::int8, pg_catalog.concat(
      pg_catalog.quote_ident(n.nspname), '.', pg_catalog.quote_ident(t.typname))
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE t.oid IN (${[...new Set(oids)].join(', ')})`)
  return new Map(rows.map(([oid, name]) => [Number(oid), name ?? '']))
}
