import type { Catalog } from '../../src/catalog/catalog.js'
import type { ByteString } from '../../src/sql/byte-string.js'
import { quoteIdentifier } from '../../src/sql/identifier.js'

/** Whether a statement may write, so that what the tables hold after it counts too. */
export function mayWrite(sql: string): boolean {
  return /\b(?:insert|update|delete|merge|copy|truncate|execute)\b/i.test(sql)
}

/**
 * SQL that tells, in one row a table, what the tables of the old version hold: an old statement, so that a migrated
 * database is asked for it as a client of the old version asks. A write to the wrong column or table shows here, though
 * the statement itself may answer just as before.
 */
export function contentsSql(old: Catalog, path: string | undefined): ByteString {
  // Generated sets stand side by side in one database, each in schemas of its own number.
  const suffix = /_\d+$/.exec(path ?? '')?.[0] ?? ''
  const tables = old.relations.filter(
    ({ kind, schema }) =>
      kind === 'table' && !['pg_catalog', 'information_schema'].includes(schema) && schema.endsWith(suffix),
  )
  return tables
    .map((relation) => {
      const columns = relation.columns.map((column) => `${quoteIdentifier(column.name)}::text`)
      const row = columns.length === 0 ? "''" : `ROW(${columns.join(', ')})::text`
      return `SELECT ${relation.oid}, pg_catalog.md5(pg_catalog.string_agg(r, ' ' ORDER BY r)) FROM (SELECT ${row} AS r FROM ONLY ${quoteIdentifier(relation.schema)}.${quoteIdentifier(relation.name)}) t`
    })
    .join(' UNION ALL ')
}
