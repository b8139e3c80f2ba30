import { type Catalog, type Column, makeCatalog, type NamedObject, type Relation } from '../catalog/catalog.js'
import { diffObjects } from '../catalog/diff-objects.js'
import type { Difference } from '../catalog/difference.js'
import { type OidTranslation, translateText } from '../catalog/pair-objects.js'
import { constantLabel } from '../catalog/relabelled.js'
import { fromByteString } from '../sql/byte-string.js'
import { qualifiedName } from '../sql/identifier.js'
import type { ChangedObject } from './mapping.js'

export interface MappedObjects {
  /** By oid of the older version's object. */
  readonly objects: ReadonlyMap<number, ChangedObject>
  /**
   * The older catalog, with the types of its columns as the newer one calls them: what differs between them still is no
   * matter of a type's name or oid.
   */
  readonly before: Catalog
  readonly differences: readonly Difference[]
}

/**
 * Which functions and data types the step renamed, moved, or made anew.
 *
 *     ALTER TYPE mood RENAME TO feeling  =>  mood (oid 16390) -> feeling (oid 16390)
 */
export function mapObjects(before: Catalog, after: Catalog): MappedObjects {
  const { changed, translation, differences } = diffObjects(before, after)
  const objects = new Map(changed.map((pair) => [pair.before.oid, pair]))
  return { objects, before: inNewTypes(before, changed, translation), differences }
}

function inNewTypes(before: Catalog, changed: readonly ChangedObject[], translation: OidTranslation): Catalog {
  const byType = new Map<number, ChangedObject>()
  for (const pair of changed) {
    if (pair.before.kind === 'function') continue
    byType.set(pair.before.oid, pair)
    if (pair.before.arrayOid !== undefined) byType.set(pair.before.arrayOid, pair)
  }
  if (byType.size === 0) return before
  const columnOf = (column: Column): Column => {
    const pair = byType.get(column.typeOid)
    const { defaultTree } = column
    if (pair?.relabelled !== undefined) return inShadow(column, pair, before)
    const typeOid = translation.types.get(column.typeOid) ?? column.typeOid
    return {
      ...column,
      typeOid,
      type: pair === undefined ? column.type : renamedType(column.type, pair),
      ...(defaultTree === undefined ? {} : { defaultTree: translateText(defaultTree, translation) }),
    }
  }
  const shaped = <T extends { readonly shape?: string }>(thing: T): T =>
    thing.shape === undefined ? thing : { ...thing, shape: translateText(thing.shape, translation) }
  const relations = before.relations.map(
    (relation): Relation =>
      isSystem(relation)
        ? relation
        : {
            ...relation,
            columns: relation.columns.map(columnOf),
            constraints: relation.constraints.map(shaped),
            indexes: relation.indexes.map(shaped),
          },
  )
  return makeCatalog({ ...before, relations })
}

/** The default's tree stays as it is: it tells the label by its oid. */
function inShadow(column: Column, pair: ChangedObject, catalog: Catalog): Column {
  const { before, after } = pair
  const isArray = column.typeOid === before.arrayOid
  const { defaultText: _, ...rest } = column
  const label = constantLabel(column.defaultTree, catalog)
  return {
    ...rest,
    typeOid: isArray ? (after.arrayOid ?? 0) : after.oid,
    type: renamedType(column.type, pair),
    ...(label === undefined ? {} : { defaultText: `'${label.replaceAll("'", "''")}'::${typeText(after)}` }),
  }
}

function isSystem({ schema }: Relation): boolean {
  return schema === 'pg_catalog' || schema === 'information_schema'
}

/** `public.mood[]` => `app.feeling[]`. */
function renamedType(type: string, { before, after }: ChangedObject): string {
  const [from, to] = [typeText(before), typeText(after)]
  return type.startsWith(from) ? to + type.slice(from.length) : type
}

/** A type as casts name it: `app.feeling`. */
export function typeText({ schema, name }: NamedObject): string {
  const text = qualifiedName(schema, name)
  return fromByteString(text) ?? text
}
