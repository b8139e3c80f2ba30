import pg from 'pg'
import type { TextQuery } from '../../catalog/introspect.js'

/** Who owns and may use what, as short texts that change when it does; by oid. */
export interface Security {
  readonly relations: ReadonlyMap<number, string>
  readonly functions: ReadonlyMap<number, string>
  /** Relations of which some columns have grants of their own. */
  readonly byColumn: ReadonlySet<number>
}

/** SQL for owners and grants of user relations, their columns and schemas, and of functions: kind, oid, text. */
export const securitySql = `
SELECT CASE WHEN own.list IS NULL THEN 'relation' ELSE 'columns' END, c.oid::int8,
  pg_catalog.concat_ws(' ', c.relowner, c.relacl, n.nspowner, n.nspacl, own.list)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname !~ '^pg_'
LEFT JOIN (
  SELECT a.attrelid, pg_catalog.string_agg(pg_catalog.concat(a.attnum, a.attacl), ' ' ORDER BY a.attnum) AS list
  FROM pg_catalog.pg_attribute a WHERE a.attrelid >= 16384 AND a.attacl IS NOT NULL AND NOT a.attisdropped
  GROUP BY a.attrelid
) own ON own.attrelid = c.oid
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
UNION ALL
SELECT 'function', p.oid::int8, pg_catalog.concat_ws(' ', p.proname, p.proowner, p.proacl)
FROM pg_catalog.pg_proc p WHERE p.oid >= 16384`

export function decodeSecurity(rows: readonly (readonly (string | null)[])[]): Security {
  const relations = new Map<number, string>()
  const functions = new Map<number, string>()
  const byColumn = new Set<number>()
  for (const [kind, oid, text] of rows) {
    if (kind === 'function') functions.set(Number(oid), text ?? '')
    else if (kind === 'relation' || kind === 'columns') relations.set(Number(oid), text ?? '')
    if (kind === 'columns') byColumn.add(Number(oid))
  }
  return { relations, functions, byColumn }
}

/** As the transaction of `query` sees it. */
export async function readSecurity(query: TextQuery): Promise<Security> {
  return decodeSecurity(await query(securitySql))
}

/** By role and oid of a relation, those of SELECT, INSERT, UPDATE, DELETE that a role has. */
export type Privileges = ReadonlyMap<string, string>

export async function readPrivileges(query: TextQuery, roles: readonly string[]): Promise<Privileges> {
  if (roles.length === 0) return new Map()
  const list = roles.map((role) => pg.escapeLiteral(role)).join(', ')
  const has = (right: string) =>
    `CASE WHEN pg_catalog.has_any_column_privilege(r.oid, c.oid, '${right}') THEN ' ${right}' ELSE '' END`
  const rows = await query(`
SELECT r.rolname, c.oid::int8, pg_catalog.concat(${['SELECT', 'INSERT', 'UPDATE'].map(has).join(', ')},
  CASE WHEN pg_catalog.has_table_privilege(r.oid, c.oid, 'DELETE') THEN ' DELETE' ELSE '' END)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname !~ '^pg_'
CROSS JOIN pg_catalog.pg_roles r
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND r.rolname IN (${list})
  AND pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE')`)
  return new Map(rows.map(([role, oid, rights]) => [`${role} ${oid}`, rights ?? '']))
}

/** Rights that a role had and has no more: `SELECT DELETE`. */
export function lostRights(before: string | undefined, after: string | undefined): string {
  const left = new Set((after ?? '').split(' '))
  return (before ?? '')
    .split(' ')
    .filter((right) => !left.has(right))
    .join(' ')
}
