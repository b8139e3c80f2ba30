import type { TextQuery } from './introspect.js'

/**
 * A short text that changes when the catalog of user schemas does: cheap enough to be asked every second. Names and kinds
 * of pg_class are hashed, not its xmin, which TRUNCATE and REFRESH change too; the other catalogs change by DDL alone. Of
 * what the proxy keeps in schema hotswap only the types count.
 */
export const fingerprintSql = `
WITH own AS MATERIALIZED (
  SELECT COALESCE(pg_catalog.max(n.oid::int8), 0)::oid AS oid FROM pg_catalog.pg_namespace n WHERE n.nspname = 'hotswap'
), rel AS MATERIALIZED (
  SELECT c.oid, c.relname, c.relnamespace, c.relkind, c.relrowsecurity, c.relforcerowsecurity
  FROM pg_catalog.pg_class c JOIN own ON c.relnamespace <> own.oid
  WHERE c.oid >= 16384 AND c.relpersistence <> 't' AND c.relnamespace <> 99
)
SELECT pg_catalog.concat_ws('/',
  (SELECT pg_catalog.sum(pg_catalog.hashtext(pg_catalog.concat(n.oid, n.nspname)))
   FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'hotswap'),
  (SELECT pg_catalog.sum(pg_catalog.hashtext(pg_catalog.concat_ws(',', r.oid, r.relnamespace, r.relkind, r.relrowsecurity,
     r.relforcerowsecurity, r.relname)))
   FROM rel r),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ',', pg_catalog.sum(a.xmin::text::int8))
   FROM pg_catalog.pg_attribute a WHERE a.attnum > 0 AND a.attrelid IN (SELECT r.oid FROM rel r)),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ',', pg_catalog.sum(d.xmin::text::int8))
   FROM pg_catalog.pg_attrdef d WHERE d.adrelid IN (SELECT r.oid FROM rel r)),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ',', pg_catalog.sum(k.xmin::text::int8))
   FROM pg_catalog.pg_constraint k JOIN own ON k.connamespace <> own.oid WHERE k.oid >= 16384),
  (SELECT pg_catalog.sum(pg_catalog.hashtext(pg_catalog.concat_ws(',', i.indexrelid, i.indrelid, i.indisunique, i.indisvalid)))
   FROM pg_catalog.pg_index i WHERE i.indrelid IN (SELECT r.oid FROM rel r)),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ',', pg_catalog.sum(y.xmin::text::int8)) FROM pg_catalog.pg_policy y),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ',', pg_catalog.sum(p.xmin::text::int8))
   FROM pg_catalog.pg_proc p JOIN own ON p.pronamespace <> own.oid WHERE p.oid >= 16384),
  (SELECT pg_catalog.sum(pg_catalog.hashtext(pg_catalog.concat_ws(',', t.oid, t.typnamespace, t.typname)))
   FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace AND n.nspname !~ '^pg_'
   WHERE t.oid >= 16384 AND t.typtype IN ('e', 'd', 'r')),
  (SELECT pg_catalog.sum(pg_catalog.hashtext(pg_catalog.concat_ws(',', l.oid, l.enumtypid, l.enumlabel)))
   FROM pg_catalog.pg_enum l)
)
`

/** Reads the fingerprint as the transaction of `query` sees it; it stays the same when that transaction commits. */
export async function readFingerprint(query: TextQuery): Promise<string> {
  const rows = await query(fingerprintSql)
  return rows[0]?.[0] ?? ''
}
