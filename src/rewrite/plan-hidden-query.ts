import { lookUpRelation } from '../resolve/namespace.js'
import type { HiddenQueryReference, UnknownNameReference } from '../resolve/reference.js'
import { toByteString } from '../sql/byte-string.js'
import { mentions } from '../sql/mentions.js'
import { nameTable } from '../sql/name-table.js'
import { edit, type PlanContext, refuseUnsupported } from './plan-context.js'
import { tokenIndexAt } from './statement-source.js'

/** `query_to_xml('SELECT name FROM users', ...)`: the server would run the old text on the new schema. */
export function planHiddenQuery(context: PlanContext, reference: HiddenQueryReference): void {
  const { node, relation, sql } = reference
  const { step } = context
  if (relation !== undefined && step.mapping.relations.has(relation.oid)) {
    const hint = 'Make the XML of a query: xmlelement, xmlforest, xmlagg.'
    refuseUnsupported(context, `a function shows table "${relation.name}" by its new names`, hint, node.location)
  }
  if (sql === undefined || !mentions(toByteString(sql), nameTable(step.closure))) return
  const hint = 'Write the query as a part of the statement.'
  refuseUnsupported(
    context,
    'a string holds a query that names something that a migration changed',
    hint,
    node.location,
  )
}

/** `'people'::regclass`: a name that the older version does not have must not start to mean something. */
export function planUnknownName(context: PlanContext, reference: UnknownNameReference): void {
  const { schema, name, location, missing } = reference
  if (lookUpRelation({ ...context.names, catalog: context.step.after }, schema, name) === undefined) return
  const token = context.source.tokens[tokenIndexAt(context.source, location)]
  if (missing === 'null' && token !== undefined) {
    edit(context, token.start, token.end, 'NULL')
    return
  }
  const qualified = schema === undefined ? name : `${schema}.${name}`
  context.refusals.push({ sqlstate: '42P01', message: `relation "${qualified}" does not exist`, at: location })
}
