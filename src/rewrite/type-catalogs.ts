import type { Catalog, Column, NamedObject } from '../catalog/catalog.js'
import { quoteIdentifier, quoteLiteral } from '../sql/identifier.js'
import type { ChangedObject, ColumnMapping, ComputedColumn, Expression, RelationMapping } from './mapping.js'

/** The columns of pg_catalog that drivers find types by: what descriptions call a type must be found there. */
const TYPE_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  pg_type: ['oid', 'typelem', 'typarray', 'typbasetype'],
  pg_enum: ['enumtypid'],
  pg_attribute: ['atttypid'],
}

/**
 * The catalogs of types as clients see them that know types by oids that are gone, by the oids of the catalogs. Empty where
 * no type was made anew, or has a shadow type.
 *
 *     SELECT typname FROM pg_type WHERE oid = 16390        (mood is 16470 now)
 */
export function mapTypeCatalogs(
  before: Catalog,
  after: Catalog,
  objects: Iterable<ChangedObject>,
): ReadonlyMap<number, RelationMapping> {
  const mapped = new Map<number, RelationMapping>()
  const changed = [...objects]
  const oids = seenOids(changed, after)
  if (oids.length === 0) return mapped
  const names = seenNames(changed, after)
  for (const [name, columns] of Object.entries(TYPE_COLUMNS)) {
    const relation = before.byName.get('pg_catalog')?.get(name)
    const now = after.byName.get('pg_catalog')?.get(name)
    if (relation === undefined || now === undefined) continue
    // Columns have the type itself, never its shadow.
    const pairs = name === 'pg_attribute' ? oidPairs(changed) : oids
    const mapping = relation.columns.map((column): [string, ColumnMapping] => [
      column.name,
      columns.includes(column.name) && pairs.length > 0
        ? oldOids(column, pairs)
        : ((name === 'pg_type' ? oldName(column, names) : undefined) ?? { kind: 'column', name: column.name }),
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

export interface OidPair {
  readonly old: number
  readonly now: number
}

/** What types are now, their shadows left aside. */
function oidPairs(objects: Iterable<ChangedObject>): readonly OidPair[] {
  return [...objects].flatMap(({ before, after, relabelled }) => pairsOf(before, relabelled?.now ?? after))
}

/**
 * What statements mean by the oids that clients know. A shadow type and the type itself change places, where that is there
 * still: each oid means one type.
 */
export function seenOids(objects: Iterable<ChangedObject>, after: Catalog): readonly OidPair[] {
  return [...objects].flatMap((change) => {
    const pairs = pairsOf(change.before, change.after)
    const isThere = change.relabelled !== undefined && after.objectByOid.has(change.before.oid)
    return isThere ? [...pairs, ...pairs.map(({ old, now }) => ({ old: now, now: old }))] : pairs
  })
}

function pairsOf(old: NamedObject, now: NamedObject): readonly OidPair[] {
  if (old.kind === 'function' || old.oid === now.oid) return []
  const pair = { old: old.oid, now: now.oid }
  return old.arrayOid === undefined || now.arrayOid === undefined
    ? [pair]
    : [pair, { old: old.arrayOid, now: now.arrayOid }]
}

type Name = Pick<NamedObject, 'schema' | 'name'>

/** By oid of the server: shadow types go by the names of what they stand for, and types that have these names by theirs. */
function seenNames(objects: readonly ChangedObject[], after: Catalog): ReadonlyMap<number, Name> {
  const names = new Map<number, Name>()
  const add = ({ oid, arrayOid }: NamedObject, { schema, name }: Name) => {
    names.set(oid, { schema, name })
    if (arrayOid !== undefined) names.set(arrayOid, { schema, name: `_${name}` })
  }
  for (const { before, after: shadow, relabelled } of objects) {
    if (relabelled === undefined) continue
    const other = after.objectsByName
      .get(before.name)
      ?.find(({ kind, schema }) => kind !== 'function' && schema === before.schema)
    if (other !== undefined) add(other, shadow)
    add(shadow, before)
  }
  return names
}

function oldName({ name }: Column, names: ReadonlyMap<number, Name>): ComputedColumn | undefined {
  if (names.size === 0 || (name !== 'typname' && name !== 'typnamespace')) return undefined
  const [type, text] =
    name === 'typname'
      ? ['name', (seen: Name) => `${quoteLiteral(seen.name)}::pg_catalog.name`]
      : [
          'oid',
          ({ schema }: Name) => `pg_catalog.to_regnamespace(${quoteLiteral(quoteIdentifier(schema))})::pg_catalog.oid`,
        ]
  const cases = [...names].flatMap(([oid, seen]) => [
    ' WHEN ',
    { column: 'oid' },
    ` OPERATOR(pg_catalog.=) ${oidText(oid)} THEN ${text(seen)}`,
  ])
  return { kind: 'computed', type, read: ['CASE', ...cases, ' ELSE ', { column: name }, ' END'], writes: [] }
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
  const cases = pairs.flatMap(([from, to]) => [
    ' WHEN ',
    { column },
    ` OPERATOR(pg_catalog.=) ${oidText(from)} THEN ${oidText(to)}`,
  ])
  return ['CASE', ...cases, ' ELSE ', { column }, ' END']
}

function oidText(value: number): string {
  return `${quoteLiteral(String(value))}::pg_catalog.oid`
}
