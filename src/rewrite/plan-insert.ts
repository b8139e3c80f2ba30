import { locationOf } from '../resolve/node.js'
import type { InsertReference } from '../resolve/reference.js'
import { quoteIdentifier } from '../sql/identifier.js'
import { arrange, type Part } from './arrange.js'
import { refuseComposite } from './composite.js'
import { type InsertPlaces, insertPlaces } from './insert-places.js'
import { columnsOnlyRulesFill, type InsertValue, type RelationMapping } from './mapping.js'
import { edit, mappingOf, type PlanContext, refuseUnsupported } from './plan-context.js'
import { planQuery } from './plan-insert-query.js'
import { planDefaultValues, planRows } from './plan-insert-values.js'
import { refuseTargets } from './write-refusals.js'
import { newColumns, type WrittenColumn, writtenColumn } from './written-column.js'

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
  if (reference.range.relation?.kind === 'view' && needsValues(context)) {
    refuseUnsupported(
      context,
      `INSERT into view "${reference.range.relation.name}" may reach a table with a new column that needs a value`,
      'Insert into the table itself, or give the new column a DEFAULT in the database.',
      locationOf(reference.node),
    )
    return
  }
  const unlisted = reference.listed === undefined ? (reference.range.relation?.columns ?? []) : []
  if (refuseComposite(context, unlisted, locationOf(reference.node)) || change === undefined) return
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
  if (refuseTargets(context, reference.listedNames, written, 'INSERT')) return
  const plan = {
    context,
    reference,
    change,
    places: insertPlaces(context.source, reference),
    written,
    extras: extrasOf(change, written),
  }
  const computed = written.some(({ kind }) => kind === 'computed')
  if (!computed && plan.extras.length === 0) {
    if (reference.listed === undefined && !fallOnThemselves(change, written)) planList(plan, { omitted: new Set() })
    return
  }
  if (computed && refuseMismatch(plan, width)) return
  planList(plan, planSource(plan))
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

/** True where some table has gained a column that only its rule can fill; the catalog does not tell which views show it. */
function needsValues(context: PlanContext): boolean {
  return [...context.step.mapping.relations.values()].some(columnsOnlyRulesFill)
}

/** The number of values that the source gives; undefined where it cannot be known. */
function sourceWidth({ source }: InsertReference): number | undefined {
  switch (source.kind) {
    case 'default values':
      return 0
    case 'values':
      return source.rows[0]?.length
    case 'select':
      return source.columns
  }
}

/** What the rule gives to columns that no listed old column is written to. */
function extrasOf(change: RelationMapping, written: readonly WrittenColumn[]): readonly InsertValue[] {
  const listed = new Set(written.map(({ name }) => name))
  const given = new Set(written.flatMap(newColumns))
  return change.insert.filter(
    ({ column, unless }) => !given.has(column) && (unless === undefined || !listed.has(unless)),
  )
}

/** Without a column list values meet the columns by position: true where those are the ones meant. */
function fallOnThemselves(change: RelationMapping, written: readonly WrittenColumn[]): boolean {
  return written.every((one, index) => one.kind === 'plain' && one.column === change.after.columns[index]?.name)
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
function refuseMismatch({ context, reference, change, written }: InsertPlan, width: number | undefined): boolean {
  const { source } = reference
  const refuse = (message: string) => {
    context.refusals.push({ sqlstate: '42601', message, at: locationOf(reference.node) })
    return true
  }
  if (source.kind === 'values' && source.rows.some((row) => row.length !== width)) {
    return refuse('VALUES lists must all be the same length')
  }
  if (width === undefined || source.kind === 'default values') return false
  if (width > (reference.listed ?? change.before.columns.length)) {
    return refuse('INSERT has more expressions than target columns')
  }
  return width < written.length ? refuse('INSERT has more target columns than expressions') : false
}

/** The column list names the new columns; an INSERT without one gets it. */
function planList({ context, places, written, extras }: InsertPlan, { omitted, none }: ListedColumns): void {
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
  const all = [...items, ...extras.map(({ column }): Part[] => [quoteIdentifier(column)])]
  const parts = all.flatMap((item, index) => (index === 0 ? item : [', ', ...item]))
  if (list === undefined) {
    const names = parts.filter((part) => typeof part === 'string').join('')
    if (names !== '') edit(context, afterTarget, afterTarget, ` (${names})`)
  } else arrange(context, list.span, ['(', ...parts, ')'])
}
