import type { Catalog, Relation } from '../catalog/catalog.js'
import { isSystemSchema } from '../catalog/diff.js'
import { constraintsNow } from '../catalog/pair-constraints.js'
import { QUERY_FUNCTIONS, TABLE_FUNCTIONS } from '../resolve/hidden-query.js'
import { relationsHolding } from './composite.js'
import { type Mapping, plainName, type RelationMapping } from './mapping.js'
import { tableThatNeedsValues } from './view-insert.js'

/** The closure of changed names: every name, folded, whose use could meet what a step changed. */
export type Closure = ReadonlySet<string>

/** The closure of one step. A statement none of whose tokens is in it means the same before and after. */
export function closureOf(before: Catalog, after: Catalog, mapping: Mapping): Closure {
  const names = new Set<string>()
  for (const change of mapping.relations.values()) {
    names.add(change.before.name).add(change.after.name)
    for (const name of changedColumnNames(change)) names.add(name)
    const now = constraintsNow(change.before, change.after)
    for (const constraint of change.before.constraints) {
      if (now.get(constraint)?.name !== constraint.name) names.add(constraint.name)
    }
  }
  for (const used of before.rowTypeFunctions) if (mapping.relations.has(used.relationOid)) names.add(used.name)
  for (const { name } of relationsHolding(before.relations, mapping)) names.add(name)
  for (const view of before.relations) {
    if (view.kind === 'view' && !isSystemSchema(view.schema) && tableThatNeedsValues(view, before, mapping)) {
      names.add(view.name)
    }
  }
  // A relation that only one side has could capture a name, or no longer answers to it.
  addUnmatched(names, before.relations, after)
  addUnmatched(names, after.relations, before)
  addObjects(names, before, after, mapping)
  // Strings with queries look like prose.
  if (names.size > 0) for (const name of [...QUERY_FUNCTIONS, ...TABLE_FUNCTIONS]) names.add(name)
  return names
}

/** Functions and types that have another name, or of which a name may mean one that the older version does not have. */
function addObjects(names: Set<string>, before: Catalog, after: Catalog, mapping: Mapping): void {
  const images = new Set<number>()
  for (const object of before.objects ?? []) {
    const now = mapping.objects?.get(object.oid)?.after ?? after.objectByOid.get(object.oid)
    if (now !== undefined) images.add(now.oid)
    if (now === undefined || now.name !== object.name || now.schema !== object.schema) {
      names.add(object.name)
      if (now !== undefined) names.add(now.name)
    }
  }
  for (const { oid, name } of after.objects ?? []) {
    if (!images.has(oid) && before.objectsByName.has(name)) names.add(name)
  }
}

/** Old and new names of columns of which the name does not mean the same on both sides. */
export function changedColumnNames(change: RelationMapping): ReadonlySet<string> {
  const names = new Set(newColumnNames(change))
  for (const [name, column] of change.columns) if (plainName(column) !== name) names.add(name)
  return names
}

/** Names of the new relation that mean nothing, or another column, on the old one. */
export function newColumnNames(change: RelationMapping): ReadonlySet<string> {
  const names = new Set<string>()
  for (const column of change.after.columns) {
    if (plainName(change.columns.get(column.name)) !== column.name) names.add(column.name)
  }
  return names
}

function addUnmatched(names: Set<string>, relations: readonly Relation[], other: Catalog): void {
  for (const { oid, schema, name } of relations) {
    const same = other.byOid.get(oid)
    if (same === undefined || same.name !== name || same.schema !== schema) names.add(name)
  }
}
