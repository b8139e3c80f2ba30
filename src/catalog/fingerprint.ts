import type { TextQuery } from './introspect.js'

/*
 * What tells that a catalog has changed without reading it. Names and kinds of pg_class are hashed, not its xmin, which
 * TRUNCATE and REFRESH change too; of the other catalogs, which change by DDL alone, rows are counted and their xmin added up.
 * Relations are those of user schemas, their indexes among them, without temporary ones. Of what the proxy keeps in schema
 * hotswap only the types count.
 */
function relationParts(rows: (alias: string) => string): string {
  return `own AS MATERIALIZED (
  SELECT COALESCE(pg_catalog.max(n.oid::int8), 0)::oid AS oid FROM pg_catalog.pg_namespace n WHERE n.nspname = 'hotswap'
), rel AS MATERIALIZED (
  SELECT c.oid, pg_catalog.hashtext(pg_catalog.concat_ws(',', c.oid, c.relnamespace, c.relkind, c.relrowsecurity,
    c.relforcerowsecurity, c.relname)) AS hash
  FROM pg_catalog.pg_class c JOIN own ON c.relnamespace <> own.oid
  WHERE c.oid >= 16384 AND c.relpersistence <> 't' AND c.relnamespace <> 99
), att AS MATERIALIZED (
  SELECT a.attrelid AS oid, ${rows('a')}
  FROM pg_catalog.pg_attribute a WHERE a.attnum > 0 AND a.attrelid >= 16384 AND a.attrelid IN (SELECT r.oid FROM rel r)
  GROUP BY a.attrelid
), def AS MATERIALIZED (
  SELECT d.adrelid AS oid, ${rows('d')}
  FROM pg_catalog.pg_attrdef d WHERE d.adrelid IN (SELECT r.oid FROM rel r)
  GROUP BY d.adrelid
), con AS MATERIALIZED (
  SELECT k.conrelid AS oid, ${rows('k')}
  FROM pg_catalog.pg_constraint k JOIN own ON k.connamespace <> own.oid WHERE k.oid >= 16384
  GROUP BY k.conrelid
), idx AS MATERIALIZED (
  SELECT i.indexrelid, i.indrelid AS oid,
    pg_catalog.hashtext(pg_catalog.concat_ws(',', i.indexrelid, i.indrelid, i.indisunique, i.indisvalid)) AS hash
  FROM pg_catalog.pg_index i WHERE i.indrelid IN (SELECT r.oid FROM rel r)
), pol AS MATERIALIZED (
  SELECT y.polrelid AS oid, ${rows('y')} FROM pg_catalog.pg_policy y GROUP BY y.polrelid
)`
}

/** How many rows there are, and by which transactions. */
function countOf(alias: string): string {
  return `pg_catalog.count(*) AS n, pg_catalog.sum(${alias}.xmin::text::int8) AS x`
}

/** The same, and where they stand. */
function rowsOf(alias: string): string {
  return `${countOf(alias)}, pg_catalog.sum(pg_catalog.hashtidextended(${alias}.ctid, ${alias}.xmin::text::int8)) AS t`
}

const wholeSql = `pg_catalog.concat_ws('/',
  (SELECT pg_catalog.sum(pg_catalog.hashtext(pg_catalog.concat(n.oid, n.nspname)))
   FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'hotswap'),
  (SELECT pg_catalog.sum(rel.hash) FROM rel),
  (SELECT pg_catalog.concat(COALESCE(pg_catalog.sum(att.n), 0), ',', pg_catalog.sum(att.x)) FROM att),
  (SELECT pg_catalog.concat(COALESCE(pg_catalog.sum(def.n), 0), ',', pg_catalog.sum(def.x)) FROM def),
  (SELECT pg_catalog.concat(COALESCE(pg_catalog.sum(con.n), 0), ',', pg_catalog.sum(con.x)) FROM con),
  (SELECT pg_catalog.sum(idx.hash) FROM idx),
  (SELECT pg_catalog.concat(COALESCE(pg_catalog.sum(pol.n), 0), ',', pg_catalog.sum(pol.x)) FROM pol),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ',', pg_catalog.sum(p.xmin::text::int8))
   FROM pg_catalog.pg_proc p JOIN own ON p.pronamespace <> own.oid WHERE p.oid >= 16384),
  (SELECT pg_catalog.sum(pg_catalog.hashtext(pg_catalog.concat_ws(',', t.oid, t.typnamespace, t.typname)))
   FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace AND n.nspname !~ '^pg_'
   WHERE t.oid >= 16384 AND t.typtype IN ('e', 'd', 'r')),
  (SELECT pg_catalog.sum(pg_catalog.hashtext(pg_catalog.concat_ws(',', l.oid, l.enumtypid, l.enumlabel)))
   FROM pg_catalog.pg_enum l)
)`

/** A short text that changes when the catalog of user schemas does: cheap enough to be asked every second. */
export const fingerprintSql = `
WITH ${relationParts(countOf)}
SELECT ${wholeSql}
`

/** Reads the fingerprint as the transaction of `query` sees it; it stays the same when that transaction commits. */
export async function readFingerprint(query: TextQuery): Promise<string> {
  const rows = await query(fingerprintSql)
  return rows[0]?.[0] ?? ''
}

/**
 * The fingerprint, with what tells which relations have changed since an earlier look, also within one transaction, whose rows
 * have one xmin: a row that is changed moves, so that the hash of its place tells.
 */
export interface CatalogMarks {
  readonly fingerprint: string
  /** One of everything that is no relation's own: schemas, types, functions. */
  readonly others: string
  /** By oid. */
  readonly relations: ReadonlyMap<number, string>
}

export const marksSql = `
WITH ${relationParts(rowsOf)}, part AS (
  SELECT COALESCE(i.oid, r.oid) AS oid, 1 AS part, pg_catalog.count(*) AS n, pg_catalog.sum(r.hash) AS x, 0 AS t
  FROM rel r LEFT JOIN idx i ON i.indexrelid = r.oid GROUP BY 1
  UNION ALL
  SELECT COALESCE(i.oid, a.oid), 2, pg_catalog.sum(a.n)::int8, pg_catalog.sum(a.x), pg_catalog.sum(a.t)
  FROM att a LEFT JOIN idx i ON i.indexrelid = a.oid GROUP BY 1
  UNION ALL
  SELECT def.oid, 3, def.n, def.x, def.t FROM def
  UNION ALL
  SELECT con.oid, 4, con.n, con.x, con.t FROM con WHERE con.oid <> 0
  UNION ALL
  SELECT idx.oid, 5, pg_catalog.count(*), pg_catalog.sum(idx.hash), 0 FROM idx GROUP BY idx.oid
  UNION ALL
  SELECT pol.oid, 6, pol.n, pol.x, pol.t FROM pol
  UNION ALL
  SELECT v.ev_class, 7, ${rowsOf('v')} FROM pg_catalog.pg_rewrite v WHERE v.ev_class >= 16384 GROUP BY v.ev_class
  UNION ALL
  SELECT h.inhrelid, 8, ${rowsOf('h')} FROM pg_catalog.pg_inherits h GROUP BY h.inhrelid
), mark AS (
  SELECT part.oid, pg_catalog.string_agg(pg_catalog.concat_ws(',', part.part, part.n, part.x, part.t), ' ' ORDER BY part.part) AS text
  FROM part GROUP BY part.oid
)
SELECT ${wholeSql},
  pg_catalog.concat_ws('/',
    (SELECT pg_catalog.sum(pg_catalog.hashtext(pg_catalog.concat(n.oid, n.nspname)))
     FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_'),
    (SELECT pg_catalog.concat_ws(',', con.n, con.x, con.t) FROM con WHERE con.oid = 0),
    (SELECT pg_catalog.concat_ws(',', s.n, s.x, s.t) FROM (SELECT ${rowsOf('p')} FROM pg_catalog.pg_proc p WHERE p.oid >= 16384) s),
    (SELECT pg_catalog.concat_ws(',', s.n, s.x, s.t) FROM (
       SELECT ${rowsOf('t')} FROM pg_catalog.pg_type t
       JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace AND n.nspname !~ '^pg_' WHERE t.oid >= 16384) s),
    (SELECT pg_catalog.concat_ws(',', s.n, s.x, s.t) FROM (SELECT ${rowsOf('l')} FROM pg_catalog.pg_enum l) s)),
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(mark.oid::int8, pg_catalog.hashtextextended(mark.text, 0)::text)) FROM mark)
`

/** As the transaction of `query` sees the catalog. */
export async function readMarks(query: TextQuery): Promise<CatalogMarks> {
  const [fingerprint, others, relations] = (await query(marksSql))[0] ?? []
  return {
    fingerprint: fingerprint ?? '',
    others: others ?? '',
    relations: new Map(JSON.parse(relations ?? '[]') as [number, string][]),
  }
}

/** oids of relations that are otherwise now; undefined where more than relations has changed, or there are others. */
export function changedRelations(before: CatalogMarks, now: CatalogMarks): readonly number[] | undefined {
  if (before.others !== now.others || before.relations.size !== now.relations.size) return undefined
  const changed: number[] = []
  for (const [oid, mark] of now.relations) {
    const old = before.relations.get(oid)
    if (old === undefined) return undefined
    if (old !== mark) changed.push(oid)
  }
  return changed
}
