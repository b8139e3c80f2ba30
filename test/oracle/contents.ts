import type { Catalog, Relation } from '../../src/catalog/catalog.js'
import { quoteIdentifier } from '../../src/sql/identifier.js'

/** Whether a statement may write, so that what the tables hold after it counts too. */
export function mayWrite(sql: string): boolean {
  return /\b(?:insert|update|delete|merge|copy|truncate|execute)\b/i.test(sql)
}

/**
 * SQL that tells, in one row a table, what the tables of the old version hold, as a client of the old version would see
 * it: old columns only, in old order, under whatever names `version` has for them. A write to the wrong column or table
 * shows here, though the statement itself may answer just as before.
 */
export function contentsSql(old: Catalog, version: Catalog, path: string | undefined): string {
  // Generated sets stand side by side in one database, each in schemas of its own number.
  const suffix = /_\d+$/.exec(path ?? '')?.[0] ?? ''
  const tables = old.relations.filter(
    ({ kind, schema }) =>
      kind === 'table' && !['pg_catalog', 'information_schema'].includes(schema) && schema.endsWith(suffix),
  )
  return tables
    .map((relation) => {
      const now = version.byOid.get(relation.oid) ?? relation
      const columns = relation.columns.map((column) => `${quoteIdentifier(nameNow(now, column.attnum))}::text`)
      const row = columns.length === 0 ? "''" : `ROW(${columns.join(', ')})::text`
      return `SELECT ${relation.oid}, pg_catalog.md5(pg_catalog.string_agg(r, ' ' ORDER BY r)) FROM (SELECT ${row} AS r FROM ${quoteIdentifier(now.schema)}.${quoteIdentifier(now.name)}) t`
    })
    .join(' UNION ALL ')
}

function nameNow(relation: Relation, attnum: number): string {
  const column = relation.columns.find((candidate) => candidate.attnum === attnum)
  if (column === undefined) throw new Error(`no column ${attnum} in ${relation.name}`)
  return column.name
}
