import type { TextQuery } from '../../catalog/introspect.js'

export const writtenSql = `SELECT s.relid::int8 FROM pg_catalog.pg_stat_xact_user_tables s
WHERE s.n_tup_ins > 0 OR s.n_tup_upd > 0`

/** oids of tables of which rows were updated or inserted in the transaction of `query`, by whatever code. */
export async function readWritten(query: TextQuery): Promise<ReadonlySet<number>> {
  const rows = await query(writtenSql)
  return new Set(rows.map(([oid]) => Number(oid)))
}
