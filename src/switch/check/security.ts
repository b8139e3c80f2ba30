import pg from 'pg'
import type { TextQuery } from '../../catalog/introspect.js'

/** Who owns and may use what, as short texts that change when it does. */
export interface Security {
  /** By oid. */
  readonly relations: ReadonlyMap<number, string>
  readonly functions: ReadonlyMap<string, string>
}

/** Reads owners and grants of user relations, their columns and schemas, and of functions, as the transaction sees them. */
export async function readSecurity(query: TextQuery): Promise<Security> {
  const relations = await query(`
SELECT c.oid::int8, pg_catalog.concat_ws(' ', c.relowner, c.relacl, n.nspowner, n.nspacl,
  (SELECT pg_catalog.string_agg(pg_catalog.concat(a.attnum, a.attacl), ' ' ORDER BY a.attnum)
   FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL AND NOT a.attisdropped))
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^pg_'`)
  const functions = await query(`
SELECT p.oid::text, pg_catalog.concat_ws(' ', p.proname, p.proowner, p.proacl)
FROM pg_catalog.pg_proc p WHERE p.oid >= 16384`)
  return {
    relations: new Map(relations.map(([oid, text]) => [Number(oid), text ?? ''])),
    functions: new Map(functions.map(([oid, text]) => [oid ?? '', text ?? ''])),
  }
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
