import pg from 'pg'
import type { TextQuery } from '../../catalog/introspect.js'
import { splitSearchPath } from '../../proxy/probe.js'
import type { StatementContext } from './checked-statement.js'

/**
 * SQL that sets the search_path that sessions of a role have; of one that is not known, the role's default. `isLocal`: in a
 * migrator's transaction, whose own temporary tables come last, since the app does not see them.
 */
export function searchPathSql({ role, searchPath }: StatementContext, isLocal: boolean): string {
  const value = searchPath === undefined ? defaultPathSql(role) : pg.escapeLiteral(searchPath)
  const path = isLocal ? `pg_catalog.concat_ws(', ', NULLIF(${value}, ''), 'pg_temp')` : value
  return `SELECT pg_catalog.set_config('search_path', ${path}, ${isLocal})`
}

/** As a session of the role starts with it: ALTER ROLE IN DATABASE, ALTER ROLE, ALTER DATABASE, or PostgreSQL's own. */
function defaultPathSql(role: string | undefined): string {
  const name = role === undefined ? 'session_user' : pg.escapeLiteral(role)
  return `COALESCE((
    SELECT pg_catalog.substr(c.setting, 13)
    FROM pg_catalog.pg_db_role_setting s CROSS JOIN pg_catalog.unnest(s.setconfig) AS c (setting)
    WHERE c.setting LIKE 'search\\_path=%'
      AND s.setrole IN (0, (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = ${name}))
      AND s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))
    ORDER BY s.setrole <> 0 DESC, s.setdatabase <> 0 DESC LIMIT 1), '"$user", public')`
}

/** What bare names are looked up in. */
export interface SearchPath {
  /** As a probe of such a session says it: the schemas, those that are not there too. */
  readonly path: readonly string[]
  readonly setting: string
}

export async function readPath(query: TextQuery): Promise<SearchPath> {
  const rows = await query(`SELECT pg_catalog.array_to_json(pg_catalog.current_schemas(true)),
    pg_catalog.current_setting('search_path'), current_user`)
  const [schemas, setting, user] = rows[0] ?? []
  const path = (JSON.parse(schemas ?? '[]') as string[]).filter((name) => !/^pg_temp/.test(name))
  const named = splitSearchPath(setting ?? '').flatMap((name) => {
    if (name === 'pg_temp') return []
    return name !== '$user' ? name : path.includes(user ?? '') ? (user ?? '') : []
  })
  return { path: [...path.filter((name) => !named.includes(name)), ...named], setting: setting ?? '' }
}

/** The same for the same role and search_path. */
export function contextKey({ role, searchPath }: StatementContext): string {
  return JSON.stringify([role ?? null, searchPath ?? null])
}

/** Statements that are checked under the same role and search_path. */
export function groupByContext<T extends StatementContext>(statements: readonly T[]): readonly (readonly T[])[] {
  const groups = new Map<string, T[]>()
  for (const statement of statements) {
    const key = contextKey(statement)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [statement])
    else group.push(statement)
  }
  return [...groups.values()]
}
