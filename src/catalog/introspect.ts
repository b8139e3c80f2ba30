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
import { catalogSql, defaultsSql, userCatalogSql } from './introspect-sql.js'
import { keepRelations } from './keep-relations.js'

/** Runs one statement by the simple protocol and gives its rows in text form. */
export type TextQuery = (sql: string) => Promise<(string | null)[][]>

/**
 * Reads the catalog of the database that `query` reaches, as its transaction sees it: also inside a migration, where
 * uncommitted DDL counts. An earlier catalog of the same database lends its relations that have not changed: those of the
 * system, which is not read again, and of the others those that are found the same. Rejects as `query` does.
 */
export async function introspect(query: TextQuery, earlier?: Catalog): Promise<Catalog> {
  const asked = [query(earlier === undefined ? catalogSql : userCatalogSql), readDefaults(query)] as const
  const [rows, defaults] = await Promise.all(asked)
  const json = rows[0]?.[0]
  if (typeof json !== 'string') throw new Error('the introspection query gave no row')
  const data = withDefaults(decodeCatalog(json), defaults)
  if (earlier === undefined) return makeCatalog(data)
  const system = earlier.relations.filter((relation) => isSystemSchema(relation.schema))
  return makeCatalog({ ...data, relations: [...system, ...keepRelations(data.relations, earlier.byOid)] })
}

/** Texts of defaults by `oid.attnum`. */
async function readDefaults(query: TextQuery): Promise<ReadonlyMap<string, string>> {
  const list = (await query(defaultsSql))[0]?.[0]
  const rows = JSON.parse(list ?? '[]') as [oid: number | null, attnum: number, text: string][]
  return new Map(rows.map(([oid, attnum, text]) => [`${oid}.${attnum}`, text]))
}

function withDefaults(data: CatalogData, defaults: ReadonlyMap<string, string>): CatalogData {
  if (defaults.size === 0) return data
  const relations = data.relations.map((relation) => {
    if (!relation.columns.some(({ defaultTree }) => defaultTree !== undefined)) return relation
    const columns = relation.columns.map((column) => {
      const text = defaults.get(`${relation.oid}.${column.attnum}`)
      return text === undefined ? column : { ...column, defaultText: text }
    })
    return { ...relation, columns }
  })
  return { ...data, relations }
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
    objects: (data.objects ?? []).map(decodeObject),
  }
}

interface EncodedCatalog {
  databaseOid: number
  serverVersion: number
  schemas: string[]
  relations: EncodedRelation[] | null
  functions: [schema: string, name: string, relation: number, givesRows: boolean][] | null
  objects: EncodedObject[] | null
}

type EncodedObject = [
  oid: number,
  kind: NamedObject['kind'],
  schema: string,
  name: string,
  shape: string[],
  details: EncodedFunctionDetails | EncodedTypeDetails,
]

interface EncodedFunctionDetails {
  readonly least: number
  /** Null for a variadic function. */
  readonly most: number | null
  readonly alsoSystem: boolean
}

interface EncodedTypeDetails {
  readonly arrayOid: number
  /** Null for all but enums, and for an enum without labels. */
  readonly labelOids: number[] | null
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
  reads: number[] | null,
  rowSecurity: string[] | null,
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

type EncodedIndex = [
  oid: number,
  name: string,
  unique: boolean,
  columns: number[],
  definition: string | null,
  shape: string,
]

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

function decodeObject([oid, kind, schema, name, shape, details]: EncodedObject): NamedObject {
  const object = { oid, kind, schema, name, shape: kind === 'domain' ? shape.map(unsignedBytes) : shape }
  if ('least' in details) {
    const { least, most, alsoSystem } = details
    return { ...object, arguments: { least, most: most ?? Number.POSITIVE_INFINITY }, alsoSystem }
  }
  const { arrayOid, labelOids } = details
  return {
    ...object,
    ...(arrayOid === 0 ? {} : { arrayOid }),
    ...(kind === 'enum' ? { labelOids: labelOids ?? [] } : {}),
  }
}

function decodeRelation(encoded: EncodedRelation): Relation {
  const [oid, schema, name, kind, rowTypeOid, columns, constraints, indexes, parents, reads, rowSecurity] = encoded
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
    ...(reads === null ? {} : { reads }),
    ...(rowSecurity === null ? {} : { rowSecurity: rowSecurity.map(unsignedBytes) }),
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
    ...(tree === null ? {} : { defaultTree: unsignedBytes(tree) }),
  }
}

function decodeConstraint([oid, name, kind, columns, definition, shape]: EncodedConstraint): Constraint {
  return {
    oid,
    name,
    kind: decodeCode(constraintKinds, kind),
    columns: columns ?? [],
    definition: definition ?? '',
    shape: unsignedBytes(shape),
  }
}

function decodeIndex([oid, name, unique, columns, definition, shape]: EncodedIndex): Index {
  return { oid, name, unique, columns, definition: definition ?? '', shape: unsignedBytes(shape) }
}

/** Node trees print the bytes of a constant as C chars, which are signed on some machines. */
function unsignedBytes(tree: string): string {
  if (!tree.includes(' -')) return tree
  return tree.replace(/:constvalue \d+ \[[^\]]*\]/g, (constant) =>
    constant.replace(/-\d+/g, (byte) => String(Number(byte) + 256)),
  )
}

/** A "char" code of the system catalogs as a word; a code of a later PostgreSQL is a bug here, not an answer. */
function decodeCode<T extends Record<string, string>>(words: T, code: string): T[keyof T] {
  const word = words[code as keyof T]
  if (word === undefined) throw new Error(`PostgreSQL's catalog holds the code "${code}", which is not known here`)
  return word
}
