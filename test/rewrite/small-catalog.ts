import { type Catalog, type Column, makeCatalog, type Relation } from '../../src/catalog/catalog.js'

/**
 * A catalog from lines such as `1 public.users: id name email` (the number is the oid; columns get attnums in order,
 * `name#4` sets one). Columns are text, `lead:1001` is of the type with that oid; a relation's row type has its oid plus 1000.
 */
export function smallCatalog(...lines: readonly string[]): Catalog {
  const relations = lines.map(relationOf)
  return makeCatalog({
    databaseOid: 5,
    serverVersion: 180000,
    schemas: [...new Set(relations.map((relation) => relation.schema))],
    relations,
    rowTypeFunctions: [],
  })
}

function relationOf(line: string): Relation {
  const [, oid, schema, name, columns] = /^(\d+) ([^.]+)\.([^:]+): (.*)$/.exec(line) ?? []
  if (oid === undefined || schema === undefined || name === undefined || columns === undefined) {
    throw new Error(`not a relation: ${line}`)
  }
  return {
    oid: Number(oid),
    schema,
    name,
    kind: 'table',
    rowTypeOid: Number(oid) + 1000,
    columns: columns.split(' ').map(columnOf),
    constraints: [],
    indexes: [],
    parents: [],
  }
}

function columnOf(text: string, index: number): Column {
  const [, name = '', attnum, typeOid] = /^([^#:]+)(?:#(\d+))?(?::(\d+))?$/.exec(text) ?? []
  return {
    name,
    attnum: attnum === undefined ? index + 1 : Number(attnum),
    typeOid: typeOid === undefined ? 25 : Number(typeOid),
    typmod: -1,
    type: 'text',
    collationOid: 100,
    notNull: false,
    hasDefault: false,
    identity: 'none',
    generated: 'none',
  }
}
