import { locationOf } from '../resolve/node.js'
import type { FieldReference, RowFunctionReference, RowTypeReference, WholeRowReference } from '../resolve/reference.js'
import { quoteIdentifier } from '../sql/identifier.js'
import { changedColumnNames } from './closure.js'
import type { RelationMapping } from './mapping.js'
import { planQualifier, qualifierText } from './plan-column.js'
import { edit, mappingOf, newColumnName, type PlanContext, refuseUnsupported } from './plan-context.js'
import { relationText } from './plan-range.js'
import { isSymbol, nameAt, tokenIndexAt } from './statement-source.js'

export function planWholeRow(context: PlanContext, reference: WholeRowReference): void {
  const { range, node, use } = reference
  const change = mappingOf(context, range)
  if (change === undefined || changedColumnNames(change).size === 0) return
  const start = locationOf(node)
  const parts = nameAt(context.source, start)
  const shown = context.shown.get(range)
  if (use === 'output' && change.added.length > 0) {
    refuseUnsupported(
      context,
      `the whole row of "${range.name}" would show columns that were added to its table`,
      'Select the columns, or row_to_json of the row.',
      start,
    )
  } else if (use === 'argument' && shown?.as === 'derived') {
    refuseUnsupported(
      context,
      `the whole row of "${range.name}" is used both for its field names and as its table's row type`,
      'Name the columns that the query needs instead of using the whole row.',
      start,
    )
  } else if (range.role === 'target' || range.role === 'pseudo') {
    planTargetRow(context, reference, change)
  } else if (parts.length > 2) {
    planQualifier(context, range, start, parts)
  }
}

/** A DML target cannot be shown as a subquery: its row is built where its field names are seen. */
function planTargetRow(context: PlanContext, reference: WholeRowReference, change: RelationMapping): void {
  const { range, node, use, field } = reference
  const start = locationOf(node)
  if (use === 'field') {
    if (field === undefined) return
    planField(context, start, field, change)
    return
  }
  const seen = use === 'names' || (use === 'type' && change.added.length > 0)
  const qualifier = qualifierText(context, range)
  if (!seen || qualifier === undefined) return
  const items = change.before.columns.map((column) => {
    const name = newColumnName(change, column.name)
    const text = `${qualifier}.${quoteIdentifier(name)}`
    return name === column.name ? text : `${text} AS ${quoteIdentifier(column.name)}`
  })
  const end = nameAt(context.source, start).at(-1)?.end ?? start
  edit(context, start, end, `(SELECT hotswap_row FROM (SELECT ${items.join(', ')}) AS hotswap_row)`)
}

/** `(users).name` => `(users).full_name`. */
function planField(context: PlanContext, start: number, field: string, change: RelationMapping): void {
  const newName = newColumnName(change, field)
  if (newName === field) return
  const { source } = context
  const parts = nameAt(source, start)
  let index = tokenIndexAt(source, start) + parts.length * 2 - 1
  while (isSymbol(source, index, ')')) index++
  const token = source.tokens[index + 1]
  if (token !== undefined && isSymbol(source, index, '.'))
    edit(context, token.start, token.end, quoteIdentifier(newName))
}

/** A field of a value whose type may be a changed relation's row type. */
export function planFieldReference(context: PlanContext, reference: FieldReference): void {
  for (const change of context.step.mapping.relations.values()) {
    if (!changedColumnNames(change).has(reference.name)) continue
    if (reference.typeOid !== undefined && reference.typeOid !== change.before.rowTypeOid) continue
    refuseUnsupported(
      context,
      `field "${reference.name}" may belong to the row type of "${change.before.name}", whose columns changed`,
      'Select the column from the table itself.',
    )
    return
  }
}

export function planRowType(context: PlanContext, reference: RowTypeReference): void {
  const change = context.step.mapping.relations.get(reference.relation.oid)
  if (change === undefined) return
  const start = locationOf(reference.node)
  if (changedColumnNames(change).size > 0) {
    refuseUnsupported(
      context,
      `the row type of "${change.before.name}" is used as a type, and its columns changed`,
      'Name the columns that the query needs instead of using the row type.',
      start,
    )
    return
  }
  const end = nameAt(context.source, start).at(-1)?.end ?? start
  edit(context, start, end, relationText(change.after))
}

/** A function that gives rows of a changed table gives other columns now. */
export function planRowFunction(context: PlanContext, reference: RowFunctionReference): void {
  const change = context.step.mapping.relations.get(reference.relationOid)
  if (change === undefined || !reference.givesRows || changedColumnNames(change).size === 0) return
  refuseUnsupported(
    context,
    `the function called here returns rows of "${change.before.name}", whose columns changed`,
    'Select from the table itself.',
    reference.node.location ?? 0,
  )
}
