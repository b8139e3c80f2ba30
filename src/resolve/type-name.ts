import type { TypeName } from 'libpg-query'
import type { NamedObject, Relation } from '../catalog/catalog.js'
import type { ResolveContext } from './context.js'
import type { Namespace } from './namespace.js'
import { stringsOf } from './node.js'
import { SYSTEM_TYPES } from './system-types.js'

/** What a type name means: a relation's row type, or a data type of a user schema. */
export type NamedType = { readonly relation: Relation } | { readonly object: NamedObject }

/** Reports a type name that is not one of pg_catalog's. */
export function resolveTypeName(context: ResolveContext, node: TypeName | undefined): void {
  const names = stringsOf(node?.names)
  const name = names.at(-1)
  if (node === undefined || name === undefined) return
  const found = lookUpType(context.namespace, names.at(-2), name)
  if (found === undefined) return
  if ('relation' in found) context.references.push({ kind: 'row-type', relation: found.relation, node })
  else context.references.push({ kind: 'type', type: found.object, node })
}

/** What a type name means; undefined for a type of pg_catalog and for one that is not known. */
export function lookUpType(namespace: Namespace, schema: string | undefined, name: string): NamedType | undefined {
  if (schema === 'pg_catalog') return undefined
  const temporary = namespace.temporary.find((relation) => relation.name === name && relation.rowTypeOid !== 0)
  if (temporary !== undefined && (schema === undefined || schema === 'pg_temp' || schema === temporary.schema)) {
    return { relation: temporary }
  }
  if (schema !== undefined) return typeIn(namespace, schema, name)
  const { path } = namespace
  if (!path.includes('pg_catalog') && SYSTEM_TYPES.has(name)) return undefined
  for (const candidate of path) {
    // A name that the grammar itself knows, such as integer, arrives qualified.
    if (candidate === 'pg_catalog' && SYSTEM_TYPES.has(name)) return undefined
    const found = typeIn(namespace, candidate, name)
    if (found !== undefined) return found
  }
  return undefined
}

function typeIn({ catalog }: Namespace, schema: string, name: string): NamedType | undefined {
  const relation = catalog.byName.get(schema)?.get(name)
  if (relation !== undefined && relation.rowTypeOid !== 0) return { relation }
  const object = catalog.objectsByName
    .get(name)
    ?.find((candidate) => candidate.schema === schema && candidate.kind !== 'function')
  return object === undefined ? undefined : { object }
}
