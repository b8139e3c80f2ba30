import { type Catalog, type Column, makeCatalog, type Relation } from '../catalog/catalog.js'
import { addedColumns, type BoundRule, heldColumns } from './fit-rule.js'
import { tableNames } from './table-name.js'

/**
 * The catalog of the version before a step, from the one after it: the same oids and attnums under the old names,
 * without the added columns. A relation that has taken a name that the old version used for another one is new.
 *
 *     people(id, mail, country) + { users: { to: people, columns: { email: mail }, added: [country] } }
 *     => users(id, email)
 */
export function deriveBefore(after: Catalog, bound: readonly BoundRule[]): Catalog {
  return renameCatalog(after, bound, ({ rule, relation }) => {
    const { before } = tableNames(rule)
    const added = addedColumns(rule)
    const old = new Map(heldColumns(rule).map(({ from, to }) => [to.value, from.value]))
    return {
      schema: before.schema ?? relation.schema,
      name: before.name,
      columnsOf: (columns) =>
        columns
          .filter((column) => !added.has(column.name))
          .map((column) => ({ ...column, name: old.get(column.name) ?? column.name })),
    }
  })
}

/** What the catalog will be like after a step that has not run yet; the types of its added columns are not known. */
export function deriveAfter(before: Catalog, bound: readonly BoundRule[]): Catalog {
  return renameCatalog(before, bound, ({ rule, relation }) => {
    const { after } = tableNames(rule)
    const names = new Map(heldColumns(rule).map(({ from, to }) => [from.value, to.value]))
    return {
      schema: after.schema ?? relation.schema,
      name: after.name,
      columnsOf: (columns) => {
        const renamed = columns.map((column) => ({ ...column, name: names.get(column.name) ?? column.name }))
        const last = Math.max(0, ...columns.map((column) => column.attnum))
        return [
          ...renamed,
          ...[...addedColumns(rule).keys()].map((name, index) => unknownColumn(name, last + 1 + index)),
        ]
      },
    }
  })
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
