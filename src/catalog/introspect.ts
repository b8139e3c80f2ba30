import {
  type Catalog,
  type CatalogData,
  type Column,
  type Constraint,
  type Index,
  makeCatalog,
  type NamedObject,
  RELATION_KINDS,
  type Relation,
} from './catalog.js'
import { isSystemSchema } from './diff.js'
import { introspectSql } from './introspect-sql.js'

/** Runs one statement by the simple protocol and gives its rows in text form. */
export type TextQuery = (sql: string) => Promise<(string | null)[][]>

/**
 * Reads the catalog of the database that `query` reaches, as its transaction sees it: also inside a migration, where
 * uncommitted DDL counts. An earlier catalog of the same database lends its system relations, which never change; that
 * takes a fraction of the time. Rejects as `query` does.
 */
export async function introspect(query: TextQuery, earlier?: Catalog): Promise<Catalog> {
  const rows = await query(introspectSql(earlier === undefined ? 'all' : 'user'))
  const json = rows[0]?.[0]
  if (typeof json !== 'string') throw new Error('the introspection query gave no row')
  const data = decodeCatalog(json)
  if (earlier === undefined) return makeCatalog(data)
  const system = earlier.relations.filter((relation) => isSystemSchema(relation.schema))
  return makeCatalog({ ...data, relations: [...system, ...data.relations] })
}

/** The JSON that `introspectSql` prints. */
function decodeCatalog(json: string): CatalogData {
  const data = JSON.parse(json) as EncodedCatalog
  return {
    databaseOid: data.databaseOid,
    serverVersion: data.serverVersion,
    schemas: data.schemas,
    relations: (data.relations ?? []).map(decodeRelation),
    rowTypeFunctions: (data.functions ?? []).map(([schema, name, relationOid, givesRows]) => ({
      schema,
      name,
      relationOid,
      givesRows,
    })),
    objects: (data.objects ?? []).map(([oid, kind, schema, name, shape]) => ({ oid, kind, schema, name, shape })),
  }
}

interface EncodedCatalog {
  databaseOid: number
  serverVersion: number
  schemas: string[]
  relations: EncodedRelation[] | null
  functions: [schema: string, name: string, relation: number, givesRows: boolean][] | null
  objects: [oid: number, kind: NamedObject['kind'], schema: string, name: string, shape: string[]][] | null
}

type EncodedRelation = [
  oid: number,
  schema: string,
  name: string,
  kind: string,
  rowType: number,
  columns: EncodedColumn[] | null,
  constraints: EncodedConstraint[] | null,
  indexes: EncodedIndex[] | null,
  parents: number[] | null,
]

type EncodedColumn = [
  name: string,
  attnum: number,
  typeOid: number,
  typmod: number,
  type: string,
  collation: number,
  notNull: boolean,
  hasDefault: boolean,
  identity: string,
  generated: string,
  defaultTree: string | null,
]

type EncodedConstraint = [
  oid: number,
  name: string,
  kind: string,
  columns: number[] | null,
  definition: string | null,
  shape: string,
]

type EncodedIndex = [oid: number, name: string, unique: boolean, definition: string | null, shape: string]

const constraintKinds = {
  p: 'primary',
  u: 'unique',
  f: 'foreign',
  c: 'check',
  x: 'exclusion',
  n: 'not null',
  t: 'trigger',
} as const satisfies Record<string, Constraint['kind']>

const identities = { '': 'none', a: 'always', d: 'by default' } as const
const generations = { '': 'none', s: 'stored', v: 'virtual' } as const

function decodeRelation(encoded: EncodedRelation): Relation {
  const [oid, schema, name, kind, rowTypeOid, columns, constraints, indexes, parents] = encoded
  return {
    oid,
    schema,
    name,
    kind: decodeCode(RELATION_KINDS, kind),
    rowTypeOid,
    columns: (columns ?? []).map(decodeColumn),
    constraints: (constraints ?? []).map(decodeConstraint),
    indexes: (indexes ?? []).map(decodeIndex),
    parents: parents ?? [],
  }
}

function decodeColumn(encoded: EncodedColumn): Column {
  const [name, attnum, typeOid, typmod, type, collationOid, notNull, hasDefault, identity, generated, tree] = encoded
  return {
    name,
    attnum,
    typeOid,
    typmod,
    type,
    collationOid,
    notNull,
    hasDefault,
    identity: decodeCode(identities, identity),
    generated: decodeCode(generations, generated),
    ...(tree === null ? {} : { defaultTree: tree }),
  }
}

function decodeConstraint([oid, name, kind, columns, definition, shape]: EncodedConstraint): Constraint {
  return {
    oid,
    name,
    kind: decodeCode(constraintKinds, kind),
    columns: columns ?? [],
    definition: definition ?? '',
    shape,
  }
}

function decodeIndex([oid, name, unique, definition, shape]: EncodedIndex): Index {
  return { oid, name, unique, definition: definition ?? '', shape }
}

/** A "char" code of the system catalogs as a word; a code of a later PostgreSQL is a bug here, not an answer. */
function decodeCode<T extends Record<string, string>>(words: T, code: string): T[keyof T] {
  const word = words[code as keyof T]
  if (word === undefined) throw new Error(`PostgreSQL's catalog holds the code "${code}", which is not known here`)
  return word
}
