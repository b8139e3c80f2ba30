import type { Catalog, Relation } from '../../catalog/catalog.js'
import { isSystemSchema } from '../../catalog/diff.js'
import type { TextQuery } from '../../catalog/introspect.js'
import { closureOf } from '../../rewrite/closure.js'
import type { Generation } from '../../rewrite/generation.js'
import type { Mapping } from '../../rewrite/mapping.js'
import { readSecurity, type Security } from './security.js'

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
}

/**
 * What the migration's transaction touched: relations that it locked as DDL does (pg_locks), whose grants or owner are
 * others, and what the catalogs show, with the views that read any of these and the tables that they are parts of.
 */
export async function findTouched(query: TextQuery, step: MadeStep, earlier: Security): Promise<Touched> {
  const { before, mapping } = step
  const touched = new Set<number>(mapping.relations.keys())
  for (const oid of await readLocked(query)) touched.add(oid)
  const now = await readSecurity(query)
  for (const [oid, rights] of earlier.relations) if (now.relations.get(oid) !== rights) touched.add(oid)
  addDependent(touched, before)

  const names = new Set(closureOf(before, step.after, mapping))
  for (const oid of touched) {
    const relation = before.byOid.get(oid)
    if (relation !== undefined && !isSystemSchema(relation.schema)) names.add(relation.name)
  }
  for (const [oid, rights] of earlier.functions) {
    if (now.functions.get(oid) !== rights) names.add(before.objectByOid.get(Number(oid))?.name ?? '')
  }
  names.delete('')
  return { relations: new Set([...touched].filter((oid) => isUserRelation(before.byOid.get(oid)))), names }
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

async function readLocked(query: TextQuery): Promise<readonly number[]> {
  const rows = await query(`SELECT DISTINCT l.relation::int8 FROM pg_catalog.pg_locks l
    WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND l.relation >= 16384
      AND l.mode IN (${DDL_LOCKS.map((mode) => `'${mode}'`).join(', ')})`)
  return rows.map(([oid]) => Number(oid))
}

function addDependent(touched: Set<number>, { relations, byOid }: Catalog): void {
  for (let size = -1; size !== touched.size; ) {
    size = touched.size
    for (const { oid, reads = [], parents } of relations) {
      if (reads.some((read) => touched.has(read))) touched.add(oid)
      if (touched.has(oid)) for (const parent of parents) if (byOid.has(parent)) touched.add(parent)
    }
  }
}
