import type {
  AlterSeqStmt,
  AlterTableStmt,
  ClusterStmt,
  CommentStmt,
  CreateSeqStmt,
  CreateStmt,
  GrantStmt,
  IndexStmt,
  Node,
  RangeVar,
  RefreshMatViewStmt,
  ReindexStmt,
} from 'libpg-query'
import type { Relation } from '../catalog/catalog.js'
import { type Place, type ResolveContext, STATEMENT_PLACE } from './context.js'
import { resolveCreated } from './created.js'
import { resolveExpression } from './expression.js'
import { resolveRangeVar } from './from-clause.js'
import { lookUpRelation } from './namespace.js'
import { locationOf, stringsOf, taggedNode } from './node.js'
import type { RangeVariable } from './range-variable.js'
import type { BuiltUponReference } from './reference.js'
import { type Scope, visibleOf } from './scope.js'
import { resolveTypeName } from './type-name.js'

/**
 * Follows the names in a statement of the schema that an app may send at any time: what it makes when it starts, if not
 * there yet, and what keeps tables in order. False for all other statements: their names are not followed.
 */
export function resolveDefinition(context: ResolveContext, tag: string, body: object): boolean {
  const follow = FOLLOWED[tag]
  return follow === undefined ? false : follow(context, body as never)
}

const FOLLOWED: Readonly<Record<string, (context: ResolveContext, body: never) => boolean>> = {
  CreateStmt: followCreate,
  CreateSeqStmt: followSequence,
  IndexStmt: followIndex,
  AlterTableStmt: followAlterTable,
  AlterSeqStmt: followAlterSequence,
  RefreshMatViewStmt: followRelation,
  ReindexStmt: followReindex,
  ClusterStmt: followCluster,
  GrantStmt: followGrant,
  CommentStmt: followComment,
}

function followName(context: ResolveContext, node: RangeVar | undefined): RangeVariable | undefined {
  return node === undefined ? undefined : resolveRangeVar(context, STATEMENT_PLACE, node, 'name')
}

function followRelation(context: ResolveContext, { relation }: RefreshMatViewStmt): boolean {
  followName(context, relation)
  return true
}

function followReindex(context: ResolveContext, { relation, kind }: ReindexStmt): boolean {
  if (kind === 'REINDEX_OBJECT_INDEX') return false
  followName(context, relation)
  return true
}

function followCluster(context: ResolveContext, { relation, indexname }: ClusterStmt): boolean {
  if (indexname !== undefined) return false
  followName(context, relation)
  return true
}

/** CREATE TABLE: what it makes, what it is made after, and the types and functions in it. Its columns are its own. */
function followCreate(context: ResolveContext, body: CreateStmt): boolean {
  const { relation, if_not_exists, inhRelations, tableElts, ofTypename, constraints } = body
  const taken = resolveCreated(context, relation, if_not_exists ? 'skips' : 'fails')
  // IF NOT EXISTS of what is there already looks at nothing else.
  if (taken !== undefined && if_not_exists) return true
  for (const parent of inhRelations ?? []) {
    if ('RangeVar' in parent) followUpon(context, parent.RangeVar, { use: 'inherited' })
  }
  if (ofTypename !== undefined) resolveTypeName(context, ofTypename)
  const elements = [...(tableElts ?? []), ...(constraints ?? [])]
  const place = { ...STATEMENT_PLACE, scope: ownColumns(relation, elements, inhRelations ?? []) }
  for (const element of elements) followElement(context, place, element)
  return true
}

/** What the expressions of a new table see: its own columns, of which those that it takes from others are not listed. */
function ownColumns(table: RangeVar | undefined, elements: readonly Node[], parents: readonly Node[]): Scope {
  const names = elements.flatMap((element) => ('ColumnDef' in element ? [element.ColumnDef.colname ?? ''] : []))
  const listed = parents.length === 0 && !elements.some((element) => 'TableLikeClause' in element)
  const own: RangeVariable = {
    role: 'opaque',
    name: table?.relname,
    schema: undefined,
    relation: undefined,
    columns: listed ? names : undefined,
    some: names,
    aliased: 0,
    node: undefined,
  }
  return { ...visibleOf(own), parent: undefined }
}

function followElement(context: ResolveContext, place: Place, element: Node): void {
  if ('TableLikeClause' in element) {
    const { relation: node, options = 0 } = element.TableLikeClause
    if (node === undefined) return
    const relation = lookUpRelation(context.namespace, node.schemaname, node.relname ?? '')
    if (relation === undefined) context.references.push({ kind: 'unknown-relation', node })
    else context.references.push({ kind: 'built-upon', relation, node, upon: { use: 'like', options } })
  } else if ('ColumnDef' in element) {
    resolveTypeName(context, element.ColumnDef.typeName)
    resolveExpression(context, place, element.ColumnDef.raw_default)
    for (const constraint of element.ColumnDef.constraints ?? []) followElement(context, place, constraint)
  } else if ('Constraint' in element) {
    const { pktable, pk_attrs, raw_expr, exclusions, where_clause } = element.Constraint
    resolveExpression(context, place, [raw_expr, exclusions, where_clause])
    const itself = pktable?.relname === place.scope?.ranges[0]?.name && lookUp(context, pktable) === undefined
    if (pktable !== undefined && !itself)
      followUpon(context, pktable, { use: 'referenced', columns: stringsOf(pk_attrs) })
  }
}

function lookUp({ namespace }: ResolveContext, node: RangeVar | undefined): Relation | undefined {
  return lookUpRelation(namespace, node?.schemaname, node?.relname ?? '')
}

function followUpon(context: ResolveContext, node: RangeVar, upon: BuiltUponReference['upon']): void {
  const range = followName(context, node)
  if (range?.relation === undefined) return
  context.references.push({ kind: 'built-upon', relation: range.relation, node, upon })
  if (upon.use !== 'referenced') return
  for (const [index, name] of upon.columns.entries()) {
    const place = { list: 'definition' as const, at: locationOf(node), index }
    context.references.push({ kind: 'target-column', range, name, location: undefined, place })
  }
}

function followSequence(context: ResolveContext, body: CreateSeqStmt): boolean {
  const { sequence, if_not_exists, options } = body
  const taken = resolveCreated(context, sequence, if_not_exists ? 'skips' : 'fails')
  return taken !== undefined || !namesOwner(options)
}

function followAlterSequence(context: ResolveContext, { sequence, options }: AlterSeqStmt): boolean {
  if (namesOwner(options)) return false
  followName(context, sequence)
  return true
}

/** OWNED BY names a column. */
function namesOwner(options: readonly Node[] | undefined): boolean {
  return (options ?? []).some((option) => 'DefElem' in option && option.DefElem.defname === 'owned_by')
}

function followIndex(context: ResolveContext, body: IndexStmt): boolean {
  const { relation: node, idxname, indexParams, indexIncludingParams, whereClause, unique } = body
  if (node === undefined) return false
  const table = lookUpRelation(context.namespace, node.schemaname, node.relname ?? '')
  const range = followName(context, node)
  if (table === undefined || range === undefined) return true
  const taken = idxname !== undefined && isTaken(context, table.schema, idxname)
  context.references.push({
    kind: 'index-definition',
    relation: table,
    node,
    name: idxname,
    taken,
    unique: unique === true,
    included: (indexIncludingParams ?? []).flatMap((item) => ('IndexElem' in item ? [item.IndexElem.name ?? ''] : [])),
  })
  if (taken) return true
  const inside = { ...STATEMENT_PLACE, scope: { ...visibleOf(range), parent: undefined }, bareOnly: true }
  for (const [index, item] of (indexParams ?? []).entries()) {
    if (!('IndexElem' in item)) continue
    const { name, expr } = item.IndexElem
    resolveExpression(context, inside, expr)
    if (name === undefined) continue
    const place = { list: 'definition' as const, at: locationOf(node), index }
    context.references.push({ kind: 'target-column', range, name, location: undefined, place })
  }
  resolveExpression(context, inside, whereClause)
  return true
}

/** Relations and indexes share one name space. */
function isTaken(context: ResolveContext, schema: string, name: string): boolean {
  const { catalog } = context.namespace
  if (catalog.byName.get(schema)?.has(name)) return true
  return catalog.relations.some(
    (relation) => relation.schema === schema && relation.indexes.some((index) => index.name === name),
  )
}

const TRIGGERS: ReadonlySet<string> = new Set([
  ...['AT_EnableTrig', 'AT_EnableTrigAll', 'AT_EnableTrigUser', 'AT_EnableAlwaysTrig', 'AT_EnableReplicaTrig'],
  ...['AT_DisableTrig', 'AT_DisableTrigAll', 'AT_DisableTrigUser'],
])

/** ADD COLUMN IF NOT EXISTS of a column that the table has, and triggers switched on and off. */
function followAlterTable(context: ResolveContext, { relation: node, cmds }: AlterTableStmt): boolean {
  if (node === undefined) return false
  const table = lookUpRelation(context.namespace, node.schemaname, node.relname ?? '')
  if (table === undefined) return false
  const columns: { readonly name: string; readonly location: number }[] = []
  for (const command of cmds ?? []) {
    if (!('AlterTableCmd' in command)) return false
    const { subtype = '', missing_ok, def } = command.AlterTableCmd
    if (TRIGGERS.has(subtype)) continue
    if (subtype !== 'AT_AddColumn' || !missing_ok || def === undefined || !('ColumnDef' in def)) return false
    const { colname: name = '', location = 0 } = def.ColumnDef
    if (!table.columns.some((column) => column.name === name)) return false
    columns.push({ name, location })
  }
  const range = followName(context, node)
  if (range === undefined) return false
  for (const { name, location } of columns) {
    context.references.push({ kind: 'standing-column', relation: table, name, location })
  }
  return true
}

/** GRANT and REVOKE on tables and sequences as a whole. */
function followGrant(context: ResolveContext, body: GrantStmt): boolean {
  const { targtype, objtype, objects, privileges } = body
  if (targtype === 'ACL_TARGET_ALL_IN_SCHEMA') return true
  if (targtype !== 'ACL_TARGET_OBJECT' || (objtype !== 'OBJECT_TABLE' && objtype !== 'OBJECT_SEQUENCE')) return false
  if ((privileges ?? []).some((one) => 'AccessPriv' in one && (one.AccessPriv.cols ?? []).length > 0)) return false
  for (const object of objects ?? []) if ('RangeVar' in object) followName(context, object.RangeVar)
  return true
}

const COMMENTED: Readonly<Record<string, number>> = {
  OBJECT_TABLE: 0,
  OBJECT_VIEW: 0,
  OBJECT_MATVIEW: 0,
  OBJECT_SEQUENCE: 0,
  OBJECT_FOREIGN_TABLE: 0,
  // After the relation's name.
  OBJECT_COLUMN: 1,
  OBJECT_TABCONSTRAINT: 1,
  OBJECT_TRIGGER: 1,
  OBJECT_POLICY: 1,
  OBJECT_RULE: 1,
}

/** libpg-query tells not where the names of COMMENT stand: only what it is about is known. */
function followComment(context: ResolveContext, { objtype, object }: CommentStmt): boolean {
  const after = objtype === undefined ? undefined : COMMENTED[objtype]
  if (after === undefined) return false
  const tagged = taggedNode(object)
  const names = stringsOf(tagged?.tag === 'List' ? (tagged.body.items as Node[] | undefined) : undefined)
  const parts = names.slice(0, names.length - after)
  const relation = lookUpRelation(context.namespace, parts.at(-2), parts.at(-1) ?? '')
  if (relation === undefined) return false
  context.references.push({ kind: 'unfollowed', tag: 'CommentStmt', relations: [relation] })
  return true
}
