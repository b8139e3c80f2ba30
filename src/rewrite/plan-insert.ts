import { locationOf } from '../resolve/node.js'
import type { InsertReference } from '../resolve/reference.js'
import { quoteIdentifier } from '../sql/identifier.js'
import { arrange, type Part } from './arrange.js'
import { refuseComposite } from './composite.js'
import { type InsertPlaces, insertPlaces, valuesText } from './insert-places.js'
import type { InsertValue, MergedColumn, RelationMapping } from './mapping.js'
import { mergedOfAny } from './merged-column.js'
import { edit, mappingOf, type PlanContext, refuseUnsupported } from './plan-context.js'
import { planQuery } from './plan-insert-query.js'
import { planDefaultValues, planRows } from './plan-insert-values.js'
import { planInference } from './plan-target.js'
import { isDefault, isStarNode } from './repeatable.js'
import { tableThatNeedsValues } from './view-insert.js'
import { refuseTargets, type Target } from './write-refusals.js'
import { hasOtherDefault, isWrittenOtherwise, newColumns, type WrittenColumn, writtenColumn } from './written-column.js'

/** What planning an INSERT shares. */
export interface InsertPlan {
  readonly context: PlanContext
  readonly reference: InsertReference
  readonly change: RelationMapping
  readonly places: InsertPlaces
  /** What is written for each old column that a value is given to, in the order of the values. */
  readonly written: readonly WrittenColumn[]
  /** What the rule gives to new columns besides. */
  readonly extras: readonly InsertValue[]
  /** New columns that are made of listed old ones, and of others. */
  readonly merged: readonly MergedColumn[]
}

/** What planning the source of an INSERT says of its column list. */
export interface ListedColumns {
  /** New columns that get their default by not being named. */
  readonly omitted: ReadonlySet<string>
  /** True where no list may stand, as no value is given at all. */
  readonly none?: boolean
}

/**
 * An old INSERT writes to the old columns, and gives the new ones what the rule says:
 *
 *     INSERT INTO users VALUES (1, 'a')  =>  INSERT INTO users (id, name, country) VALUES (1, 'a', 'DE')
 */
export function planInsert(context: PlanContext, reference: InsertReference): void {
  const change = mappingOf(context, reference.range)
  if (refuseView(context, reference)) return
  const unlisted = reference.listed === undefined ? (reference.range.relation?.columns ?? []) : []
  if (refuseComposite(context, unlisted, locationOf(reference.node)) || change === undefined) return
  if (reference.conflictAt !== undefined) planInference(context, reference.range, change)
  const width = sourceWidth(reference)
  if (reference.listed === undefined && width === undefined) {
    refuseUncounted(context, reference, change)
    return
  }
  const names =
    reference.listed === undefined
      ? change.before.columns.slice(0, width).map((column) => column.name)
      : reference.listedNames.map(({ name }) => name)
  const written = names.map((name) => writtenColumn(change, name))
  if (refuseTargets(context, change.before, targetsOf(reference, written), 'INSERT')) return
  if (refuseMissing(context, reference, change, written)) return
  const plan = {
    context,
    reference,
    change,
    places: insertPlaces(context.source, reference),
    written,
    extras: extrasOf(change, written),
    merged: mergedOfAny(change, names),
  }
  if (!isTouched(plan)) {
    // More values than old columns are an error, whatever columns there are now.
    const tooMany = (width ?? 0) > written.length
    if (reference.listed === undefined && (tooMany || !fallOnThemselves(change, written))) {
      planList(plan, { omitted: new Set() })
    }
    return
  }
  if (reference.source.kind === 'values' && reference.source.rows.some((row) => row.some(isStarNode))) {
    const message = `the values of this INSERT into "${change.before.name}" are counted by a star`
    refuseUnsupported(context, message, 'List the values.', locationOf(reference.node))
    return
  }
  if (refuseMismatch(plan, width)) return
  planList(plan, planSource(plan))
}

function targetsOf({ source, listedNames }: InsertReference, written: readonly WrittenColumn[]): readonly Target[] {
  return written.map((one, index) => {
    const name = listedNames[index]
    const isDefaulted = source.kind === 'values' && source.rows.every((row) => isDefault(row[index]))
    return { written: one, isDefault: isDefaulted, ...(name === undefined ? {} : { name }) }
  })
}

/** True where the values themselves must change. */
function isTouched({ reference, change, written, extras }: InsertPlan): boolean {
  const { source } = reference
  if (extras.length > 0 || written.some(isWrittenOtherwise)) return true
  if (source.kind !== 'values') return false
  return written.some((one, index) => hasOtherDefault(change, one) && source.rows.some((row) => isDefault(row[index])))
}

function planSource(plan: InsertPlan): ListedColumns {
  switch (plan.reference.source.kind) {
    case 'default values':
      return planDefaultValues(plan)
    case 'values':
      return planRows(plan, plan.reference.source.rows)
    case 'select':
      return planQuery(plan, plan.reference.source)
  }
}

/** What a view adds to the values of an INSERT is said by its table alone, not by rules. */
function refuseView(context: PlanContext, { range, node }: InsertReference): boolean {
  const { before, mapping } = context.step
  if (range.relation?.kind !== 'view') return false
  const table = tableThatNeedsValues(range.relation, before, mapping)
  if (table === undefined) return false
  refuseUnsupported(
    context,
    `INSERT into view "${range.relation.name}" reaches table "${table.before.name}", to whose new row a rule gives values`,
    'Insert into the table itself, or give the new columns their DEFAULT in the database.',
    locationOf(node),
  )
  return true
}

/** The number of values that the source gives; undefined where it cannot be known. */
function sourceWidth({ source }: InsertReference): number | undefined {
  switch (source.kind) {
    case 'default values':
      return 0
    case 'values':
      return source.rows[0]?.some(isStarNode) ? undefined : source.rows[0]?.length
    case 'select':
      return source.columns
  }
}

/** What the rule gives to columns that no listed old column is written to. */
function extrasOf(change: RelationMapping, written: readonly WrittenColumn[]): readonly InsertValue[] {
  const listed = new Set(written.map(({ name }) => name))
  const merged = mergedOfAny(change, [...listed])
  const given = new Set([...written.flatMap(newColumns), ...merged.map(({ column }) => column)])
  const values = change.insert.filter(
    ({ column, unless }) => !given.has(column) && (unless === undefined || !listed.has(unless)),
  )
  const said = new Set([...given, ...values.map(({ column }) => column)])
  const unlisted = (change.merged ?? []).flatMap(({ column, unlisted: expression }): InsertValue[] =>
    expression === undefined || said.has(column) ? [] : [{ column, expression }],
  )
  return [...values, ...unlisted]
}

/** Without a column list values meet the columns by position: true where those are the ones meant. */
function fallOnThemselves(change: RelationMapping, written: readonly WrittenColumn[]): boolean {
  return written.every(
    (one, index) =>
      one.kind === 'plain' && !isWrittenOtherwise(one) && one.column === change.after.columns[index]?.name,
  )
}

function refuseUncounted(context: PlanContext, reference: InsertReference, change: RelationMapping): void {
  const all = change.before.columns.map((column) => writtenColumn(change, column.name))
  if (extrasOf(change, all).length === 0 && change.insert.length === 0 && fallOnThemselves(change, all)) return
  refuseUnsupported(
    context,
    `INSERT into "${change.before.name}" names no columns, and the number of its values cannot be known`,
    'List the columns of the INSERT.',
    locationOf(reference.node),
  )
}

/** PostgreSQL's own errors, which new columns could hide. */
function refuseMismatch(plan: InsertPlan, width: number | undefined): boolean {
  const { context, reference, change, written } = plan
  const { source, listedNames } = reference
  const refuse = (message: string, at: number | undefined) => {
    context.refusals.push({ sqlstate: '42601', message, ...(at === undefined ? {} : { at }) })
    return true
  }
  if (source.kind === 'values') {
    const uneven = source.rows.findIndex((row) => row.length !== width)
    if (uneven >= 0) return refuse('VALUES lists must all be the same length', valueOffset(plan, uneven, 0))
  }
  if (width === undefined || source.kind === 'default values') return false
  const room = reference.listed ?? change.before.columns.length
  if (width > room) return refuse('INSERT has more expressions than target columns', valueOffset(plan, 0, room))
  if (width >= written.length) return false
  return refuse('INSERT has more target columns than expressions', listedNames[width]?.location)
}

/** A column without a default of which nothing is left in the table still has to be given a value. */
function refuseMissing(
  context: PlanContext,
  { range, node, source }: InsertReference,
  change: RelationMapping,
  written: readonly WrittenColumn[],
): boolean {
  const isTable = range.relation?.kind !== 'view'
  const listed = new Set(written.map(({ name }) => name))
  const missing = change.before.columns.find((column) => {
    const needed = column.notNull && !column.hasDefault && column.identity === 'none' && column.generated === 'none'
    return isTable && needed && !listed.has(column.name) && isGone(writtenColumn(change, column.name))
  })
  if (missing === undefined) return false
  const message = `null value in column "${missing.name}" of relation "${change.before.name}" violates not-null constraint`
  if (source.kind !== 'select') context.refusals.push({ sqlstate: '23502', message })
  else refuseUnsupported(context, message, `Give "${missing.name}" a value.`, locationOf(node))
  return true
}

/** True where no new column alone shows whether it was given a value. */
function isGone(written: WrittenColumn): boolean {
  return newColumns(written).length === 0
}

/** The byte offset of a value; undefined where no text of its own stands for it. */
function valueOffset({ context, reference, places }: InsertPlan, row: number, index: number): number | undefined {
  const { source } = reference
  if (source.kind === 'values') return valuesText(context.source, places.source).rows[row]?.elements[index]?.start
  const [arm] = source.kind === 'select' ? source.arms : []
  const item = arm?.targetList?.[index]
  const location = item !== undefined && 'ResTarget' in item ? item.ResTarget.location : undefined
  return location === undefined || location < 0 ? undefined : location
}

/** The column list names the new columns; an INSERT without one gets it. */
function planList({ context, places, written, merged, extras }: InsertPlan, { omitted, none }: ListedColumns): void {
  const { list, afterTarget } = places
  if (none === true) {
    if (list !== undefined) arrange(context, list.span, [])
    return
  }
  const items = written.flatMap((one, index): Part[][] => {
    const element = list?.elements[index]
    const columns = newColumns(one).filter((name) => !omitted.has(name))
    if (one.kind === 'plain' && element !== undefined) return columns.map(() => [element])
    return columns.map((name) => [quoteIdentifier(name)])
  })
  const all = [...items, ...[...merged, ...extras].map(({ column }): Part[] => [quoteIdentifier(column)])]
  const parts = all.flatMap((item, index) => (index === 0 ? item : [', ', ...item]))
  if (list === undefined) {
    const names = parts.filter((part) => typeof part === 'string').join('')
    if (names !== '') edit(context, afterTarget, afterTarget, ` (${names})`)
  } else arrange(context, list.span, ['(', ...parts, ')'])
}
