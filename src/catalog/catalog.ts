/** What a relation is: pg_class.relkind of everything that can be named in a statement. */
export type RelationKind = 'table' | 'partitioned' | 'view' | 'materialized' | 'foreign' | 'sequence' | 'composite'

/** By pg_class.relkind. */
export const RELATION_KINDS: Readonly<Record<string, RelationKind>> = {
  r: 'table',
  p: 'partitioned',
  v: 'view',
  m: 'materialized',
  f: 'foreign',
  S: 'sequence',
  c: 'composite',
}

/** One live column of a relation (pg_attribute with attnum > 0, not dropped). */
export interface Column {
  readonly name: string
  readonly attnum: number
  readonly typeOid: number
  /** pg_attribute.atttypmod; -1 where the type has none. */
  readonly typmod: number
  /** The type as format_type prints it, ready to stand after `::`. */
  readonly type: string
  readonly collationOid: number
  readonly notNull: boolean
  readonly hasDefault: boolean
  readonly identity: 'none' | 'always' | 'by default'
  readonly generated: 'none' | 'stored' | 'virtual'
  /**
   * The default or generation expression as PostgreSQL stores it (a node tree, without text locations): it holds oids
   * and attnums, so that it stays the same under renames and any search_path. Absent where there is none.
   */
  readonly defaultTree?: string
  /** The default as SQL text that means the same in every session; absent where there is none. */
  readonly defaultText?: string
}

/** One row of pg_constraint that belongs to a relation. */
export interface Constraint {
  readonly oid: number
  readonly name: string
  readonly kind: 'primary' | 'unique' | 'foreign' | 'check' | 'exclusion' | 'not null' | 'trigger'
  /** attnums of the constrained columns, in the constraint's order. */
  readonly columns: readonly number[]
  /** pg_get_constraintdef, for messages: its names depend on the search_path of the session that asked. */
  readonly definition: string
  /** What it demands, in oids and attnums alone: the same for a constraint that was dropped and made again. */
  readonly shape?: string
}

/** One index of a relation. */
export interface Index {
  readonly oid: number
  readonly name: string
  readonly unique: boolean
  /** attnums of the columns in the index's order, 0 for an expression. */
  readonly columns?: readonly number[]
  /** pg_get_indexdef, for messages: its names depend on the search_path of the session that asked. */
  readonly definition: string
  /** Key columns, operator classes, expressions and predicate in oids and attnums alone. */
  readonly shape?: string
}

/** A named thing that has columns (or, for a sequence, a name to be read through regclass). */
export interface Relation {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly kind: RelationKind
  /** pg_class.reltype: the oid of the relation's row type; 0 where it has none. */
  readonly rowTypeOid: number
  /** Live columns in attnum order. */
  readonly columns: readonly Column[]
  readonly constraints: readonly Constraint[]
  readonly indexes: readonly Index[]
  /** oids of the relations it inherits from or is a partition of. */
  readonly parents: readonly number[]
  /** Of a view: oids of the relations that its query reads; absent where that is not known. */
  readonly reads?: readonly number[]
  /** `enabled` or `forced`, then its policies in oids and attnums; absent where row level security is off. */
  readonly rowSecurity?: readonly string[]
}

/** A function whose arguments or result hold a relation's row type: its columns follow that relation's. */
export interface RowTypeFunction {
  readonly schema: string
  readonly name: string
  readonly relationOid: number
  /** True where the result, and not only an argument, is of the row type. */
  readonly givesRows: boolean
}

/** A function or a data type of a user schema: here only because a statement may name it. Row types are relations. */
export interface NamedObject {
  readonly oid: number
  readonly kind: 'function' | 'enum' | 'domain' | 'type'
  readonly schema: string
  readonly name: string
  /** What its users rely on: a function's signature in oids, an enum's labels in order, a domain's or range's definition. */
  readonly shape: readonly string[]
  /** Of a data type: the oid of its array type. */
  readonly arrayOid?: number
  /** Of an enum: the oids of its labels, in the order of `shape`. */
  readonly labelOids?: readonly number[]
  /** Of a function: how many arguments a call may give. */
  readonly arguments?: { readonly least: number; readonly most: number }
  /** Of a function: pg_catalog has functions of its name too, so that a bare name may mean one of those. */
  readonly alsoSystem?: boolean
}

/** An immutable picture of one version of the schema. Built by `makeCatalog`. */
export interface Catalog {
  readonly databaseOid: number
  /** server_version_num, e.g. 180004. */
  readonly serverVersion: number
  readonly schemas: readonly string[]
  readonly relations: readonly Relation[]
  readonly rowTypeFunctions: readonly RowTypeFunction[]
  /** Functions and data types of user schemas. */
  readonly objects?: readonly NamedObject[]
  /** By schema, then by name; names are as stored (already folded). */
  readonly byName: ReadonlyMap<string, ReadonlyMap<string, Relation>>
  readonly byOid: ReadonlyMap<number, Relation>
  /** By name, whatever the schema. */
  readonly objectsByName: ReadonlyMap<string, readonly NamedObject[]>
  readonly objectByOid: ReadonlyMap<number, NamedObject>
}

/** The parts of a catalog that are data; the look-ups are derived from them. */
export type CatalogData = Omit<Catalog, 'byName' | 'byOid' | 'objectsByName' | 'objectByOid'>

/** Freezes catalog data and derives its look-ups. */
export function makeCatalog(data: CatalogData): Catalog {
  const byName = new Map<string, Map<string, Relation>>()
  const byOid = new Map<number, Relation>()
  for (const relation of data.relations) {
    const names = byName.get(relation.schema) ?? new Map<string, Relation>()
    byName.set(relation.schema, names.set(relation.name, relation))
    byOid.set(relation.oid, relation)
  }
  const objectsByName = new Map<string, NamedObject[]>()
  const objectByOid = new Map<number, NamedObject>()
  for (const object of data.objects ?? []) {
    const named = objectsByName.get(object.name)
    if (named === undefined) objectsByName.set(object.name, [object])
    else named.push(object)
    objectByOid.set(object.oid, object)
  }
  return Object.freeze({ ...data, byName, byOid, objectsByName, objectByOid })
}

/** The relation that a possibly schema-qualified name means under a search path, or undefined. */
export function findRelation(
  catalog: Catalog,
  path: readonly string[],
  schema: string | undefined,
  name: string,
): Relation | undefined {
  if (schema !== undefined) return catalog.byName.get(schema)?.get(name)
  for (const candidate of path) {
    const relation = catalog.byName.get(candidate)?.get(name)
    if (relation !== undefined) return relation
  }
  return undefined
}
