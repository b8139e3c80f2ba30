import type { NamedObject, Relation } from '../catalog/catalog.js'
import { constraintsNow, indexesNow } from '../catalog/pair-constraints.js'
import { fromByteString } from '../sql/byte-string.js'
import { quoteIdentifier } from '../sql/identifier.js'
import type { RelationMapping } from './mapping.js'
import { sourcesOf } from './merged-column.js'
import type { StepFacts } from './plan-context.js'

/** What an older version calls a column of the newer one. */
export interface ColumnBack {
  readonly name: string
  /** False where the old column is only computed from it, so that their values differ: `first` and `last` of `name`. */
  readonly same: boolean
}

/** A relation as the newer and as the older version know it. */
export interface RelationBack {
  readonly before: Relation
  readonly after: Relation
  /** By name of the newer version; columns that the older one does not have in any form are absent. */
  readonly columns: ReadonlyMap<string, ColumnBack>
  /** Constraints and indexes that have another name now. */
  readonly constraints: ReadonlyMap<string, string>
}

/** How the names of a newer version are called in an older one. */
export interface NamesBack {
  /** By `schema.name` of the newer version. */
  readonly relations: ReadonlyMap<string, RelationBack>
  /** By name of the newer version, whatever the schema. */
  readonly byName: ReadonlyMap<string, readonly RelationBack[]>
  /** Data types and functions that have another name now: as messages print them, by how they print the newer ones. */
  readonly objects: ReadonlyMap<string, string>
  /** By `schema.name` of the newer version: data types, as fields name them. */
  readonly types: ReadonlyMap<string, Pick<NamedObject, 'schema' | 'name'>>
}

/** Prepares the way back over these steps, from the last one's newer version to the first one's older version. */
export function namesBack(steps: readonly StepFacts[]): NamesBack {
  const relations = new Map<string, RelationBack>()
  const byName = new Map<string, RelationBack[]>()
  const changes = steps.map(({ mapping }) => byNewOid(mapping.relations.values()))
  for (const after of steps.at(-1)?.after.relations ?? []) {
    const back = relationBack(after, steps, changes)
    relations.set(`${after.schema}.${after.name}`, back)
    const named = byName.get(after.name)
    if (named === undefined) byName.set(after.name, [back])
    else named.push(back)
  }
  return { relations, byName, ...objectsBack(steps) }
}

function byNewOid(changes: Iterable<RelationMapping>): ReadonlyMap<number, RelationMapping> {
  return new Map([...changes].map((change) => [change.after.oid, change]))
}

function relationBack(
  after: Relation,
  steps: readonly StepFacts[],
  changes: readonly ReadonlyMap<number, RelationMapping>[],
): RelationBack {
  let before = after
  let columns: ReadonlyMap<string, ColumnBack> | undefined
  for (let index = steps.length - 1; index >= 0; index--) {
    const change = changes[index]?.get(before.oid)
    if (change === undefined) {
      before = steps[index]?.before.byOid.get(before.oid) ?? before
      continue
    }
    const older = columnsBack(change)
    columns = columns === undefined ? older : composed(columns, older)
    before = change.before
  }
  return {
    before,
    after,
    columns: columns ?? new Map(after.columns.map(({ name }) => [name, { name, same: true }])),
    constraints: new Map([...renamed(constraintsNow(before, after)), ...renamed(indexesNow(before, after))]),
  }
}

/** The new columns of one step, as the old version calls them. */
function columnsBack(change: RelationMapping): ReadonlyMap<string, ColumnBack> {
  const back = new Map<string, ColumnBack>()
  for (const [name, column] of change.columns) if (column.kind === 'column') back.set(column.name, { name, same: true })
  const computed = [...change.columns].flatMap(([name, column]) =>
    column.kind === 'computed' ? [{ name, column }] : [],
  )
  for (const { name, column } of computed) {
    if (column.key !== undefined && !back.has(column.key.column)) back.set(column.key.column, { name, same: true })
  }
  for (const { name, column } of computed) {
    for (const write of column.writes) if (!back.has(write.column)) back.set(write.column, { name, same: false })
  }
  for (const merged of change.merged ?? []) {
    const [name] = sourcesOf(merged)
    if (name !== undefined && !back.has(merged.column)) back.set(merged.column, { name, same: false })
  }
  return back
}

function composed(
  newer: ReadonlyMap<string, ColumnBack>,
  older: ReadonlyMap<string, ColumnBack>,
): ReadonlyMap<string, ColumnBack> {
  const back = new Map<string, ColumnBack>()
  for (const [name, { name: middle, same }] of newer) {
    const found = older.get(middle)
    if (found !== undefined) back.set(name, { name: found.name, same: same && found.same })
  }
  return back
}

function renamed(
  now: ReadonlyMap<{ readonly name: string }, { readonly name: string }>,
): readonly (readonly [string, string])[] {
  return [...now].flatMap(([old, { name }]) => (old.name === name ? [] : [[name, old.name] as const]))
}

function objectsBack(steps: readonly StepFacts[]): Pick<NamesBack, 'objects' | 'types'> {
  const pairs = new Map<number, { before: NamedObject; readonly after: NamedObject }>()
  for (const { mapping } of [...steps].reverse()) {
    for (const { before, after } of mapping.objects?.values() ?? []) {
      const later = [...pairs.values()].find((pair) => pair.before.oid === after.oid)
      if (later === undefined) pairs.set(after.oid, { before, after })
      else later.before = before
    }
  }
  const printed = new Map<string, string>()
  const taken = new Set<string>()
  for (const { before, after } of pairs.values()) {
    const bare = text(after.name)
    // A bare name that means several things is left as it is.
    if (taken.has(bare)) printed.delete(bare)
    else printed.set(bare, text(before.name))
    taken.add(bare)
    // A call is printed as it was written, which was bare most likely; a type is qualified where it is out of sight.
    const outOfSight = before.kind !== 'function' && before.schema === after.schema
    const old = outOfSight ? `${text(before.schema)}.${text(before.name)}` : text(before.name)
    printed.set(`${text(after.schema)}.${bare}`, old)
  }
  const types = new Map([...pairs.values()].map(({ before, after }) => [`${after.schema}.${after.name}`, before]))
  return { objects: printed, types }
}

/** A name as messages print it where it is not in quotes. */
function text(name: string): string {
  const quoted = quoteIdentifier(name)
  return fromByteString(quoted) ?? quoted
}
