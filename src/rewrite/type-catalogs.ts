import type { Catalog, Column } from '../catalog/catalog.js'
import { quoteLiteral } from '../sql/identifier.js'
import type { ChangedObject, ColumnMapping, ComputedColumn, Expression, RelationMapping } from './mapping.js'

/** The columns of pg_catalog that drivers find types by: what descriptions call a type must be found there. */
const TYPE_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  pg_type: ['oid', 'typelem', 'typarray', 'typbasetype'],
  pg_enum: ['enumtypid'],
  pg_attribute: ['atttypid'],
}

/**
 * The catalogs of types as clients see them that know types by oids that are gone, by the oids of the catalogs. Empty where
 * no type was made anew.
 *
 *     SELECT typname FROM pg_type WHERE oid = 16390        (mood is 16470 now)
 */
export function mapTypeCatalogs(
  before: Catalog,
  after: Catalog,
  objects: Iterable<ChangedObject>,
): ReadonlyMap<number, RelationMapping> {
  const mapped = new Map<number, RelationMapping>()
  const oids = oidPairs(objects)
  if (oids.length === 0) return mapped
  for (const [name, columns] of Object.entries(TYPE_COLUMNS)) {
    const relation = before.byName.get('pg_catalog')?.get(name)
    const now = after.byName.get('pg_catalog')?.get(name)
    if (relation === undefined || now === undefined) continue
    const mapping = relation.columns.map((column): [string, ColumnMapping] => [
      column.name,
      columns.includes(column.name) ? oldOids(column, oids) : { kind: 'column', name: column.name },
    ])
    mapped.set(relation.oid, { before: relation, after: now, columns: new Map(mapping), added: [], insert: [] })
  }
  return mapped
}

/** An oid in the client's words as the server knows it; undefined where no type was made anew. `value` is the place. */
export function newTypeOid(objects: Iterable<ChangedObject>): Expression | undefined {
  const oids = oidPairs(objects)
  return oids.length === 0
    ? undefined
    : replaced(
        'value',
        oids.map(({ old, now }) => [old, now]),
      )
}

interface OidPair {
  readonly old: number
  readonly now: number
}

function oidPairs(objects: Iterable<ChangedObject>): readonly OidPair[] {
  const oids: OidPair[] = []
  for (const { before: old, after: now } of objects) {
    if (old.kind === 'function' || old.oid === now.oid) continue
    oids.push({ old: old.oid, now: now.oid })
    if (old.arrayOid !== undefined && now.arrayOid !== undefined) oids.push({ old: old.arrayOid, now: now.arrayOid })
  }
  return oids
}

function oldOids({ name }: Column, oids: readonly OidPair[]): ComputedColumn {
  const write = replaced(
    'value',
    oids.map(({ old, now }) => [old, now]),
  )
  return {
    kind: 'computed',
    type: 'oid',
    read: replaced(
      name,
      oids.map(({ old, now }) => [now, old]),
    ),
    writes: [],
    key: { column: name, write, injective: true, total: true, monotone: false, comparable: false },
  }
}

/** `CASE WHEN oid = '16470' THEN '16390' ELSE oid END`. */
function replaced(column: string, pairs: readonly (readonly [number, number])[]): Expression {
  const oid = (value: number) => `${quoteLiteral(String(value))}::pg_catalog.oid`
  const cases = pairs.flatMap(([from, to]) => [
    ' WHEN ',
    { column },
    ` OPERATOR(pg_catalog.=) ${oid(from)} THEN ${oid(to)}`,
  ])
  return ['CASE', ...cases, ' ELSE ', { column }, ' END']
}
