import type { ResolvedType } from '../config/rule-server.js'
import type { Attempted, Scratch } from './scratch.js'

/**
 * What a rule's `type` is on this server: the type of a column that is declared so.
 *
 *     varchar(20)  =>  1043, 24, character varying(20)
 */
export async function resolveType(scratch: Scratch, type: string): Promise<Attempted<ResolvedType>> {
  return await scratch.attempt(async () => {
    await scratch.query(`CREATE TEMPORARY TABLE hotswap_type (type ${type})`)
    // What is not PostgreSQL's own is printed with its schema then, as in a catalog.
    await scratch.query(`SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true)`)
    const rows = await scratch.query(
      `SELECT a.atttypid, a.atttypmod, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attcollation
       FROM pg_catalog.pg_attribute a
       WHERE a.attrelid = 'pg_temp.hotswap_type'::pg_catalog.regclass AND a.attnum = 1`,
    )
    const [oid, typmod, name, collation] = rows[0] ?? []
    return { typeOid: Number(oid), typmod: Number(typmod), type: name ?? '', collationOid: Number(collation) }
  })
}
