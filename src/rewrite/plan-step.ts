import type { Catalog, Column, Relation } from '../catalog/catalog.js'
import { type ChangedRelation, type Declared, diffCatalogs, type Remade } from '../catalog/diff.js'
import { type Difference, qualifiedName, type TableAnswer } from '../catalog/difference.js'
import { castColumn } from './cast-column.js'
import { notNullSetting } from './dropped-not-null.js'
import { lostColumn } from './lost-column.js'
import {
  type ChangedObject,
  type ColumnMapping,
  type ColumnWrite,
  type ComputedColumn,
  columnsBehind,
  type InsertValue,
  type Mapping,
  type RelationMapping,
} from './mapping.js'
import { isNarrower } from './narrowing.js'
import { mapObjects } from './object-mapping.js'
import { planDefaults } from './plan-defaults.js'
import { planMerged } from './plan-merged.js'
import { relabelColumn, relabelledTypes } from './relabel-column.js'
import { mapTypeCatalogs } from './type-catalogs.js'

/** What rules say of one relation beyond what identity shows. */
export interface RelationRules {
  /** What old INSERTs give to new columns. */
  readonly insert: readonly InsertValue[]
  /** Old columns that are computed, by old name. */
  readonly columns: ReadonlyMap<string, ComputedColumn>
  /** New columns that are made of several old ones: places are old columns. */
  readonly merged?: readonly ColumnWrite[]
  /** The defaults of old columns, by old name, as SQL text: for those that identity does not show. */
  readonly defaults?: ReadonlyMap<string, string>
  /** What its author declares to mean what it meant: old columns by name, or the relation whatever changed of it. */
  readonly same?: { readonly relation: boolean; readonly columns: ReadonlySet<string> }
  /** What the migration did to its rows need not hold for rows that old statements write afterwards. */
  readonly independent?: boolean
  /** The relation that it is now, where its oid is gone. */
  readonly remade?: Remade
}

/** What rules say of a step, by oid of the old relation. */
export type StepRules = ReadonlyMap<number, RelationRules>

export interface PlannedStep {
  readonly mapping: Mapping
  /** Why statements of the older version would not survive; the step is good only where this is empty. */
  readonly differences: readonly Difference[]
}

const NO_RULES: RelationRules = { insert: [], columns: new Map() }

/**
 * How the older version is seen through the newer one, found by identity and rules. A relation is in the mapping where
 * its name, its schema, a constraint name, or any column changed.
 *
 *     ALTER TABLE users RENAME TO people  =>  users (oid 16385) -> people (oid 16385)
 */
export function planStep(before: Catalog, after: Catalog, rules: StepRules = new Map()): PlannedStep {
  const mapped = mapObjects(before, after)
  const rulesFor = (relation: Relation) => rulesOf(relation, before, rules)
  const { changed, differences } = diffCatalogs(mapped.before, after, (relation) => declaredOf(rulesFor(relation)))
  const relations = new Map<number, RelationMapping>(mapTypeCatalogs(before, after, mapped.objects.values()))
  const refused = [...differences, ...mapped.differences]
  for (const change of changed) {
    const own = rulesFor(change.before)
    const same = own.same?.columns ?? new Set()
    const { columns, differences } = mapColumns(change, own, { before, after }, mapped.objects)
    const added = addedColumns(change.after, columns)
    const defaults = planDefaults(change, columns, own.defaults ?? new Map(), { before, after })
    const merges = planMerged(change, columns, own.merged ?? [], own.defaults ?? new Map(), { before, after })
    const mapping: RelationMapping = {
      // The client's own catalog: names are compared with it by identity.
      before: before.byOid.get(change.before.oid) ?? change.before,
      after: change.after,
      columns,
      added,
      insert: [
        ...own.insert.filter((value) => added.some((column) => column.name === value.column)),
        ...defaults.insert.filter(({ unless = '' }) => !same.has(unless)),
      ],
      ...(merges.merged.length > 0 ? { merged: merges.merged } : {}),
    }
    const settled = own.same?.relation === true ? () => true : ({ column = '' }: Difference) => same.has(column)
    refused.push(
      ...differences,
      ...diffWrites(mapping),
      ...merges.differences,
      ...defaults.differences.filter((difference) => !settled(difference)),
      ...diffInserts(mapping, own.insert),
    )
    relations.set(change.before.oid, mapping)
  }
  for (const [oid, { insert }] of rules) {
    const relation = before.byOid.get(oid)
    if (relation === undefined || relations.has(oid)) continue
    const unchanged = { before: relation, after: relation, columns: new Map(), added: [], insert: [] }
    refused.push(...diffInserts(unchanged, insert))
  }
  return { mapping: { relations, objects: mapped.objects }, differences: refused }
}

function declaredOf({ columns, same, defaults, remade }: RelationRules): Declared {
  return {
    computed: columns,
    same: same?.columns ?? new Set(),
    allSame: same?.relation ?? false,
    changed: columns.size > 0 || (defaults?.size ?? 0) > 0,
    remade,
  }
}

/** New columns that no old column is, neither as it was nor as the one that holds its value. */
function addedColumns(after: Relation, columns: ReadonlyMap<string, ColumnMapping>): readonly Column[] {
  const old = new Set(
    [...columns.values()].map((column) => (column.kind === 'column' ? column.name : column.key?.column)),
  )
  return after.columns.filter(({ name }) => !old.has(name))
}

/** A partition or child gets its new columns from its parent, and so what is said of them. */
export function rulesOf(relation: Relation, catalog: Catalog, rules: StepRules): RelationRules {
  const own = rules.get(relation.oid)
  if (own !== undefined) return own
  for (const parent of relation.parents) {
    const above = catalog.byOid.get(parent)
    const inherited = above === undefined ? NO_RULES : rulesOf(above, catalog, rules)
    if (inherited !== NO_RULES) return inherited
  }
  return NO_RULES
}

function mapColumns(
  { before, columns }: ChangedRelation,
  rules: RelationRules,
  catalogs: { readonly before: Catalog; readonly after: Catalog },
  objects: ReadonlyMap<number, ChangedObject>,
): { readonly columns: ReadonlyMap<string, ColumnMapping>; readonly differences: readonly Difference[] } {
  const mapped = new Map<string, ColumnMapping>()
  const differences: Difference[] = []
  const now = new Map(columns.map((column) => [column.before.name, column.after]))
  for (const column of before.columns) {
    const rule = rules.columns.get(column.name)
    const other = now.get(column.name)
    const isComputed = rule !== undefined || (other !== undefined && !sameType(column, other))
    const refuse = (what: string, hint: string, answer?: TableAnswer): Difference => {
      const difference = { relation: qualifiedName(before), column: column.name, what, hint }
      differences.push(answer === undefined ? difference : { ...difference, rule: answer })
      return difference
    }
    const lose = (what: string, hint: string, answer?: TableAnswer) =>
      mapped.set(column.name, lostColumn(column.type, refuse(what, hint, answer)))
    const fillIn = (now: Column): TableAnswer => ({
      columns: {
        [column.name]: {
          ...(now.name === column.name ? {} : { to: now.name }),
          type: column.type,
          read: '...',
          write: '...',
        },
      },
    })
    if (rule?.lost !== undefined) mapped.set(column.name, rule)
    else if (isComputed && cutsValues(column, catalogs.before)) {
      lose(
        `its domain ${column.type} has a length, to which values would be cut`,
        'keep the column as it is, or use a domain over a type without a length',
      )
    } else if (rule !== undefined) mapped.set(column.name, stillNotNull(before, column, rule))
    else if (other !== undefined && sameType(column, other)) {
      mapped.set(column.name, { kind: 'column', name: other.name })
    } else if (other !== undefined && isTypeGone(column, catalogs)) {
      lose(
        `its type changed from ${column.type}, which is gone, to ${other.type}`,
        'keep the type until no client speaks the old version, or give a rule with read and write of another type',
        fillIn(other),
      )
    } else if (other !== undefined) {
      const enums = relabelledTypes(column, other, objects.values(), catalogs)
      const cast = enums === undefined ? castColumn(column, other) : relabelColumn(column, other, enums)
      const isSame = rules.same?.relation === true || rules.same?.columns.has(column.name) === true
      if (cast.kind === 'computed') mapped.set(column.name, cast)
      else lose(cast.what, cast.hint, fillIn(other))
      if (cast.kind === 'computed' && !isSame && isNarrower(column, other)) {
        refuse(
          `its type changed from ${column.type} to ${other.type}, which may not hold what old clients write`,
          `where it does, say so: tables: { ${before.name}: { columns: { ${column.name}: { to: ${other.name}, same_meaning: true } } } }; else give a rule with read and write`,
          {
            columns: {
              [column.name]: { ...(other.name === column.name ? {} : { to: other.name }), same_meaning: true },
            },
          },
        )
      }
    } else {
      lose(
        'the column was dropped',
        `say what old statements read: tables: { ${before.name}: { columns: { ${column.name}: { dropped: true, type: ${column.type}, read: "NULL" } } } }`,
        { columns: { [column.name]: { dropped: true, type: column.type, read: '...' } } },
      )
    }
  }
  return { columns: mapped, differences }
}

/** True where nothing of the newer version is the column's type. */
function isTypeGone(
  { typeOid }: Column,
  { before, after }: { readonly before: Catalog; readonly after: Catalog },
): boolean {
  const isUsers = (catalog: Catalog) =>
    (catalog.objects ?? []).some((type) => type.oid === typeOid || type.arrayOid === typeOid) ||
    catalog.relations.some(({ rowTypeOid }) => rowTypeOid === typeOid)
  return isUsers(before) && !isUsers(after)
}

/** Where nothing is written of an old column that was NOT NULL, no column is left that would refuse a NULL. */
function stillNotNull(relation: Relation, column: Column, rule: ComputedColumn): ComputedColumn {
  return column.notNull && rule.writes.length === 0 ? { ...rule, notNull: notNullSetting(relation, column) } : rule
}

/** A new column holds one value: two old ones cannot both be written to it. */
function diffWrites({ before, columns, merged = [] }: RelationMapping): Difference[] {
  const isMerged = new Set(merged.map(({ column }) => column))
  const writers = new Map<string, string>()
  return [...columns].flatMap(([old, column]) => {
    const written = column.kind === 'column' ? [column.name] : column.writes.map((write) => write.column)
    return written.flatMap((name): Difference[] => {
      if (isMerged.has(name)) {
        const what = `it is written to the new column "${name}", and so is what the "write" of its table says`
        const hint = `leave its own "write" out: columns: { ${old}: { type: ..., read: "..." } }`
        return [{ relation: qualifiedName(before), column: old, what, hint, final: true }]
      }
      const other = writers.get(name)
      writers.set(name, other ?? old)
      if (other === undefined || other === old) return []
      return [
        {
          relation: qualifiedName(before),
          column: old,
          what: `it is written to the new column "${name}", to which "${other}" is written, too`,
          hint: `say for both of them what is read alone, and for the table how both are written: tables: { ${before.name}: { columns: { ${other}: { type: ..., read: "..." }, ${old}: { type: ..., read: "..." } }, write: { ${name}: "an expression over ${other} and ${old}" } } }; or write one of them to it, and let the other be read_only: true`,
          final: true,
        },
      ]
    })
  })
}

/** oids of bpchar, varchar, bit and varbit. */
const CUT_TYPES: ReadonlySet<string> = new Set(['1042', '1043', '1560', '1562'])

/** A cast to a domain over varchar(5) cuts, where an assignment said 22001: no function checks its length. */
function cutsValues({ typeOid }: Column, catalog: Catalog): boolean {
  const [base = '', typmod = '-1'] = (catalog.objectByOid.get(typeOid)?.shape[0] ?? '').split(' ')
  return catalog.objectByOid.get(typeOid)?.kind === 'domain' && CUT_TYPES.has(base) && Number(typmod) >= 0
}

function sameType(before: Column, after: Column): boolean {
  return (
    before.typeOid === after.typeOid && before.typmod === after.typmod && before.collationOid === after.collationOid
  )
}

function diffInserts(mapping: RelationMapping, insert: readonly InsertValue[]): Difference[] {
  const { before, added } = mapping
  const relation = qualifiedName(before)
  const given = new Set(insert.map((value) => value.column))
  const written = columnsBehind(mapping)
  const missing = added.filter(
    (column) => needsValue(before, column) && !given.has(column.name) && !written.has(column.name),
  )
  const names = new Set(added.map((column) => column.name))
  return [
    ...missing.map(
      (column): Difference => ({
        relation,
        column: column.name,
        what: 'the new column is NOT NULL and has no default, so old INSERTs would fail',
        hint: `give it a DEFAULT, or give a rule: tables: { ${before.name}: { insert: { ${column.name}: "'value'" } } }`,
        rule: { insert: { [column.name]: '...' } },
      }),
    ),
    ...[...given]
      .filter((name) => !names.has(name))
      .map(
        (name): Difference => ({
          relation,
          column: name,
          what: 'the rule gives a value for it, but it is not a new column',
          hint: added.length === 0 ? 'the table has no new column' : `new columns are: ${[...names].join(', ')}`,
          final: true,
        }),
      ),
  ]
}

function needsValue(relation: Relation, column: Column): boolean {
  const insertable = relation.kind === 'table' || relation.kind === 'partitioned' || relation.kind === 'foreign'
  return insertable && column.notNull && !column.hasDefault && column.identity === 'none' && column.generated === 'none'
}
