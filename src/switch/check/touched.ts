import type { Catalog, Relation } from '../../catalog/catalog.js'
import { isSystemSchema } from '../../catalog/diff.js'
import type { TextQuery } from '../../catalog/introspect.js'
import { closureOf } from '../../rewrite/closure.js'
import type { Generation } from '../../rewrite/generation.js'
import type { Mapping } from '../../rewrite/mapping.js'
import { decodeSecurity, type Security, securitySql } from './security.js'

/** The step that a migration made. */
export interface MadeStep {
  readonly before: Catalog
  readonly after: Catalog
  readonly mapping: Mapping
}

/** The last step of the generation as it would be; undefined where there is none. */
export function lastStep({ versions, steps }: Generation): MadeStep | undefined {
  const [before, after, step] = [versions.at(-2), versions.at(-1), steps.at(-1)]
  if (before === undefined || after === undefined || step === undefined) return undefined
  return { before: before.catalog, after: after.catalog, mapping: step.mapping }
}

/** What a migration may have changed for those that name it. */
export interface Touched {
  /** oids of relations of the version before. */
  readonly relations: ReadonlySet<number>
  /** Names by which statements may reach any of it, as stored. */
  readonly names: ReadonlySet<string>
  /** True where who may do what with the relations may be otherwise now. */
  readonly rights: boolean
}

/**
 * What the migration's transaction touched: relations that it locked as DDL does (pg_locks), whose grants or owner are
 * others, and what the catalogs show, with the views that read any of these and the tables that they are parts of.
 */
export async function findTouched(query: TextQuery, step: MadeStep, earlier: Security): Promise<Touched> {
  const { before, mapping } = step
  const rows = await query(touchedSql)
  const now = decodeSecurity(rows)
  const touched = new Set<number>(mapping.relations.keys())
  for (const [kind, oid] of rows) if (kind === 'locked') touched.add(Number(oid))
  let rights = [...mapping.relations.values()].some((change) => change.before.oid !== change.after.oid)
  for (const [oid, text] of earlier.relations) {
    if (now.relations.get(oid) === text) continue
    touched.add(oid)
    rights = true
  }
  addDependent(touched, before)

  const names = new Set(closureOf(before, step.after, mapping))
  for (const oid of touched) {
    const relation = before.byOid.get(oid)
    if (relation !== undefined && !isSystemSchema(relation.schema)) names.add(relation.name)
  }
  for (const [oid, text] of earlier.functions) {
    if (now.functions.get(oid) === text) continue
    names.add(before.objectByOid.get(oid)?.name ?? '')
    rights = true
  }
  names.delete('')
  // A computed column may need rights on columns that the old one did not.
  if ([...touched].some((oid) => now.byColumn.has(oid))) rights = true
  const relations = new Set([...touched].filter((oid) => isUserRelation(before.byOid.get(oid))))
  return { relations, names, rights }
}

function isUserRelation(relation: Relation | undefined): boolean {
  return relation !== undefined && !isSystemSchema(relation.schema)
}

// What DML and queries take is weaker.
const DDL_LOCKS = [
  'ShareUpdateExclusiveLock',
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
]

const lockedSql = `
SELECT DISTINCT 'locked', l.relation::int8, '' FROM pg_catalog.pg_locks l
WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND l.relation >= 16384
  AND l.mode IN (${DDL_LOCKS.map((mode) => `'${mode}'`).join(', ')})`

export const touchedSql = `${lockedSql} UNION ALL ${securitySql}`

function addDependent(touched: Set<number>, { relations, byOid }: Catalog): void {
  for (let size = -1; size !== touched.size; ) {
    size = touched.size
    for (const { oid, reads = [], parents } of relations) {
      if (reads.some((read) => touched.has(read))) touched.add(oid)
      if (touched.has(oid)) for (const parent of parents) if (byOid.has(parent)) touched.add(parent)
    }
  }
}
