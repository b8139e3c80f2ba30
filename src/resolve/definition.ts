import type { RangeVar } from 'libpg-query'
import type { Relation } from '../catalog/catalog.js'
import { lookUpRelation, type Namespace } from './namespace.js'
import { stringsOf, taggedNode } from './node.js'

/** Statements of which every name that could meet a change is that of a relation in them, or belongs to such a one. */
const ABOUT_RELATIONS: ReadonlySet<string> = new Set([
  'AlterTableStmt',
  'RenameStmt',
  'IndexStmt',
  'CreateStmt',
  'DropStmt',
  'AlterObjectSchemaStmt',
])

const DROPPED_RELATIONS: ReadonlySet<string> = new Set([
  'OBJECT_TABLE',
  'OBJECT_VIEW',
  'OBJECT_MATVIEW',
  'OBJECT_SEQUENCE',
  'OBJECT_FOREIGN_TABLE',
])

/**
 * The relations that a schema-changing statement is about, e.g. a temporary table of a changed table's name. Undefined
 * where they cannot all be told: another kind of statement, or a relation that does not exist (yet) outside of pg_temp.
 */
export function relationsOfDefinition(
  tag: string,
  body: Record<string, unknown>,
  namespace: Namespace,
): readonly Relation[] | undefined {
  if (!ABOUT_RELATIONS.has(tag)) return undefined
  const created = tag === 'CreateStmt' ? (body.relation as RangeVar | undefined) : undefined
  if (created !== undefined && created.relpersistence !== 't') return undefined
  const named = tag === 'DropStmt' ? droppedNames(body) : rangeVarsIn(body).filter((name) => name !== created)
  if (named === undefined) return undefined
  const relations = named.map((name) => lookUpRelation(namespace, name.schemaname, name.relname ?? ''))
  return relations.every((relation) => relation !== undefined) ? relations : undefined
}

function droppedNames(body: Record<string, unknown>): readonly RangeVar[] | undefined {
  if (!DROPPED_RELATIONS.has(String(body.removeType))) return undefined
  return ((body.objects as unknown[] | undefined) ?? []).map((object) => {
    const names = stringsOf((taggedNode(object)?.body as { items?: Parameters<typeof stringsOf>[0] })?.items)
    const schemaname = names.at(-2)
    return { relname: names.at(-1) ?? '', ...(schemaname === undefined ? {} : { schemaname }) }
  })
}

/** Every RangeVar in a tree, wrapped or not. */
function rangeVarsIn(value: unknown): RangeVar[] {
  if (typeof value !== 'object' || value === null) return []
  if ('relname' in value && 'relpersistence' in value) return [value as RangeVar]
  return Object.values(value).flatMap(rangeVarsIn)
}
