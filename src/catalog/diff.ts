import type { Catalog, Column, Relation } from './catalog.js'
import { diffRelation, relationWords } from './diff-relation.js'
import { type Difference, qualifiedName } from './difference.js'
import { constraintsNow, indexesNow } from './pair-constraints.js'

/** An old relation and what became of it, where something changed that an old statement can name or see. */
export interface ChangedRelation {
  readonly before: Relation
  readonly after: Relation
  /** Every old column with the column it is now, in old order. */
  readonly columns: readonly { readonly before: Column; readonly after: Column }[]
  /** Old columns that are gone. */
  readonly dropped: readonly Column[]
  /** Columns that the older version does not have. */
  readonly added: readonly Column[]
}

/** What rules say of a relation, which identity cannot tell. */
export interface Declared {
  /** Old columns that are read from and written to new ones by expressions, by name. */
  readonly computed: ReadonlyMap<string, { readonly writes: readonly { readonly column: string }[] }>
  /** Old columns that mean what they meant whatever changed of them, by name. */
  readonly same: ReadonlySet<string>
  readonly allSame: boolean
  /** True where the relation counts as changed whatever identity shows. */
  readonly changed: boolean
  /** Which relation it is now, where its oid is gone, and which new columns the old ones are, where attnums do not show it. */
  readonly remade?: Remade | undefined
}

export interface Remade {
  readonly oid: number
  readonly renamed: ReadonlyMap<string, string>
}

const NOTHING_DECLARED: Declared = { computed: new Map(), same: new Set(), allSame: false, changed: false }

export interface CatalogDiff {
  readonly changed: readonly ChangedRelation[]
  readonly differences: readonly Difference[]
}

/**
 * Compares two catalogs of one database by identity: relations by oid, columns by attnum. Renames, moves, additions, drops
 * and changes of type are `changed`; what an old statement would meet otherwise is a `difference`. New relations are neither.
 * Functions and data types: diff-objects.
 */
export function diffCatalogs(
  before: Catalog,
  after: Catalog,
  declaredOf: (relation: Relation) => Declared = () => NOTHING_DECLARED,
): CatalogDiff {
  const changed: ChangedRelation[] = []
  const differences: Difference[] = []
  for (const old of before.relations) {
    if (isSystemSchema(old.schema)) continue
    const declared = declaredOf(old)
    const found =
      after.byOid.get(old.oid) ?? after.byOid.get(declared.remade?.oid ?? 0) ?? findRemade(old, before, after)
    if (found === undefined) {
      differences.push({
        relation: qualifiedName(old),
        what: `the ${relationWords[old.kind]} was dropped`,
        hint: 'old statements still name it: keep it until no client speaks the old version',
      })
      continue
    }
    if (found === old && !declared.changed) continue
    const pair = pairColumns(old, found, declared.remade)
    differences.push(...diffRelation(pair, declared))
    if (declared.changed || isChanged(pair)) changed.push(pair)
  }
  return { changed, differences }
}

export function isSystemSchema(schema: string): boolean {
  return schema === 'pg_catalog' || schema === 'information_schema'
}

/**
 * What vanished and came back in one migration under the same name and kind is the same relation (decision 14): a view with
 * another query, or a table that was made anew, filled from the old one, and took its name.
 */
export function findRemade(old: Relation, before: Catalog, after: Catalog): Relation | undefined {
  const candidate = after.byName.get(old.schema)?.get(old.name)
  if (candidate === undefined || candidate.kind !== old.kind || before.byOid.has(candidate.oid)) return undefined
  return candidate
}

function pairColumns(before: Relation, after: Relation, remade: Remade | undefined): ChangedRelation {
  const isSame = before.oid === after.oid
  const numbers = new Set(isSame ? before.columns.map(({ attnum }) => attnum) : [])
  // The columns of a relation that was made again are numbered anew; so is a column that was dropped and made again.
  const byName = new Map(after.columns.filter(({ attnum }) => !numbers.has(attnum)).map((one) => [one.name, one]))
  const byNumber = new Map(after.columns.map((column) => [column.attnum, column]))
  const taken = new Set<Column>()
  const columns = before.columns.flatMap((column) => {
    const renamed = remade?.renamed.get(column.name)
    const named = byName.get(renamed ?? (isSame ? '' : column.name))
    const now = isSame ? (byNumber.get(column.attnum) ?? named) : named
    if (now === undefined || taken.has(now)) return []
    taken.add(now)
    return [{ before: column, after: now }]
  })
  const kept = new Set(columns.map((column) => column.before))
  const dropped = before.columns.filter((column) => !kept.has(column))
  return { before, after, columns, dropped, added: after.columns.filter((column) => !taken.has(column)) }
}

function isChanged({ before, after, columns, dropped, added }: ChangedRelation): boolean {
  return (
    // What a statement says of a table made again is looked up by oid.
    (before.oid !== after.oid && (after.kind === 'table' || after.kind === 'partitioned')) ||
    before.name !== after.name ||
    before.schema !== after.schema ||
    added.length > 0 ||
    dropped.length > 0 ||
    columns.some((column) => isOther(column.before, column.after)) ||
    anyRenamed(constraintsNow(before, after)) ||
    anyRenamed(indexesNow(before, after))
  )
}

function isOther(before: Column, after: Column): boolean {
  return (
    before.attnum !== after.attnum ||
    before.name !== after.name ||
    before.typeOid !== after.typeOid ||
    before.typmod !== after.typmod ||
    before.collationOid !== after.collationOid ||
    before.defaultTree !== after.defaultTree ||
    before.identity !== after.identity ||
    before.generated !== after.generated
  )
}

/** ON CONFLICT ON CONSTRAINT and error fields name constraints and indexes. */
function anyRenamed(now: ReadonlyMap<{ readonly name: string }, { readonly name: string }>): boolean {
  return [...now].some(([before, after]) => before.name !== after.name)
}
