import { Buffer } from 'node:buffer'
import { serialize } from 'pg-protocol'
import { type Column, RELATION_KINDS, type Relation } from '../catalog/catalog.js'
import { folded } from '../sql/identifier.js'

/** What the server says of a session: what its bare names mean. */
export interface ProbeAnswer {
  /**
   * current_schemas(true), without an empty schema of temporary relations, and with the schemas of search_path that do not
   * exist (any more): an older version may have had relations there.
   */
  readonly path: readonly string[]
  readonly temporary: readonly Relation[]
  /** current_setting('search_path'). */
  readonly searchPath: string
  /** current_user. */
  readonly role: string
  /** current_setting('hotswap.version'), or '' where the session did not set it. */
  readonly version: string
}

// Every name is qualified: the session's search_path may hold functions and operators of these names. The answer is in
// hexadecimal digits of UTF-8, whatever the session's client_encoding.
const PROBE = `
select pg_catalog.encode(pg_catalog.convert_to(pg_catalog.json_build_object(
  'path', pg_catalog.current_schemas(true),
  'setting', pg_catalog.current_setting('search_path'), 'user', current_user,
  'closed', coalesce((
    select pg_catalog.json_agg(n.nspname) from pg_catalog.pg_namespace n
    where not pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  ), '[]'::pg_catalog.json),
  'version', coalesce(pg_catalog.current_setting('hotswap.version', true), ''),
  'schema', (select n.nspname from pg_catalog.pg_namespace n
             where n.oid operator(pg_catalog.=) pg_catalog.pg_my_temp_schema()),
  'temporary', coalesce((
    select pg_catalog.json_agg(pg_catalog.json_build_object(
      'oid', c.oid::pg_catalog.int8, 'name', c.relname, 'kind', c.relkind, 'rowTypeOid', c.reltype::pg_catalog.int8,
      'columns', coalesce((
        select pg_catalog.json_agg(pg_catalog.json_build_object(
          'name', a.attname, 'attnum', a.attnum, 'typeOid', a.atttypid::pg_catalog.int8, 'typmod', a.atttypmod,
          'type', pg_catalog.format_type(a.atttypid, a.atttypmod), 'collationOid', a.attcollation::pg_catalog.int8,
          'notNull', a.attnotnull, 'hasDefault', a.atthasdef, 'identity', a.attidentity, 'generated', a.attgenerated
        ) order by a.attnum)
        from pg_catalog.pg_attribute a
        where a.attrelid operator(pg_catalog.=) c.oid and a.attnum operator(pg_catalog.>) 0 and not a.attisdropped
      ), '[]'::pg_catalog.json)))
    from pg_catalog.pg_class c
    where c.relnamespace operator(pg_catalog.=) pg_catalog.pg_my_temp_schema()
      and c.relkind operator(pg_catalog.=) any ('{r,p,v,m,f,S,c}'::"char"[])
  ), '[]'::pg_catalog.json)
)::pg_catalog.text, 'UTF8'), 'hex')`

const NAME = 'hotswap_probe'

/**
 * The probe as messages, ended by a Sync. By the extended protocol and under names of its own, since a simple Query would
 * drop the client's unnamed statement and portal. The first Close is for what an earlier probe that failed left.
 */
export const probeMessages: { readonly bytes: Buffer; readonly kinds: readonly ProbeKind[] } = Object.freeze({
  bytes: Buffer.concat([
    serialize.close({ type: 'S', name: NAME }),
    serialize.parse({ name: NAME, text: PROBE }),
    serialize.bind({ portal: NAME, statement: NAME }),
    serialize.execute({ portal: NAME }),
    serialize.close({ type: 'P', name: NAME }),
    serialize.close({ type: 'S', name: NAME }),
    serialize.sync(),
  ]),
  kinds: ['close', 'parse', 'bind', 'execute', 'close', 'close', 'sync'] as const,
})

export type ProbeKind = 'close' | 'parse' | 'bind' | 'execute' | 'sync'

interface RawRelation {
  readonly oid: number
  readonly name: string
  readonly kind: string
  readonly rowTypeOid: number
  readonly columns: readonly (Omit<Column, 'identity' | 'generated'> & { identity: string; generated: string })[]
}

interface RawAnswer {
  readonly path: readonly string[]
  /** search_path as it is set, and who `$user` is in it. */
  readonly setting: string
  readonly user: string
  /** Schemas that exist and may not be used. */
  readonly closed: readonly string[]
  readonly version: string
  readonly schema: string | null
  readonly temporary: readonly RawRelation[]
}

/** Reads the one value of the probe's one row. */
export function readProbe(value: string): ProbeAnswer {
  const raw = JSON.parse(Buffer.from(value, 'hex').toString('utf8')) as RawAnswer
  const { schema } = raw
  const path = wholePath(raw)
  return {
    // A schema of temporary relations with none in it means nothing, and its name differs from session to session.
    path: raw.temporary.length === 0 ? path.filter((name) => name !== schema) : path,
    temporary: raw.temporary.map((relation) => toRelation(relation, schema ?? '')),
    searchPath: raw.setting,
    role: raw.user,
    version: raw.version,
  }
}

/** The schemas searched now, in order, with those between them that search_path names and the database does not have. */
function wholePath({ path, setting, user, closed, schema }: RawAnswer): readonly string[] {
  const named = splitSearchPath(setting).flatMap((name) => {
    if (name === 'pg_temp') return schema ?? []
    // A schema of the user's own is rare, and would keep users from sharing what is known of their statements.
    if (name === '$user') return path.includes(user) ? user : []
    return path.includes(name) || !closed.includes(name) ? name : []
  })
  return [...path.filter((name) => !named.includes(name)), ...named]
}

/** The names of a search_path: comma-separated, quoted where they are not plain (SplitIdentifierString, varlena.c). */
export function splitSearchPath(setting: string): readonly string[] {
  const names = setting.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^",\s]+))\s*(?:,|$)/g)
  return [...names].map(([, quoted, plain = '']) => quoted?.replaceAll('""', '"') ?? folded(plain))
}

function toRelation(raw: RawRelation, schema: string): Relation {
  return {
    oid: raw.oid,
    schema,
    name: raw.name,
    kind: RELATION_KINDS[raw.kind] ?? 'table',
    rowTypeOid: raw.rowTypeOid,
    columns: raw.columns.map((column) => ({
      ...column,
      identity: column.identity === 'a' ? 'always' : column.identity === 'd' ? 'by default' : 'none',
      generated: column.generated === 's' ? 'stored' : column.generated === 'v' ? 'virtual' : 'none',
    })),
    constraints: [],
    indexes: [],
    parents: [],
  }
}
