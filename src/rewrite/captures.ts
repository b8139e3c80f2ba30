import type { Catalog, NamedObject, Relation } from '../catalog/catalog.js'
import { findRemade, isSystemSchema } from '../catalog/diff.js'
import type { Mapping } from './mapping.js'

type Named = Pick<Relation | NamedObject, 'oid' | 'schema' | 'name'>

/** Something new that has the name of something old in another schema: a bare name may mean it now. */
export interface Capture {
  readonly now: Named
  readonly old: Named
}

/**
 * What a step made whose name old statements use for something else, for sessions whose search_path has its schema first.
 * Not what is in a schema that the same step made: no path is taken to have named that before.
 *
 *     CREATE TABLE app.users (...), beside public.users
 */
export function capturesOf(before: Catalog, after: Catalog, mapping: Mapping): readonly Capture[] {
  const relations = [...mapping.relations.values()].map((change) => change.after.oid)
  const objects = [...(mapping.objects?.values() ?? [])].map((change) => change.after.oid)
  const remade = before.relations.flatMap((relation) => {
    return isSystemSchema(relation.schema) || after.byOid.has(relation.oid)
      ? []
      : (findRemade(relation, before, after)?.oid ?? [])
  })
  const known = new Set([...relations, ...objects, ...remade])
  const schemas = new Set(before.schemas)
  const isNew = ({ oid, schema }: Named) => !known.has(oid) && schemas.has(schema) && !isSystemSchema(schema)
  return [
    ...after.relations
      .filter((relation) => !before.byOid.has(relation.oid) && isNew(relation))
      .flatMap((now) => captured(now, relationsOfName(before, now.name))),
    ...(after.objects ?? [])
      .filter((object) => !before.objectByOid.has(object.oid) && isNew(object))
      .flatMap((now) => captured(now, before.objectsByName.get(now.name) ?? [])),
  ]
}

/** Another function of one schema and name takes other arguments: no schema before its name would tell them apart. */
function captured(now: Named, candidates: readonly Named[]): Capture[] {
  if (candidates.some(({ schema }) => schema === now.schema)) return []
  const [old] = candidates.filter(({ schema }) => !isSystemSchema(schema))
  return old === undefined ? [] : [{ now, old }]
}

function relationsOfName({ byName }: Catalog, name: string): Relation[] {
  return [...byName.values()].flatMap((relations) => relations.get(name) ?? [])
}
