import { locationOf } from '../resolve/node.js'
import type {
  FieldReference,
  RowFunctionReference,
  RowSourceReference,
  RowTypeReference,
  WholeRowReference,
} from '../resolve/reference.js'
import { quoteIdentifier } from '../sql/identifier.js'
import { changedColumnNames } from './closure.js'
import { refuseComposite, rowTypeOf } from './composite.js'
import { readText } from './computed.js'
import { refuseGoneRelation, relationNow } from './gone.js'
import { computedColumn, isReshaped, type RelationMapping } from './mapping.js'
import { capturingTarget, planRowName, qualifierText } from './plan-column.js'
import { edit, mappingOf, newColumnName, type PlanContext, refuseUnsupported } from './plan-context.js'
import { relationText } from './plan-range.js'
import { isSymbol, nameAt, tokenIndexAt } from './statement-source.js'

export function planWholeRow(context: PlanContext, reference: WholeRowReference): void {
  const { range, node, use, field } = reference
  if (isCaptured(context, reference)) {
    planCapturedRow(context, reference)
    return
  }
  if (use !== 'count' && use !== 'field' && refuseComposite(context, range.relation?.columns ?? [], locationOf(node)))
    return
  const change = mappingOf(context, range)
  if (change === undefined || changedColumnNames(change).size === 0) {
    planRowName(context, reference)
    return
  }
  const start = locationOf(node)
  const shown = context.shown.get(range)
  const derived = shown?.as === 'derived'
  // A system column that the subquery has to show would be seen in its row.
  const [systemColumn] = shown?.systemColumns ?? []
  const reason = rowRefusal(reference, change, derived, context.rowNamesSeen())
  if (reason !== undefined) {
    const hint = 'Name the columns that the query needs instead of using the whole row.'
    refuseUnsupported(context, reason, hint, start)
  } else if (use === 'fields' && systemColumn !== undefined) {
    const message = `the fields of "${range.name}" cannot be listed by .* here`
    refuseUnsupported(context, message, 'Name the columns that the query needs.', start)
  } else if (derived ? systemColumn !== undefined && use !== 'field' && use !== 'count' : isBuilt(reference, change)) {
    planBuiltRow(context, reference, change, systemColumn)
  } else if (use === 'field' && range.role !== 'from' && range.role !== 'function') {
    planField(context, reference, field ?? '', change)
  } else {
    planRowName(context, reference)
  }
}

/** Whether a row has to be put together from its old columns: its field names are seen, or the values of new ones. */
function isBuilt({ use }: WholeRowReference, change: RelationMapping): boolean {
  return use === 'names' || (use === 'value' && isReshaped(change))
}

/**
 * `row_to_json(u)` => `row_to_json((SELECT r FROM (SELECT u.id, u.name) AS r WHERE u.tableoid IS NOT NULL))`. Where there is
 * no row (an outer join, OLD of an INSERT) every column is NULL, tableoid too, and so is the value.
 */
function planBuiltRow(
  context: PlanContext,
  reference: WholeRowReference,
  change: RelationMapping,
  systemColumn = 'tableoid',
): void {
  const { range, node } = reference
  const start = locationOf(node)
  const qualifier = qualifierText(context, range)
  if (qualifier === undefined) return
  context.renamedRefs.add(node)
  const items = change.before.columns.map((column, index) => {
    const computed = context.shown.get(range)?.as === 'derived' ? undefined : computedColumn(change, column.name)
    if (computed !== undefined) return `${readText(computed, qualifier)} AS ${quoteIdentifier(column.name)}`
    const shown = range.role === 'from' ? (range.columns?.[index] ?? column.name) : newColumnName(change, column.name)
    const text = `${qualifier}.${quoteIdentifier(shown)}`
    return shown === column.name ? text : `${text} AS ${quoteIdentifier(column.name)}`
  })
  const exists =
    range.role === 'target' || range.name === 'excluded' ? '' : ` WHERE ${qualifier}.${systemColumn} IS NOT NULL`
  const end = nameAt(context.source, start).at(-1)?.end ?? start
  edit(context, start, end, `(SELECT hotswap_row FROM (SELECT ${items.join(', ')}) AS hotswap_row${exists})`)
}

/** A bare name is a column first, on every level: a new column of a DML target may take it from the row. */
function isCaptured(context: PlanContext, { node, range, scope }: WholeRowReference): boolean {
  const bare = node.fields?.length === 1
  return bare && range.name !== undefined && capturingTarget(context, scope, range.name, { range })
}

/** `count(u)` => `count(u.*)`, which is the row too, where it cannot stand for a list of columns. */
function planCapturedRow(context: PlanContext, reference: WholeRowReference): void {
  const { range, node, use } = reference
  const start = locationOf(node)
  const listed = use === 'output' || use === 'nested' || use === 'field' || use === 'fields'
  if (listed || mappingOf(context, range) !== undefined) {
    refuseUnsupported(
      context,
      `the whole row of "${range.name}" cannot be told apart from a new column of that name`,
      'Give the table another alias.',
      start,
    )
    return
  }
  const end = nameAt(context.source, start).at(-1)?.end ?? start
  planRowName(context, reference)
  edit(context, end, end, '.*')
}

/** Why a whole row cannot be what it was: it has a type of its own, which has the new fields. */
function rowRefusal(
  { range, use, field }: WholeRowReference,
  change: RelationMapping,
  derived: boolean,
  namesSeen: boolean,
): string | undefined {
  const gained = isReshaped(change)
  const keepsType = use === 'output' || use === 'nested' || use === 'type'
  if (keepsType && gained) return `the whole row of "${range.name}" would show columns that were added or changed`
  if ((use === 'nested' || use === 'type') && namesSeen) {
    return `the whole row of "${range.name}" is passed on, and field names that changed may be seen where it goes`
  }
  if (derived && (keepsType || use === 'argument')) {
    return `the whole row of "${range.name}" is used both for its fields and as its table's row type`
  }
  if (use === 'projection' && field !== undefined && range.role !== 'from' && isOther(change, field)) {
    return `"${field}(${range.name})" means a column that was renamed or changed`
  }
  if (range.role === 'function' && (use === 'names' || (use === 'value' && gained))) {
    return `the rows of "${range.name}" are used as a whole, and the table that they are rows of has changed`
  }
  if (use === 'fields' && range.role !== 'from') return `the fields of "${range.name}" cannot be listed by .* here`
  return undefined
}

function isOther(change: RelationMapping, field: string): boolean {
  return computedColumn(change, field) !== undefined || newColumnName(change, field) !== field
}

/** `(users).name` => `(users).full_name`, and of a computed column its value. */
function planField(
  context: PlanContext,
  { node, range }: WholeRowReference,
  field: string,
  change: RelationMapping,
): void {
  if (!isOther(change, field)) return
  context.renamedRefs.add(node)
  const { source } = context
  const start = locationOf(node)
  const parts = nameAt(source, start)
  const first = tokenIndexAt(source, start)
  let index = first + parts.length * 2 - 1
  let open = first
  while (isSymbol(source, index, ')')) {
    index++
    open--
  }
  const token = source.tokens[index + 1]
  if (token === undefined || !isSymbol(source, index, '.')) return
  const computed = computedColumn(change, field)
  const qualifier = qualifierText(context, range)
  if (computed === undefined) edit(context, token.start, token.end, quoteIdentifier(newColumnName(change, field)))
  else if (qualifier !== undefined) {
    edit(context, source.tokens[open]?.start ?? start, token.end, readText(computed, qualifier))
  }
}

/** A field of a value whose type may be a changed relation's row type. */
export function planFieldReference(context: PlanContext, reference: FieldReference): void {
  for (const change of context.step.mapping.relations.values()) {
    if (reference.name === undefined || !changedColumnNames(change).has(reference.name)) continue
    if (reference.typeOid !== undefined && reference.typeOid !== change.before.rowTypeOid) continue
    refuseUnsupported(
      context,
      `field "${reference.name}" may belong to the row type of "${change.before.name}", whose columns changed`,
      'Select the column from the table itself.',
    )
    return
  }
}

/** `FROM unnest(t.members) m`: the columns of m are the fields of rows, under their new names. */
export function planRowSource(context: PlanContext, reference: RowSourceReference): void {
  const { mapping } = context.step
  const rows = reference.relations.some((oid) => {
    const change = mapping.relations.get(oid)
    return change !== undefined && changedColumnNames(change).size > 0
  })
  if (!rows && reference.columns.every((column) => rowTypeOf(column, context.step.rowTypes) === undefined)) return
  refuseUnsupported(
    context,
    'a function in FROM is given rows of a table whose columns changed, and shows their fields',
    'Select from the table itself.',
    reference.node.location,
  )
}

export function planRowType(context: PlanContext, reference: RowTypeReference): void {
  const { relation } = reference
  const { step } = context
  const change = step.mapping.relations.get(relation.oid)
  const start = locationOf(reference.node)
  if (change === undefined) {
    if (step.before.byOid.get(relation.oid) === relation && relationNow(step, relation) === undefined)
      refuseGoneRelation(context, relation, start)
    return
  }
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
  if (change.after.name !== change.before.name) context.renamedRefs.add(reference.node)
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
