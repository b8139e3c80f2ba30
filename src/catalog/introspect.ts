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
  type RelationKind,
} from './catalog.js'
import { isSystemSchema } from './diff.js'
import { type CatalogMarks, changedRelations, readMarks } from './fingerprint.js'
import { catalogSql, defaultsSql, relationDefaultsSql, relationsSql, userCatalogSql } from './introspect-sql.js'
import { keepRelations } from './keep-relations.js'

/** Runs one statement by the simple protocol and gives its rows in text form. */
export type TextQuery = (sql: string) => Promise<(string | null)[][]>

/**
 * Reads the catalog of the database that `query` reaches, as its transaction sees it: also inside a migration, where
 * uncommitted DDL counts. An earlier catalog of the same database lends its relations that have not changed: those of the
 * system, which is not read again, and of the others those that are found the same. Rejects as `query` does.
 */
export async function introspect(query: TextQuery, earlier?: Catalog): Promise<Catalog> {
  const asked = [query(earlier === undefined ? catalogSql : userCatalogSql), query(defaultsSql)] as const
  const [rows, defaults] = await Promise.all(asked)
  const json = rows[0]?.[0]
  if (typeof json !== 'string') throw new Error('the introspection query gave no row')
  const data = decodeCatalog(json)
  const relations = withDefaults(data.relations, decodeDefaults(defaults))
  if (earlier === undefined) return makeCatalog({ ...data, relations })
  const system = earlier.relations.filter((relation) => isSystemSchema(relation.schema))
  return makeCatalog({ ...data, relations: [...system, ...keepRelations(relations, earlier.byOid)] })
}

/** A catalog as a transaction saw it, with what tells what has changed since. */
export interface SeenCatalog {
  readonly catalog: Catalog
  readonly marks: CatalogMarks
}

/** Runs one statement with oids as its one parameter, $1 of type oid[]. */
export type OidsQuery = (sql: string, oids: readonly number[]) => Promise<(string | null)[][]>

/** `introspect`, to be gone on from. */
export async function introspectMarked(query: TextQuery, earlier?: Catalog): Promise<SeenCatalog> {
  // In this order: what changes in between counts as changed, and is read once more.
  const [marks, catalog] = await Promise.all([readMarks(query), introspect(query, earlier)])
  return { marks, catalog }
}

/**
 * What `introspectMarked` gives, reading only relations that have changed since `seen`, where nothing else has: the time does
 * not grow with the number of tables then. `earlier` lends relations as for `introspect`.
 */
export async function introspectChanges(
  { query, queryOids }: { readonly query: TextQuery; readonly queryOids: OidsQuery },
  seen: SeenCatalog,
  earlier: Catalog,
): Promise<SeenCatalog> {
  const marks = await readMarks(query)
  const oids = changedRelations(seen.marks, marks)
  const relations = oids && (await readRelations(queryOids, oids, seen.catalog))
  if (relations === undefined) return { marks, catalog: await introspect(query, earlier) }
  return { marks, catalog: makeCatalog({ ...seen.catalog, relations: keepRelations(relations, earlier.byOid) }) }
}

/** Those of the catalog, some of them read again; undefined where that would not be enough. */
async function readRelations(
  queryOids: OidsQuery,
  oids: readonly number[],
  { relations, byOid }: Catalog,
): Promise<readonly Relation[] | undefined> {
  if (oids.length === 0) return relations
  // The text of a default names the sequence, whatever its schema.
  if (!oids.every((oid) => READ_ALONE.has(byOid.get(oid)?.kind))) return undefined
  const wanted = [...oids, ...relations.filter(refersTo(new Set(oids))).map(({ oid }) => oid)]
  const [rows, defaults] = await Promise.all([queryOids(relationsSql, wanted), queryOids(relationDefaultsSql, wanted)])
  const list = JSON.parse(rows[0]?.[0] ?? '[]') as EncodedRelation[]
  const now = new Map(withDefaults(list.map(decodeRelation), decodeDefaults(defaults)).map((one) => [one.oid, one]))
  if (!oids.every((oid) => now.has(oid))) return undefined
  return relations.map((relation) => now.get(relation.oid) ?? relation)
}

/** Those whose foreign keys name columns of the relations. */
function refersTo(oids: ReadonlySet<number>): (relation: Relation) => boolean {
  // After condeferrable, condeferred, connoinherit and conkey (introspect-sql.ts).
  const referenced = ({ shape }: Constraint) => (shape === undefined ? undefined : Number(shape.split(' ')[4]))
  return ({ constraints }) =>
    constraints.some((one) => one.kind === 'foreign' && (one.shape === undefined || oids.has(referenced(one) ?? 0)))
}

/** Kinds of relations of which nothing stands in what others say of themselves, but in foreign keys. */
const READ_ALONE: ReadonlySet<RelationKind | undefined> = new Set(['table', 'partitioned', 'view', 'materialized'])

/** Texts of defaults by `oid.attnum`. */
function decodeDefaults(rows: (string | null)[][]): ReadonlyMap<string, string> {
  const list = JSON.parse(rows[0]?.[0] ?? '[]') as [oid: number | null, attnum: number, text: string][]
  return new Map(list.map(([oid, attnum, text]) => [`${oid}.${attnum}`, text]))
}

function withDefaults(relations: readonly Relation[], defaults: ReadonlyMap<string, string>): readonly Relation[] {
  if (defaults.size === 0) return relations
  return relations.map((relation) => {
    if (!relation.columns.some(({ defaultTree }) => defaultTree !== undefined)) return relation
    const columns = relation.columns.map((column) => {
      const text = defaults.get(`${relation.oid}.${column.attnum}`)
      return text === undefined ? column : { ...column, defaultText: text }
    })
    return { ...relation, columns }
  })
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
