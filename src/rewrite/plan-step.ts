import type { Catalog, Column, Relation } from '../catalog/catalog.js'
import { type ChangedRelation, diffCatalogs } from '../catalog/diff.js'
import { type Difference, qualifiedName } from '../catalog/difference.js'
import type { ColumnMapping, InsertValue, Mapping, RelationMapping } from './mapping.js'

/** What old INSERTs give to new columns, by oid of the old relation. */
export type InsertRules = ReadonlyMap<number, readonly InsertValue[]>

export interface PlannedStep {
  readonly mapping: Mapping
  /** Why statements of the older version would not survive; the step is good only where this is empty. */
  readonly differences: readonly Difference[]
}

/**
 * How the older version is seen through the newer one, found by identity. A relation is in the mapping where its name,
 * its schema, a column name or a constraint name changed, or a column was added.
 *
 *     ALTER TABLE users RENAME TO people  =>  users (oid 16385) -> people (oid 16385)
 */
export function planStep(before: Catalog, after: Catalog, inserts: InsertRules = new Map()): PlannedStep {
  const { changed, differences } = diffCatalogs(before, after)
  const relations = new Map<number, RelationMapping>()
  const refused = [...differences]
  for (const change of changed) {
    const insert = insertsOf(change.before, before, inserts)
    refused.push(...diffInserts(change, insert))
    relations.set(change.before.oid, {
      before: change.before,
      after: change.after,
      columns: new Map(
        change.columns.map((c): [string, ColumnMapping] => [c.before.name, { kind: 'column', name: c.after.name }]),
      ),
      added: change.added,
      insert: insert.filter((value) => change.added.some((column) => column.name === value.column)),
    })
  }
  for (const oid of inserts.keys()) {
    const relation = before.byOid.get(oid)
    if (relation === undefined || relations.has(oid)) continue
    refused.push(...diffInserts({ before: relation, after: relation, columns: [], added: [] }, inserts.get(oid) ?? []))
  }
  return { mapping: { relations }, differences: refused }
}

/** A partition or child gets its new columns from its parent, and so the values for them. */
function insertsOf(relation: Relation, catalog: Catalog, rules: InsertRules): readonly InsertValue[] {
  const own = rules.get(relation.oid)
  if (own !== undefined) return own
  for (const parent of relation.parents) {
    const above = catalog.byOid.get(parent)
    const inherited = above === undefined ? [] : insertsOf(above, catalog, rules)
    if (inherited.length > 0) return inherited
  }
  return []
}

function diffInserts({ before, added }: ChangedRelation, insert: readonly InsertValue[]): Difference[] {
  const relation = qualifiedName(before)
  const given = new Set(insert.map((value) => value.column))
  const missing = added.filter((column) => needsValue(before, column) && !given.has(column.name))
  const names = new Set(added.map((column) => column.name))
  return [
    ...missing.map(
      (column): Difference => ({
        relation,
        column: column.name,
        what: 'the new column is NOT NULL and has no default, so old INSERTs would fail',
        hint: `give it a DEFAULT, or give a rule: tables: { ${before.name}: { insert: { ${column.name}: "'value'" } } }`,
      }),
    ),
    ...[...given]
      .filter((name) => !names.has(name))
      .map(
        (name): Difference => ({
          relation,
          column: name,
          what: 'the rule gives a value for it, but it is not a new column',
          hint: added.length === 0 ? 'the table has no new column' : `new columns are: ${[...names].join(', ')}`,
        }),
      ),
  ]
}

function needsValue(relation: Relation, column: Column): boolean {
  const insertable = relation.kind === 'table' || relation.kind === 'partitioned' || relation.kind === 'foreign'
  return insertable && column.notNull && !column.hasDefault && column.identity === 'none' && column.generated === 'none'
}
