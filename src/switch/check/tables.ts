import pg from 'pg'
import type { TextQuery } from '../../catalog/introspect.js'
import { fromByteString, toByteString } from '../../sql/byte-string.js'
import type { RecordedStatement } from './recorded-statements.js'

/** The statement book's table. Schema hotswap exists already. */
export const statementTables: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS hotswap.statement (
  id text PRIMARY KEY,
  text text NOT NULL,
  describable boolean NOT NULL,
  version text NOT NULL,
  role text NOT NULL,
  search_path text,
  parameter_types oid[] NOT NULL,
  last_seen timestamptz NOT NULL
)`,
]

/** Statements that the table keeps: those seen last. */
export const KEPT_STATEMENTS = 10_000

/** Rows of one INSERT. */
const ROWS = 500

/** A statement that was seen again within so many seconds is not written again. */
const COARSE_SECONDS = 60

/** Writes what this proxy knows; other proxies' rows stay, and the latest time counts. */
export async function saveStatements(query: TextQuery, statements: readonly RecordedStatement[]): Promise<void> {
  const rows = statements.flatMap((statement) => {
    const text = fromByteString(statement.text)
    return text === undefined ? [] : [{ ...statement, text }]
  })
  for (let at = 0; at < rows.length; at += ROWS) {
    const json = pg.escapeLiteral(JSON.stringify(rows.slice(at, at + ROWS).map(encodeRow)))
    await query(`INSERT INTO hotswap.statement AS known
      (id, text, describable, version, role, search_path, parameter_types, last_seen)
      SELECT r.id, r.text, r.describable, r.version, r.role, r.path, r.types, pg_catalog.to_timestamp(r.seen)
      FROM pg_catalog.json_to_recordset(${json}::json) AS r
        (id text, text text, describable boolean, version text, role text, path text, types oid[], seen float8)
      ON CONFLICT (id) DO UPDATE SET last_seen = excluded.last_seen
      WHERE known.last_seen < excluded.last_seen - interval '${COARSE_SECONDS} s'`)
  }
  await query(`DELETE FROM hotswap.statement WHERE id IN (
    SELECT s.id FROM hotswap.statement s ORDER BY s.last_seen DESC, s.id OFFSET ${KEPT_STATEMENTS})`)
}

function encodeRow({ id, text, describable, version, role, searchPath, parameterOids, lastSeen }: RecordedStatement) {
  const types = `{${parameterOids.join(',')}}`
  return { id, text, describable, version, role, path: searchPath ?? null, types, seen: lastSeen / 1000 }
}

/** What all proxies recorded. */
export async function loadStatements(query: TextQuery): Promise<readonly RecordedStatement[]> {
  const rows = await query(`SELECT id, text, describable, version, role, search_path,
    pg_catalog.array_to_string(parameter_types, ','), (extract(epoch from last_seen) * 1000)::int8
    FROM hotswap.statement`)
  return rows.map(([id, text, describable, version, role, searchPath, types, seen]) => ({
    id: id ?? '',
    text: toByteString(text ?? ''),
    describable: describable === 't',
    version: version ?? '',
    role: role ?? '',
    searchPath: searchPath ?? undefined,
    parameterOids: types ? types.split(',').map(Number) : [],
    lastSeen: Number(seen),
  }))
}
