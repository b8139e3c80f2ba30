import type { Catalog, Relation } from '../catalog/catalog.js'
import { findRelation } from '../catalog/catalog.js'

/** What decides which relation a name means: one version's catalog, the session's path and its temporary relations. */
export interface Namespace {
  readonly catalog: Catalog
  /** current_schemas(true): implicit schemas included, in search order. */
  readonly path: readonly string[]
  /** The session's temporary relations; they shadow the catalog's. */
  readonly temporary: readonly Relation[]
}

/**
 * The relation that a name in a statement means. Temporary relations come first unless the path lists `pg_temp` later
 * (namespace.c); a name qualified by `pg_temp` is temporary or nothing.
 */
export function lookUpRelation(namespace: Namespace, schema: string | undefined, name: string): Relation | undefined {
  const temporary = namespace.temporary.find((relation) => relation.name === name)
  if (temporary !== undefined && (schema === undefined || schema === 'pg_temp' || schema === temporary.schema)) {
    return temporary
  }
  return findRelation(namespace.catalog, namespace.path, schema, name)
}
