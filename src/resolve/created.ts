import type { RangeVar, SelectStmt } from 'libpg-query'
import type { Relation } from '../catalog/catalog.js'
import type { ResolveContext } from './context.js'
import type { Namespace } from './namespace.js'

/** What a statement says of a name that is taken: `IF NOT EXISTS` skips, `OR REPLACE` replaces, else it fails. */
export type WhereTaken = 'fails' | 'skips' | 'replaces'

/**
 * Reports the name of a relation that a statement makes; returns what the version has under that name, if anything.
 * Temporary relations are left out: their names meet those of the session alone.
 */
export function resolveCreated(
  context: ResolveContext,
  node: RangeVar | undefined,
  whereTaken: WhereTaken,
): Relation | undefined {
  if (node === undefined || node.relpersistence === 't' || node.schemaname === 'pg_temp') return undefined
  const { catalog } = context.namespace
  const schema = node.schemaname ?? creationSchema(context.namespace)
  if (schema === undefined || isTemporary(schema)) return undefined
  const taken = catalog.byName.get(schema)?.get(node.relname ?? '')
  context.references.push({ kind: 'created', node, schema, taken, whereTaken })
  return taken
}

/** Where an unqualified name is made: the first schema of search_path (RangeVarGetCreationNamespace). */
function creationSchema({ path }: Namespace): string | undefined {
  return path.find((schema) => schema !== 'pg_catalog' && !isTemporary(schema))
}

function isTemporary(schema: string): boolean {
  return schema.startsWith('pg_temp_')
}

/** SELECT ... INTO: the name stands in the first arm. */
export function intoOf(query: SelectStmt): RangeVar | undefined {
  let arm = query
  while (arm.larg !== undefined) arm = arm.larg
  return arm.intoClause?.rel
}
