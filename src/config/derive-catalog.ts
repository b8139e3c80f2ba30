import { type Catalog, type Column, makeCatalog, type Relation } from '../catalog/catalog.js'
import { addedColumns, type BoundRule, vanishedColumns } from './fit-rule.js'
import type { TableRule } from './rule-file.js'
import { resolvedType, type TypeTable } from './rule-server.js'
import { tableNames } from './table-name.js'

/**
 * The catalog of the version before a step, from the one after it: the same oids and attnums under the old names,
 * without the added columns. A relation that has taken a name that the old version used for another one is new.
 *
 *     people(id, mail, country) + { users: { to: people, columns: { email: mail }, added: [country] } }
 *     => users(id, email)
 */
export function deriveBefore(after: Catalog, bound: readonly BoundRule[], types: TypeTable): Catalog {
  return renameCatalog(after, bound, ({ rule, relation }) => {
    const { before } = tableNames(rule)
    return {
      schema: before.schema ?? relation.schema,
      name: before.name,
      columnsOf: (columns) => oldColumns(rule, columns, types),
    }
  })
}

function oldColumns(rule: TableRule, columns: readonly Column[], types: TypeTable): Column[] {
  const added = addedColumns(rule)
  const held = new Map(rule.columns.flatMap((entry) => (entry.to === undefined ? [] : [[entry.to.value, entry]])))
  const kept = columns
    .filter((column) => !added.has(column.name))
    .map((column) => {
      const entry = held.get(column.name) ?? rule.columns.find(({ from, to }) => !to && from.value === column.name)
      if (entry?.computed === undefined) return { ...column, name: entry?.from.value ?? column.name }
      // Its default is of the new type, and stands for the old one.
      const { defaultText: _, ...rest } = column
      return { ...rest, ...resolvedType(types, entry.computed.type?.value), name: entry.from.value }
    })
  const gone = vanishedColumns(rule, { columns }).map((entry) => ({
    ...unknownColumn(entry.from.value, 0),
    ...resolvedType(types, entry.computed?.type?.value),
  }))
  if (gone.length === 0 && rule.order === undefined) return kept
  return numbered(ordered([...kept, ...gone], rule.order?.columns.map(({ value }) => value) ?? []))
}

/** Columns that the order does not name stand last. */
function ordered(columns: readonly Column[], order: readonly string[]): Column[] {
  const placeOf = ({ name }: Column) => (order.includes(name) ? order.indexOf(name) : order.length)
  return columns.toSorted((a, b) => placeOf(a) - placeOf(b))
}

/** No table of PostgreSQL's has so many columns (MaxHeapAttributeNumber). */
const FREE_NUMBERS = 1601

/** Gives a number to each column without one: one that no other column has. */
function numbered(columns: readonly Column[]): Column[] {
  let next = Math.max(FREE_NUMBERS, ...columns.map(({ attnum }) => attnum + 1))
  return columns.map((column) => (column.attnum === 0 ? { ...column, attnum: next++ } : column))
}

/** What the catalog will be like after a step that has not run yet; new types are not known. */
export function deriveAfter(before: Catalog, bound: readonly BoundRule[]): Catalog {
  return renameCatalog(before, bound, ({ rule, relation }) => {
    const { after } = tableNames(rule)
    return {
      schema: after.schema ?? relation.schema,
      name: after.name,
      columnsOf: (columns) => newColumns(rule, columns),
    }
  })
}

function newColumns(rule: TableRule, columns: readonly Column[]): Column[] {
  const rules = new Map(rule.columns.map((entry) => [entry.from.value, entry]))
  const kept = columns.flatMap((column) => {
    const entry = rules.get(column.name)
    if (entry?.computed === undefined) return [{ ...column, name: entry?.to?.value ?? column.name }]
    if (entry.to !== undefined) return [unknownColumn(entry.to.value, column.attnum)]
    return entry.computed.dropped ? [] : [column]
  })
  const names = new Set(kept.map(({ name }) => name))
  const more = new Set([
    ...addedColumns(rule).keys(),
    ...rule.columns.flatMap(({ computed }) => (computed?.writes ?? []).map(({ column }) => column.value)),
    ...rule.merged.map(({ column }) => column.value),
  ])
  const last = Math.max(0, ...columns.map((column) => column.attnum))
  const fresh = [...more].filter((name) => !names.has(name))
  return [...kept, ...fresh.map((name, index) => unknownColumn(name, last + 1 + index))]
}

interface Renaming {
  readonly schema: string
  readonly name: string
  columnsOf(columns: readonly Column[]): Column[]
}

function renameCatalog(
  catalog: Catalog,
  bound: readonly BoundRule[],
  renamingOf: (entry: BoundRule) => Renaming,
): Catalog {
  const renamings = new Map(bound.map((entry) => [entry.relation.oid, renamingOf(entry)]))
  const names = new Set([...renamings.values()].map(({ schema, name }) => JSON.stringify([schema, name])))
  const relations = catalog.relations.flatMap((relation): Relation[] => {
    const own = renamings.get(relation.oid)
    if (own === undefined && names.has(JSON.stringify([relation.schema, relation.name]))) return []
    const columns = renameColumns(relation, catalog, renamings)
    if (own === undefined && columns === relation.columns) return [relation]
    return [{ ...relation, schema: own?.schema ?? relation.schema, name: own?.name ?? relation.name, columns }]
  })
  const schemas = new Set([...catalog.schemas, ...[...renamings.values()].map(({ schema }) => schema)])
  return makeCatalog({ ...dataOf(catalog), relations, schemas: [...schemas].sort() })
}

/** Columns follow the relation's own rule and those of its parents: PostgreSQL renames and adds them in children too. */
function renameColumns(
  relation: Relation,
  catalog: Catalog,
  renamings: ReadonlyMap<number, Renaming>,
): readonly Column[] {
  const own = renamings.get(relation.oid)
  if (own !== undefined) return own.columnsOf(relation.columns)
  let columns = relation.columns
  for (const oid of relation.parents) {
    const renaming = ancestorRenaming(oid, catalog, renamings)
    if (renaming !== undefined) columns = renaming.columnsOf(columns)
  }
  return columns
}

function ancestorRenaming(
  oid: number,
  catalog: Catalog,
  renamings: ReadonlyMap<number, Renaming>,
): Renaming | undefined {
  const own = renamings.get(oid)
  if (own !== undefined) return own
  for (const parent of catalog.byOid.get(oid)?.parents ?? []) {
    const renaming = ancestorRenaming(parent, catalog, renamings)
    if (renaming !== undefined) return renaming
  }
  return undefined
}

function dataOf({ databaseOid, serverVersion, rowTypeFunctions, objects }: Catalog) {
  return { databaseOid, serverVersion, rowTypeFunctions, ...(objects === undefined ? {} : { objects }) }
}

function unknownColumn(name: string, attnum: number): Column {
  return {
    name,
    attnum,
    typeOid: 0,
    typmod: -1,
    type: 'unknown',
    collationOid: 0,
    notNull: false,
    hasDefault: false,
    identity: 'none',
    generated: 'none',
  }
}
