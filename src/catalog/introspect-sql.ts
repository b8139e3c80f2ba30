const relationsJson = `(
    SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
      rel.oid::int8, rel.nspname, rel.relname, rel.relkind, rel.reltype::int8, col.list, con.list, idx.list, parent.list,
      viewed.list, CASE WHEN rel.relrowsecurity THEN pg_catalog.to_json(
        ARRAY[CASE WHEN rel.relforcerowsecurity THEN 'forced' ELSE 'enabled' END] || COALESCE(policy.list, '{}')) END
    ) ORDER BY rel.oid)
    FROM rel
    LEFT JOIN col ON col.attrelid = rel.oid
    LEFT JOIN con ON con.conrelid = rel.oid
    LEFT JOIN idx ON idx.indrelid = rel.oid
    LEFT JOIN parent ON parent.inhrelid = rel.oid
    LEFT JOIN viewed ON viewed.ev_class = rel.oid
    LEFT JOIN policy ON policy.polrelid = rel.oid
  )`

const catalogJson = `pg_catalog.json_build_object(
  'databaseOid', (SELECT d.oid::int8 FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()),
  'serverVersion', pg_catalog.current_setting('server_version_num')::int4,
  'schemas', (SELECT pg_catalog.json_agg(s.nspname ORDER BY s.nspname) FROM space s),
  'relations', ${relationsJson},
  'functions', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_array(fn.nspname, fn.proname, fn.relation::int8, fn.gives_rows)
      ORDER BY fn.nspname, fn.proname, fn.relation)
    FROM fn
  ),
  'objects', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
      object.oid::int8, object.kind, s.nspname, object.name, object.shape, object.details) ORDER BY object.oid)
    FROM (SELECT * FROM routine UNION ALL SELECT * FROM data_type) object
    JOIN space s ON s.oid = object.namespace
  )
)`

/**
 * One query, one row, one column: the whole catalog as JSON, as `introspect` decodes it. For PostgreSQL 14 to 18.
 *
 * Nothing in it depends on search_path: it reads a migrator's session too, whose search_path is not ours to set.
 * - format_type leaves out the schema of a type that search_path reaches, so the name of a type outside pg_catalog is
 *   put together here; format_type gives only the text of its typmod, which stands after the bare name.
 * - Relations and functions of schema hotswap, which the proxy keeps for itself, are nobody's; types are: old statements may
 *   see an enum as one that was made there.
 * - `user` leaves out the relations of pg_catalog and information_schema, nine tenths of a small database's.
 * - `some` has nothing but the relations whose oids are $1 (oid[]); each catalog is read by an index, so that it takes no longer
 *   where there are many.
 * - What is compared between two catalogs (`defaultTree`, `shape`) is stored node trees, never deparsed text.
 */
export const catalogSql = introspectSql('all')
export const userCatalogSql = introspectSql('user')
export const relationsSql = introspectSql('some')

function introspectSql(parts: 'all' | 'user' | 'some'): string {
  const made = (oid: string) => {
    if (parts === 'some') return ` AND ${oid} = ANY ($1::oid[])`
    // What initdb makes has smaller oids.
    return parts === 'all' ? '' : ` AND ${oid} >= 16384`
  }
  const some = (oid: string) => (parts === 'some' ? made(oid) : '')
  return `
WITH space AS MATERIALIZED (
  SELECT n.oid, n.nspname, n.nspname IN ('pg_catalog', 'information_schema') AS system
  FROM pg_catalog.pg_namespace n
  WHERE n.nspname <> 'pg_toast' AND n.nspname !~ '^pg_(toast_)?temp_'
), rel AS MATERIALIZED (
  SELECT c.oid, s.nspname, c.relname, c.relkind, c.reltype, s.system, c.relrowsecurity, c.relforcerowsecurity
  FROM pg_catalog.pg_class c JOIN space s ON s.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND s.nspname <> 'hotswap'${parts === 'all' ? '' : ' AND NOT s.system'}${made('c.oid')}
), used AS (
  SELECT DISTINCT a.atttypid, a.atttypmod
  FROM pg_catalog.pg_attribute a JOIN rel ON rel.oid = a.attrelid
  WHERE a.attnum > 0 AND NOT a.attisdropped${made('a.attrelid')}
), type AS MATERIALIZED (
  SELECT u.atttypid, u.atttypmod, CASE
    WHEN n.nspname = 'pg_catalog' THEN pg_catalog.format_type(u.atttypid, u.atttypmod)
    ELSE pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(e.typname)
      || pg_catalog.substr(pg_catalog.format_type(e.oid, u.atttypmod),
           pg_catalog.length(pg_catalog.format_type(e.oid, -1)) + 1)
      || CASE WHEN e.oid <> t.oid THEN '[]' ELSE '' END
    END AS name
  FROM used u
  JOIN pg_catalog.pg_type t ON t.oid = u.atttypid
  JOIN pg_catalog.pg_type e
    ON e.oid = CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN t.typelem ELSE t.oid END
  JOIN pg_catalog.pg_namespace n ON n.oid = e.typnamespace
), col AS (
  SELECT a.attrelid, pg_catalog.json_agg(pg_catalog.json_build_array(
    a.attname, a.attnum, a.atttypid::int8, a.atttypmod, type.name, a.attcollation::int8, a.attnotnull, a.atthasdef,
    a.attidentity, a.attgenerated, pg_catalog.regexp_replace(d.adbin::text, ' :location -?[0-9]+', '', 'g')
  ) ORDER BY a.attnum) AS list
  FROM pg_catalog.pg_attribute a
  JOIN rel ON rel.oid = a.attrelid
  JOIN type ON type.atttypid = a.atttypid AND type.atttypmod = a.atttypmod
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attnum > 0 AND NOT a.attisdropped${made('a.attrelid')}
  GROUP BY a.attrelid
), con AS (
  SELECT k.conrelid, pg_catalog.json_agg(pg_catalog.json_build_array(
    k.oid::int8, k.conname, k.contype, k.conkey, CASE WHEN k.contype <> 'n' THEN pg_catalog.pg_get_constraintdef(k.oid) END,
    pg_catalog.concat_ws(' ', k.condeferrable, k.condeferred, k.connoinherit, k.conkey,
      k.confrelid, k.confkey, k.confupdtype, k.confdeltype, k.confmatchtype, k.conpfeqop, k.conexclop,
      pg_catalog.regexp_replace(k.conbin::text, ' :location -?[0-9]+', '', 'g'))
  ) ORDER BY k.oid) AS list
  FROM pg_catalog.pg_constraint k JOIN rel ON rel.oid = k.conrelid AND NOT rel.system${some('k.conrelid')}
  GROUP BY k.conrelid
), idx AS (
  SELECT i.indrelid, pg_catalog.json_agg(pg_catalog.json_build_array(
    i.indexrelid::int8, c.relname, i.indisunique, i.indkey::int2[], pg_catalog.pg_get_indexdef(i.indexrelid),
    pg_catalog.concat_ws(' ', c.relam, i.indisunique, (SELECT indnullsnotdistinct::text FROM pg_catalog.pg_index x WHERE x.indexrelid = i.indexrelid), i.indimmediate,
      i.indisvalid, i.indnkeyatts, i.indkey, i.indcollation, i.indclass, i.indoption,
      pg_catalog.regexp_replace(pg_catalog.concat(i.indexprs, i.indpred), ' :location -?[0-9]+', '', 'g'))
  ) ORDER BY i.indexrelid) AS list
  FROM pg_catalog.pg_index i
  -- PostgreSQL 14 has no such column: the name means this one then.
  CROSS JOIN (SELECT NULL::boolean AS indnullsnotdistinct) older
  JOIN rel ON rel.oid = i.indrelid AND NOT rel.system${some('i.indrelid')}
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  GROUP BY i.indrelid
), parent AS (
  SELECT h.inhrelid, pg_catalog.json_agg(h.inhparent::int8 ORDER BY h.inhseqno) AS list
  FROM pg_catalog.pg_inherits h JOIN rel ON rel.oid = h.inhrelid${some('h.inhrelid')}
  GROUP BY h.inhrelid
), viewed AS (
  SELECT v.ev_class, pg_catalog.json_agg(DISTINCT d.refobjid::int8) AS list
  FROM pg_catalog.pg_rewrite v
  JOIN rel ON rel.oid = v.ev_class AND NOT rel.system AND rel.relkind = 'v'${some('v.ev_class')}
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = v.oid
    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> v.ev_class
  GROUP BY v.ev_class
), policy AS (
  SELECT y.polrelid, pg_catalog.array_agg(pg_catalog.concat_ws(' ', y.polname, y.polcmd, y.polpermissive, y.polroles,
    pg_catalog.regexp_replace(pg_catalog.concat(y.polqual, ' ', y.polwithcheck), ' :location -?[0-9]+', '', 'g'))
    ORDER BY y.polname) AS list
  FROM pg_catalog.pg_policy y
  GROUP BY y.polrelid
), row_type AS MATERIALIZED (
  SELECT rel.reltype AS type, rel.oid AS relation FROM rel WHERE rel.reltype <> 0 AND NOT rel.system
  UNION ALL
  SELECT t.oid, rel.oid FROM rel JOIN pg_catalog.pg_type t ON t.typelem = rel.reltype WHERE rel.reltype <> 0 AND NOT rel.system
  UNION ALL
  SELECT t.oid, rel.oid FROM rel JOIN pg_catalog.pg_type t ON t.typbasetype = rel.reltype WHERE rel.reltype <> 0 AND NOT rel.system
), fn AS (
  SELECT s.nspname, p.proname, row_type.relation, pg_catalog.bool_or(p.prorettype = row_type.type) AS gives_rows
  FROM pg_catalog.pg_proc p
  CROSS JOIN LATERAL pg_catalog.unnest(
    p.proargtypes::oid[] || COALESCE(p.proallargtypes, '{}'::oid[]) || p.prorettype) AS uses (type)
  JOIN row_type ON row_type.type = uses.type
  JOIN space s ON s.oid = p.pronamespace AND NOT s.system
  WHERE p.oid >= 16384
  GROUP BY s.nspname, p.proname, row_type.relation
), routine AS (
  SELECT p.oid, 'function' AS kind, p.pronamespace AS namespace, p.proname AS name,
    ARRAY[pg_catalog.concat_ws(' ', p.prokind, p.proargtypes, p.proallargtypes, p.pronargdefaults,
      p.prorettype, p.proretset)] AS shape,
    pg_catalog.json_build_object('least', p.pronargs - p.pronargdefaults,
      'most', CASE WHEN p.provariadic <> 0 THEN NULL
        WHEN p.prokind = 'p' THEN COALESCE(pg_catalog.cardinality(p.proallargtypes), p.pronargs) ELSE p.pronargs END,
      'alsoSystem', EXISTS (SELECT FROM pg_catalog.pg_proc y JOIN space s ON s.oid = y.pronamespace
        WHERE y.proname = p.proname AND s.nspname = 'pg_catalog')) AS details
  FROM pg_catalog.pg_proc p JOIN space s ON s.oid = p.pronamespace AND NOT s.system AND s.nspname <> 'hotswap'
  WHERE p.oid >= 16384
), data_type AS (
  SELECT t.oid, CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' ELSE 'type' END, t.typnamespace, t.typname,
    CASE t.typtype
      WHEN 'e' THEN ARRAY(
        SELECT l.enumlabel::text FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder)
      WHEN 'd' THEN ARRAY[pg_catalog.concat_ws(' ', t.typbasetype, t.typtypmod, t.typcollation, t.typnotnull)] || ARRAY(
        SELECT pg_catalog.regexp_replace(k.conbin::text, ' :location -?[0-9]+', '', 'g')
        FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c' ORDER BY 1)
      WHEN 'r' THEN ARRAY(
        SELECT pg_catalog.concat_ws(' ', g.rngsubtype, g.rngcollation, g.rngsubopc, g.rngcanonical, g.rngsubdiff)
        FROM pg_catalog.pg_range g WHERE g.rngtypid = t.oid)
      ELSE '{}'::text[]
    END,
    pg_catalog.json_build_object('arrayOid', t.typarray::int8, 'labelOids', CASE WHEN t.typtype = 'e' THEN (
      SELECT pg_catalog.json_agg(l.oid::int8 ORDER BY l.enumsortorder)
      FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid) END)
  FROM pg_catalog.pg_type t JOIN space s ON s.oid = t.typnamespace AND NOT s.system
  WHERE t.oid >= 16384 AND (t.typtype IN ('e', 'd', 'r', 'm') OR (t.typtype = 'b' AND t.typcategory <> 'A'))
)
SELECT ${parts === 'some' ? relationsJson : catalogJson}
`
}

/**
 * The defaults of user tables as SQL text: names of what search_path = '' does not reach have their schema. The setting is
 * put back in the same statement, since the session may be a migrator's.
 *
 *     [[oid, attnum, text], ...]
 */
export const defaultsSql = defaultsOf('')

/** Those of some relations, as relationsSql has them. */
export const relationDefaultsSql = defaultsOf(' AND d.adrelid = ANY ($1::oid[])')

function defaultsOf(condition: string): string {
  return `
WITH path AS MATERIALIZED (
  SELECT pg_catalog.current_setting('search_path') AS old, pg_catalog.set_config('search_path', '', true) AS now
), def AS MATERIALIZED (
  SELECT path.old, pg_catalog.json_agg(pg_catalog.json_build_array(
    d.adrelid::int8, d.adnum, pg_catalog.pg_get_expr(d.adbin, d.adrelid))) AS list
  FROM path
  LEFT JOIN (pg_catalog.pg_attrdef d
    JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.attgenerated = ''
    JOIN pg_catalog.pg_class c ON c.oid = d.adrelid AND c.relpersistence <> 't')
  ON path.now = '' AND d.adrelid >= 16384${condition}
  GROUP BY path.old
)
SELECT def.list, pg_catalog.set_config('search_path', def.old, true) FROM def
`
}
