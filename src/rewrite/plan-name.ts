import type { Relation } from '../catalog/catalog.js'
import { constraintsNow } from '../catalog/pair-constraints.js'
import { lookUpRelation } from '../resolve/namespace.js'
import type {
  ColumnStringReference,
  ConstraintReference,
  NameStringReference,
  UnfollowedReference,
} from '../resolve/reference.js'
import { quoteIdentifier, quoteLiteral } from '../sql/identifier.js'
import { refuseGoneRelation, relationNow } from './gone.js'
import { computedColumn } from './mapping.js'
import {
  edit,
  mappingOf,
  type NamePath,
  newColumnName,
  type PlanContext,
  refuseUnsupported,
  type StepFacts,
} from './plan-context.js'
import { relationText } from './plan-range.js'
import { findWord, tokenIndexAt } from './statement-source.js'

/** `'users'::regclass` => `'public.people'::regclass`. */
export function planNameString(context: PlanContext, reference: NameStringReference): void {
  const { relation, location, schema } = reference
  const { step, names, source } = context
  if (step.before.byOid.get(relation.oid) !== relation) return
  const after = relationNow(step, relation)
  const found = lookUpRelation({ ...names, catalog: step.after }, schema, reference.name)
  // Of a name that nothing has the server itself says so.
  if (after === undefined && found !== undefined) refuseGoneRelation(context, relation, location)
  if (after === undefined || found === after) return
  const token = source.tokens[tokenIndexAt(source, location)]
  if (token !== undefined) edit(context, token.start, token.end, quoteLiteral(relationText(after)))
}

/** `pg_get_serial_sequence('users', 'nr')` => `..., 'number')`. */
export function planColumnString(context: PlanContext, reference: ColumnStringReference): void {
  const { relation, location, name } = reference
  const change = context.step.mapping.relations.get(relation.oid)
  const computed = computedColumn(change, name)
  if (computed !== undefined && computed.writes.length === 0) {
    const hint = 'Take the question out of the query.'
    refuseUnsupported(context, `a function is asked about column "${name}", which is gone`, hint, location)
    return
  }
  // Of several columns that hold it now the first may stand for all.
  const newName = computed?.key?.column ?? computed?.writes[0]?.column ?? newColumnName(change, name)
  const token = context.source.tokens[tokenIndexAt(context.source, location)]
  if (newName !== name && token !== undefined) edit(context, token.start, token.end, quoteLiteral(newName))
}

/** ON CONFLICT ON CONSTRAINT follows a renamed constraint. */
export function planConstraint(context: PlanContext, reference: ConstraintReference): void {
  const change = mappingOf(context, reference.range)
  const old = change?.before.constraints.find((constraint) => constraint.name === reference.name)
  const renamed = change && old && constraintsNow(change.before, change.after).get(old)
  if (renamed === undefined || renamed.name === reference.name) return
  const { source } = context
  const index = findWord(source, tokenIndexAt(source, reference.after), 'constraint') + 1
  const token = source.tokens[index]
  if (token !== undefined) edit(context, token.start, token.end, quoteIdentifier(renamed.name))
}

/** True where a relation's name means the same relation before and after. */
function isUnchanged(step: StepFacts, names: NamePath, relation: Relation): boolean {
  if (names.temporary.includes(relation)) return true
  if (step.mapping.relations.has(relation.oid)) return false
  const after = { ...names, catalog: step.after }
  return [undefined, relation.schema].every((schema) => {
    const before = lookUpRelation({ ...names, catalog: step.before }, schema, relation.name)
    return before !== relation || lookUpRelation(after, schema, relation.name)?.oid === relation.oid
  })
}

/** A statement whose names are not followed passes only where it mentions nothing that changed. */
export function planUnfollowed(
  context: PlanContext,
  reference: UnfollowedReference,
  mentioned: (names: ReadonlySet<string>) => boolean,
): void {
  if (!mentioned(context.step.closure)) return
  const { step, names } = context
  // A temporary table, or one of another schema, may have a changed table's name.
  const unchanged = reference.relations?.every((relation) => isUnchanged(step, names, relation))
  if (unchanged) return
  const what = reference.tag
    .replace(/Stmt$/, '')
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toUpperCase()
  refuseUnsupported(
    context,
    `this statement (${what}) names something that a migration changed`,
    'Clients of an older version cannot change the schema of what has moved on; run it with pg-hotswap migrate.',
    context.source.tokens.find((token) => token.start >= context.source.start)?.start,
  )
}
