import type {
  CallStmt,
  CopyStmt,
  CreateTableAsStmt,
  DeleteStmt,
  InsertStmt,
  LockStmt,
  MergeStmt,
  Node,
  PrepareStmt,
  SelectStmt,
  TruncateStmt,
  UpdateStmt,
  VacuumStmt,
  ViewStmt,
} from 'libpg-query'
import { resolveFuncCall } from './call.js'
import { resolveDelete, resolveMerge, resolveUpdate } from './change.js'
import { type Place, type ResolveContext, STATEMENT_PLACE } from './context.js'
import { resolveCopy } from './copy.js'
import { intoOf, resolveCreated } from './created.js'
import { relationsOfDefinition } from './definition.js'
import { resolveDefinition } from './definition-parts.js'
import { resolveExpression } from './expression.js'
import { resolveRangeVar } from './from-clause.js'
import { resolveInsert } from './insert.js'
import type { Namespace } from './namespace.js'
import { stringOf, taggedNode } from './node.js'
import { type OutputColumns, resolveQuery, resolveWith } from './query.js'
import type { Reference } from './reference.js'

/** Statements that name no relation, column or function. */
const NAMELESS: ReadonlySet<string> = new Set([
  'TransactionStmt',
  'VariableSetStmt',
  'VariableShowStmt',
  'DiscardStmt',
  'ListenStmt',
  'UnlistenStmt',
  'NotifyStmt',
  'FetchStmt',
  'ClosePortalStmt',
  'DeallocateStmt',
  'CheckPointStmt',
  'LoadStmt',
  'ConstraintsSetStmt',
])

/** The references of one statement, in the order in which they were found. */
export function resolveStatement(statement: Node, namespace: Namespace): readonly Reference[] {
  const context: ResolveContext = { namespace, references: [] }
  const tagged = taggedNode(statement)
  if (tagged !== undefined) resolveStatementBody(context, STATEMENT_PLACE, tagged.tag, tagged.body)
  return context.references
}

/** Resolves a statement by its tag; returns the columns that a query or RETURNING gives. */
export function resolveStatementBody(context: ResolveContext, place: Place, tag: string, body: unknown): OutputColumns {
  switch (tag) {
    case 'SelectStmt':
      resolveCreated(context, intoOf(body as SelectStmt), 'fails')
      return resolveQuery(context, place, body as SelectStmt)
    case 'InsertStmt':
      return resolveInsert(context, place, body as InsertStmt)
    case 'UpdateStmt':
      return resolveUpdate(context, place, body as UpdateStmt)
    case 'DeleteStmt':
      return resolveDelete(context, place, body as DeleteStmt)
    case 'MergeStmt':
      return resolveMerge(context, place, body as MergeStmt)
    case 'CopyStmt':
      resolveCopy(context, place, body as CopyStmt)
      return undefined
    case 'TruncateStmt':
    case 'LockStmt':
      for (const relation of (body as TruncateStmt | LockStmt).relations ?? []) {
        if ('RangeVar' in relation) resolveRangeVar(context, place, relation.RangeVar, 'name')
      }
      return undefined
    case 'VacuumStmt':
      resolveVacuum(context, place, body as VacuumStmt)
      return undefined
    case 'PrepareStmt':
      resolveExpression(context, place, (body as PrepareStmt).argtypes)
      resolveInner(context, place, (body as PrepareStmt).query)
      return undefined
    case 'ExplainStmt':
    case 'DeclareCursorStmt':
      resolveInner(context, place, (body as { query?: Node }).query)
      return undefined
    case 'CreateTableAsStmt': {
      const { into, if_not_exists, query } = body as CreateTableAsStmt
      resolveCreated(context, into?.rel, if_not_exists ? 'skips' : 'fails')
      resolveInner(context, place, query)
      return undefined
    }
    case 'ViewStmt':
      resolveView(context, place, body as ViewStmt)
      return undefined
    case 'ExecuteStmt':
      resolveExpression(context, place, body)
      return undefined
    case 'CallStmt': {
      const { funccall } = body as CallStmt
      if (funccall !== undefined) resolveFuncCall(context, { ...place, outermost: false }, funccall)
      return undefined
    }
    default:
      if (!NAMELESS.has(tag) && !resolveDefinition(context, tag, body as object)) {
        const relations = relationsOfDefinition(tag, body as Record<string, unknown>, context.namespace)
        context.references.push({ kind: 'unfollowed', tag, relations })
      }
      return undefined
  }
}

function resolveInner(context: ResolveContext, place: Place, query: Node | undefined): void {
  const tagged = taggedNode(query)
  if (tagged !== undefined) resolveStatementBody(context, place, tagged.tag, tagged.body)
}

function resolveView(context: ResolveContext, place: Place, { view, replace, query }: ViewStmt): void {
  resolveCreated(context, view, replace ? 'replaces' : 'fails')
  const select = query !== undefined && 'SelectStmt' in query ? query.SelectStmt : undefined
  // CREATE RECURSIVE VIEW stands for a WITH RECURSIVE that is nowhere in the text.
  if (select?.withClause?.location === -1) resolveWith(context, { ...place, outermost: false }, select.withClause)
  else resolveInner(context, place, query)
}

function resolveVacuum(context: ResolveContext, place: Place, node: VacuumStmt): void {
  for (const item of node.rels ?? []) {
    if (!('VacuumRelation' in item) || item.VacuumRelation.relation === undefined) continue
    const { relation, va_cols } = item.VacuumRelation
    const range = resolveRangeVar(context, place, relation, 'name')
    for (const [index, column] of (va_cols ?? []).entries()) {
      const name = stringOf(column) ?? ''
      const listPlace = { list: 'vacuum' as const, at: relation.location ?? 0, index }
      context.references.push({ kind: 'target-column', range, name, location: undefined, place: listPlace })
    }
  }
}
