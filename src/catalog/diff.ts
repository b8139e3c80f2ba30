import type { Catalog, Column, Constraint, Index, NamedObject, Relation } from './catalog.js'

/** A change between two catalogs that statements of the older version would not survive. */
export interface Difference {
  /** The relation (or function, type) as the older version names it, schema-qualified. */
  readonly relation: string
  /** The column as the older version names it. */
  readonly column?: string
  /** What is different, as a clause: `the column was dropped`. */
  readonly what: string
  /** What its author can do about it. */
  readonly hint: string
}

/** An old relation and what became of it, where something changed that an old statement can name or see. */
export interface ChangedRelation {
  readonly before: Relation
  readonly after: Relation
  /** Every old column with the column it is now, in old order. */
  readonly columns: readonly { readonly before: Column; readonly after: Column }[]
  /** Columns that the older version does not have. */
  readonly added: readonly Column[]
}

export interface CatalogDiff {
  readonly changed: readonly ChangedRelation[]
  readonly differences: readonly Difference[]
}

/**
 * Compares two catalogs of one database by identity: relations by oid, columns by attnum. Renames, moves and additions
 * are `changed`; what an old statement would meet otherwise is a `difference`. New relations are neither.
 */
export function diffCatalogs(before: Catalog, after: Catalog): CatalogDiff {
  const changed: ChangedRelation[] = []
  const differences: Difference[] = []
  for (const old of before.relations) {
    if (isSystemSchema(old.schema)) continue
    const found = after.byOid.get(old.oid) ?? findRecreatedView(old, before, after)
    if (found === undefined) {
      differences.push({
        relation: qualifiedName(old),
        what: `the ${words[old.kind]} was dropped`,
        hint: 'old statements still name it: keep it until no client speaks the old version',
      })
      continue
    }
    differences.push(...diffRelation(old, found))
    const pair = pairColumns(old, found)
    if (isChanged(pair)) changed.push(pair)
  }
  differences.push(...diffObjects(before.objects ?? [], after.objects ?? []))
  return { changed, differences }
}

/** `schema.name`, for messages. */
export function qualifiedName(thing: { readonly schema: string; readonly name: string }): string {
  return `${thing.schema}.${thing.name}`
}

/** One line for a person: `public.users.email: the column was dropped (keep it ...)`. */
export function formatDifference(difference: Difference): string {
  const { relation, column, what, hint } = difference
  return `${column === undefined ? relation : `${relation}.${column}`}: ${what} (${hint})`
}

export function isSystemSchema(schema: string): boolean {
  return schema === 'pg_catalog' || schema === 'information_schema'
}

const words = {
  table: 'table',
  partitioned: 'partitioned table',
  view: 'view',
  materialized: 'materialized view',
  foreign: 'foreign table',
  sequence: 'sequence',
  composite: 'composite type',
} as const satisfies Record<Relation['kind'], string>

/** A view that vanished and came back in one migration under the same name and kind is the same view. */
function findRecreatedView(old: Relation, before: Catalog, after: Catalog): Relation | undefined {
  if (old.kind !== 'view' && old.kind !== 'materialized') return undefined
  const candidate = after.byName.get(old.schema)?.get(old.name)
  if (candidate === undefined || candidate.kind !== old.kind || before.byOid.has(candidate.oid)) return undefined
  return candidate
}

function pairColumns(before: Relation, after: Relation): ChangedRelation {
  const byAttnum = new Map(after.columns.map((column) => [column.attnum, column]))
  const columns = before.columns.flatMap((column) => {
    const now = byAttnum.get(column.attnum)
    byAttnum.delete(column.attnum)
    return now === undefined ? [] : [{ before: column, after: now }]
  })
  return { before, after, columns, added: [...byAttnum.values()] }
}

function isChanged({ before, after, columns, added }: ChangedRelation): boolean {
  return (
    before.name !== after.name ||
    before.schema !== after.schema ||
    added.length > 0 ||
    columns.some((column) => column.before.name !== column.after.name) ||
    anyRenamed(before.constraints, after.constraints) ||
    anyRenamed(before.indexes, after.indexes)
  )
}

/** ON CONFLICT ON CONSTRAINT and error fields name constraints and indexes. */
function anyRenamed(
  before: readonly { oid: number; name: string }[],
  after: readonly { oid: number; name: string }[],
): boolean {
  if (before.length === 0) return false
  const names = new Map(after.map((thing) => [thing.oid, thing.name]))
  return before.some((thing) => (names.get(thing.oid) ?? thing.name) !== thing.name)
}

function diffRelation(before: Relation, after: Relation): Difference[] {
  const relation = qualifiedName(before)
  const differences: Difference[] = []
  const refuse = (what: string, hint: string, column?: string) =>
    differences.push(column === undefined ? { relation, what, hint } : { relation, column, what, hint })

  if (before.kind !== after.kind) {
    refuse(`the ${words[before.kind]} became a ${words[after.kind]}`, 'this is not supported yet')
  }
  if (before.parents.join() !== after.parents.join()) {
    refuse(
      'its parent table or partition changed',
      'rows would appear in or vanish from old queries on the parent: do it when no client speaks the old version',
    )
  }
  const now = new Map(after.columns.map((column) => [column.attnum, column]))
  for (const column of before.columns) {
    const other = now.get(column.attnum)
    if (other === undefined) {
      refuse('the column was dropped', 'keep it until no client speaks the old version', column.name)
      continue
    }
    for (const [what, hint] of diffColumn(column, other)) refuse(what, hint, column.name)
  }
  for (const [what, hint] of diffConstraints(before.constraints, after.constraints)) refuse(what, hint)
  for (const [what, hint] of diffUniqueIndexes(before, after)) refuse(what, hint)
  return differences
}

type Finding = readonly [what: string, hint: string]

function diffColumn(before: Column, after: Column): Finding[] {
  const findings: Finding[] = []
  if (before.typeOid !== after.typeOid || before.typmod !== after.typmod) {
    findings.push([
      `its type changed from ${before.type} to ${after.type}`,
      'type changes are not supported yet: add a new column instead',
    ])
  } else if (before.collationOid !== after.collationOid) {
    findings.push(['its collation changed', 'old queries would sort and compare otherwise: add a new column instead'])
  }
  if (!before.notNull && after.notNull) {
    findings.push([
      'it became NOT NULL',
      'old statements may still write NULL: do it when no client speaks the old version',
    ])
  }
  if (before.notNull && !after.notNull) {
    findings.push([
      'it is no longer NOT NULL',
      'old clients do not expect NULL: do it when no client speaks the old version',
    ])
  }
  if (before.identity !== after.identity || before.generated !== after.generated) {
    findings.push([
      'its identity or generation changed',
      'old INSERTs would give other values or fail: do it when no client speaks the old version',
    ])
  } else if (before.defaultTree !== after.defaultTree || before.hasDefault !== after.hasDefault) {
    findings.push([
      after.hasDefault ? 'its default changed' : 'its default was dropped',
      'old INSERTs rely on the default: do it when no client speaks the old version',
    ])
  }
  return findings
}

function diffConstraints(before: readonly Constraint[], after: readonly Constraint[]): Finding[] {
  const judged = (constraint: Constraint) => constraint.kind !== 'not null'
  const lost = unmatched(before.filter(judged), after)
  const gained = unmatched(after.filter(judged), before)
  return [
    ...lost.map(
      (c): Finding => [
        `the ${constraintWords[c.kind]} "${c.name}" was dropped or changed`,
        'old statements may rely on it: keep it until no client speaks the old version',
      ],
    ),
    ...gained.map(
      (c): Finding => [
        `a new ${constraintWords[c.kind]} "${c.name}": ${c.definition}`,
        'old statements may violate it: add it when no client speaks the old version',
      ],
    ),
  ]
}

const constraintWords = {
  primary: 'primary key',
  unique: 'unique constraint',
  foreign: 'foreign key',
  check: 'check constraint',
  exclusion: 'exclusion constraint',
  'not null': 'not-null constraint',
  trigger: 'constraint trigger',
} as const satisfies Record<Constraint['kind'], string>

/** Unique indexes that no constraint owns; an index that a constraint owns has its name and is judged with it. */
function diffUniqueIndexes(before: Relation, after: Relation): Finding[] {
  const own = (relation: Relation) => {
    const owned = new Set(relation.constraints.map((constraint) => constraint.name))
    return relation.indexes.filter((index) => index.unique && !owned.has(index.name))
  }
  return [
    ...unmatched(own(before), own(after)).map(
      (index): Finding => [
        `the unique index "${index.name}" was dropped or changed`,
        'ON CONFLICT of old statements may need it: keep it until no client speaks the old version',
      ],
    ),
    ...unmatched(own(after), own(before)).map(
      (index): Finding => [
        `a new unique index "${index.name}"`,
        'old statements may violate it: add it when no client speaks the old version',
      ],
    ),
  ]
}

/** Those of `some` that `others` does not have: by oid, or dropped and made again with the same shape. */
function unmatched<T extends Constraint | Index>(some: readonly T[], others: readonly T[]): T[] {
  const shapeOf = (thing: T) => thing.shape ?? thing.definition
  const byOid = new Map(others.map((thing) => [thing.oid, shapeOf(thing)]))
  const remade = new Set(others.map((thing) => `${thing.name} ${shapeOf(thing)}`))
  return some.filter(
    (thing) => byOid.get(thing.oid) !== shapeOf(thing) && !remade.has(`${thing.name} ${shapeOf(thing)}`),
  )
}

function diffObjects(before: readonly NamedObject[], after: readonly NamedObject[]): Difference[] {
  if (before.length === 0) return []
  const signature = (object: NamedObject) =>
    JSON.stringify([object.kind, object.schema, object.name, object.kind === 'enum' ? [] : object.shape])
  const byOid = new Map(after.map((object) => [object.oid, object]))
  const bySignature = new Map(after.map((object) => [signature(object), object]))
  return before.flatMap((old): Difference[] => {
    const now = byOid.get(old.oid) ?? bySignature.get(signature(old))
    if (now === undefined) {
      return [
        {
          relation: qualifiedName(old),
          what: `the ${old.kind} was dropped`,
          hint: 'old statements may use it: keep it until no client speaks the old version',
        },
      ]
    }
    if (signature(now) !== signature(old) || !old.shape.every((label) => now.shape.includes(label))) {
      return [
        {
          relation: qualifiedName(old),
          what:
            now.schema === old.schema && now.name === old.name
              ? `the ${old.kind} changed`
              : `the ${old.kind} is now ${qualifiedName(now)}`,
          hint: `only tables and columns can be renamed or moved so far: keep this ${old.kind} until no client speaks the old version`,
        },
      ]
    }
    return []
  })
}
