import type { Node, ResTarget, SelectStmt } from 'libpg-query'
import { locationOf, stringsOf } from '../resolve/node.js'
import { figureOutputName } from '../resolve/output-name.js'
import type { InsertSource } from '../resolve/reference.js'
import { toByteString } from '../sql/byte-string.js'
import { arrange, type Part, type Span } from './arrange.js'
import { refuseUnassignable } from './assignable.js'
import { writtenParts } from './assigned-value.js'
import { oldValueText, withoutLength } from './computed.js'
import { afterChecks, checkParts, whereAll } from './discarded-value.js'
import { queryText } from './insert-places.js'
import { defaultText, mergedText, oldTypeOf } from './merged-column.js'
import { refuseUnsupported } from './plan-context.js'
import type { InsertPlan, ListedColumns } from './plan-insert.js'
import { extraText, typedExtra } from './plan-insert-values.js'
import { isRow, isUntyped } from './repeatable.js'
import { isWord, itemEnd, tokenIndexAt } from './statement-source.js'
import { endOf, startOf } from './value-span.js'
import { isDiscarded, isWrittenOnce, type WrittenColumn, writtenValues } from './written-column.js'

type QuerySource = Extract<InsertSource, { kind: 'select' }>

const ALL: ListedColumns = { omitted: new Set() }

/**
 * The query of an INSERT gives the new columns their values: in its target list where that changes nothing else, and
 * around it where it would.
 */
export function planQuery(plan: InsertPlan, source: QuerySource): ListedColumns {
  const { context, extras } = plan
  const items = source.arms.length === 1 ? targetsOf(source.arms[0]) : undefined
  const refused = (items ?? []).some(({ val }, index) => {
    const one = plan.written[index]
    return val !== undefined && one?.kind === 'computed' && refuseUnassignable(context, one.name, one.column, val)
  })
  if (refused) return ALL
  const inPlace = canStayInPlace(plan, source, items)
  if (inPlace && items !== undefined) planItems(plan, items)
  if (inPlace) {
    if (extras.length > 0) planArms(plan, source.arms)
    return ALL
  }
  return planAround(plan, source, items)
}

/** The items of a plain target list; undefined where a star is among them, or the arm is VALUES or TABLE. */
function targetsOf(arm: SelectStmt | undefined): readonly ResTarget[] | undefined {
  if (arm?.targetList === undefined) return undefined
  const items: ResTarget[] = []
  for (const node of arm.targetList) {
    if (!('ResTarget' in node) || node.ResTarget.val === undefined || isStarItem(node.ResTarget.val)) return undefined
    items.push(node.ResTarget)
  }
  return items
}

function isStarItem(node: Node): boolean {
  const fields = 'ColumnRef' in node ? node.ColumnRef.fields : undefined
  const last = fields?.at(-1) ?? ('A_Indirection' in node ? node.A_Indirection.indirection?.at(-1) : undefined)
  return last !== undefined && 'A_Star' in last
}

function canStayInPlace(
  { written, extras, merged }: InsertPlan,
  { arms }: QuerySource,
  items: readonly ResTarget[] | undefined,
): boolean {
  if (merged.length > 0) return false
  const [arm] = arms
  const distinct = arms.length > 1 || arms.some((one) => one.distinctClause !== undefined)
  const lists = arms.every((one) => (one.targetList?.length ?? 0) > 0 && listEnd(one) !== undefined)
  if (extras.length > 0 && (!lists || (distinct && extras.some((extra) => extra.expression.includes('(')))))
    return false
  const computed = written.flatMap((one, index) => (one.kind === 'computed' ? [{ one, index }] : []))
  if (computed.length === 0) return true
  if (arm === undefined || items === undefined || distinct) return false
  return computed.every(({ one, index }) => {
    const item = items[index]
    return item !== undefined && isWrittenOnce(one.column) && !isCalled(item.val) && !sortsBy(arm, item, index)
  })
}

/** True where a function is called: it might give several rows, which some expressions do not take. */
function isCalled(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if ('FuncCall' in value) return true
  return Object.values(value).some(isCalled)
}

/** True where ORDER BY, GROUP BY or DISTINCT ON name an item by its position or output name. */
function sortsBy(arm: SelectStmt, item: ResTarget, index: number): boolean {
  const name = item.name ?? figureOutputName(item.val).name
  const meant = (node: Node | undefined): boolean => {
    if (node === undefined) return false
    if ('SortBy' in node) return meant(node.SortBy.node)
    if ('GroupingSet' in node) return (node.GroupingSet.content ?? []).some(meant)
    if ('List' in node) return (node.List.items ?? []).some(meant)
    if ('RowExpr' in node) return (node.RowExpr.args ?? []).some(meant)
    if ('A_Const' in node) return node.A_Const.ival !== undefined && (node.A_Const.ival.ival ?? 0) === index + 1
    return 'ColumnRef' in node && stringsOf(node.ColumnRef.fields).join('.') === name
  }
  return [...(arm.sortClause ?? []), ...(arm.groupClause ?? []), ...(arm.distinctClause ?? [])].some(meant)
}

/** Each computed column's item is written where it stands. */
function planItems({ context, written }: InsertPlan, items: readonly ResTarget[]): void {
  written.forEach((one, index) => {
    const [item, write] = [items[index], one.kind === 'computed' ? one.column.writes[0] : undefined]
    if (one.kind !== 'computed' || item === undefined || write === undefined) return
    const span = itemSpan(context, item)
    arrange(context, span, writtenParts(one.column, write, span))
  })
}

/** An item without its alias. */
function itemSpan({ source }: InsertPlan['context'], item: ResTarget): Span {
  const start = locationOf(item)
  const end = itemEnd(source, start)
  if (item.name === undefined) return { start, end }
  let index = tokenIndexAt(source, start)
  while (endOf(source, index) < end) index++
  // U&"name" UESCAPE '!' is one name.
  if (isWord(source, index - 1, 'uescape')) index -= 2
  if (isWord(source, index - 1, 'as')) index--
  return { start, end: endOf(source, index - 1) }
}

/** The location of the last item of a target list, at the end of which more can be added. */
function listEnd(arm: SelectStmt): number | undefined {
  const last = arm.targetList?.at(-1)
  const location = last !== undefined && 'ResTarget' in last ? locationOf(last.ResTarget) : -1
  return location < 0 ? undefined : location
}

/** Each arm of the query gives the rule's values as further columns. */
function planArms({ context, change, extras }: InsertPlan, arms: readonly SelectStmt[]): void {
  // The arms of a set operation settle on a type before the column has a say.
  const text = (arms.length > 1 ? extras.map((extra) => typedExtra(change, extra)) : extras.map(extraText)).join(', ')
  for (const arm of arms) {
    const end = itemEnd(context.source, listEnd(arm) ?? 0)
    context.edits.push({ start: end, end, text: `, ${text}`, encloses: 'after' })
  }
}

/**
 * The query becomes a subquery of one that writes its columns. What has no type of its own gets that of the old column,
 * as a subquery would take it for text.
 *
 *     INSERT INTO users (name) SELECT DISTINCT title FROM orders
 *     =>  INSERT INTO users (first, last)
 *         SELECT split_part((hs.v1)::text, ' ', 1), split_part(...) FROM (SELECT DISTINCT title FROM orders) AS hs (v1)
 */
function planAround(plan: InsertPlan, source: QuerySource, items: readonly ResTarget[] | undefined): ListedColumns {
  const { context, reference, change, places, written, merged, extras } = plan
  const query = queryText(context.source, places.source, reference.conflictAt)
  if (query === undefined || source.columns === undefined) {
    refuseUnsupported(
      context,
      `the query of this INSERT into "${change.before.name}" cannot be put into a subquery`,
      source.columns === undefined ? 'List the columns of the query instead of *.' : 'Leave out SEARCH and CYCLE.',
      startOf(context.source, places.source),
    )
    return ALL
  }
  if (source.arms.length === 1) {
    for (const [index, item] of (items ?? []).entries()) pinItem(plan, source, item, written[index], index)
  }
  const aliases = written.map((_, index) => `v${index + 1}`)
  const value = (index: number) => `hs.${aliases[index]}`
  const checks = written.flatMap((one, index) =>
    one.kind === 'computed' && isDiscarded(one) ? [checkParts(one.column, value(index))] : [],
  )
  const values = written.flatMap((one, index) =>
    one.kind === 'plain' ? [value(index)] : writtenValues(one.column, oldValueText(one.column, value(index))),
  )
  const made = merged.map((one) =>
    mergedText(one, (name) => {
      const index = written.findIndex((other) => other.name === name)
      return index < 0 ? defaultText(change, one, name) : oldValueText(oldTypeOf(change, name), value(index))
    }),
  )
  const given = [...values, ...made, ...extras.map((extra) => typedExtra(change, extra))]
  const [first, ...others] = given
  const as = ` AS hs${aliases.length === 0 ? '' : ` (${aliases.join(', ')})`}`
  if (first === undefined) {
    // Without OFFSET the checks could be made of rows that the query leaves out.
    arrange(context, query, ['SELECT FROM (SELECT * FROM (', query, `)${as} OFFSET 0) AS hs`, ...whereAll(checks)])
    return { omitted: new Set(), none: true }
  }
  const list: Part[] = [...afterChecks(checks, [first]), ...others.map((other) => `, ${other}`)]
  arrange(context, query, ['SELECT ', ...list, ' FROM (', query, `)${as}`])
  return ALL
}

function pinItem(
  { context }: InsertPlan,
  { arms }: QuerySource,
  item: ResTarget,
  written: WrittenColumn | undefined,
  index: number,
): void {
  const { val } = item
  if (val === undefined || written === undefined || !(isUntyped(val) || isRow(val))) return
  const own = written.kind === 'plain' ? written.type : toByteString(withoutLength(written.column.type))
  // DISTINCT and ORDER BY take it for text.
  const sorted = arms.some((arm) => arm.distinctClause !== undefined || sortsBy(arm, item, index))
  const isText = sorted && isUntyped(val)
  if (isText && written.kind === 'computed') refuseUnassignable(context, written.name, written.column, val, 'text')
  const type = isText ? 'text' : own
  const span = itemSpan(context, item)
  if (type !== undefined) arrange(context, span, ['(', span, `)::${type}`])
}
