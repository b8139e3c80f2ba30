import type { RangeVar } from 'libpg-query'
import { type Node, taggedNode } from '../resolve/node.js'
import type { Reference } from '../resolve/reference.js'
import type { Edit } from './outcome.js'
import type { PlannedRefusal } from './plan-context.js'

/**
 * What earlier statements of the same Query may have done to the meaning of names. The session learns of it at the
 * next ReadyForQuery only, so statements after it in the same Query that would be rewritten are refused.
 */
export interface Earlier {
  readonly created: Set<string>
  pathChanged: boolean
}

export function noticeStatement(earlier: Earlier, node: Node, references: readonly Reference[]): void {
  const tagged = taggedNode(node)
  if (tagged === undefined) return
  const { tag, body } = tagged
  if (tag === 'VariableSetStmt') {
    const name = String(body.name ?? '')
    if (name === '' || ['search_path', 'role', 'session_authorization'].includes(name)) earlier.pathChanged = true
  }
  if (tag === 'DiscardStmt' || setsPathByFunction(body)) earlier.pathChanged = true
  const created = createdRelation(tag, body)
  if (created !== undefined && !references.some(isSkipped)) earlier.created.add(created)
}

/** IF NOT EXISTS of what the version has makes nothing. */
function isSkipped(reference: Reference): boolean {
  return reference.kind === 'created' && reference.taken !== undefined && reference.whereTaken === 'skips'
}

function setsPathByFunction(body: unknown): boolean {
  const text = JSON.stringify(body)
  return text.includes('"set_config"') && text.includes('search_path')
}

function createdRelation(tag: string, body: Record<string, unknown>): string | undefined {
  const into = (body.into ?? body.intoClause) as { rel?: RangeVar } | undefined
  if (into?.rel?.relname !== undefined) return into.rel.relname
  if (!['CreateStmt', 'ViewStmt', 'CreateForeignTableStmt', 'CreateSeqStmt'].includes(tag)) return undefined
  const relation = (body.relation ?? body.view ?? body.sequence) as RangeVar | undefined
  return relation?.relname
}

/** A relation that an earlier statement made is unknown to the version, and means nothing else. */
export function withoutCreated(earlier: Earlier, references: readonly Reference[]): readonly Reference[] {
  if (earlier.created.size === 0) return references
  return references.filter(
    (reference) => reference.kind !== 'unknown-relation' || !earlier.created.has(reference.node.relname ?? ''),
  )
}

/** Refuses a statement that would be rewritten although an earlier one may have changed what its names mean. */
export function refuseAfter(
  earlier: Earlier,
  references: readonly Reference[],
  edits: readonly Edit[],
  start: number,
): PlannedRefusal | undefined {
  if (edits.length === 0 || (earlier.created.size === 0 && !earlier.pathChanged)) return undefined
  const bare = references.flatMap((reference) =>
    reference.kind === 'range' && reference.node.schemaname === undefined ? [reference.node.relname ?? ''] : [],
  )
  const hidden = bare.some((name) => earlier.created.has(name))
  if (!hidden && !(earlier.pathChanged && bare.length > 0)) return undefined
  return {
    sqlstate: '0A000',
    message: 'an earlier statement of the same query may have changed what the names in this one mean',
    hint: 'Send the statement that sets search_path or creates a relation as a query of its own.',
    at: start,
  }
}
