import { locationOf } from '../resolve/node.js'
import type { RangeVariable } from '../resolve/range-variable.js'
import type { StarReference, SystemColumnReference } from '../resolve/reference.js'
import type { VisibleColumn } from '../resolve/scope.js'
import { quoteIdentifier } from '../sql/identifier.js'
import { refuseComposite } from './composite.js'
import { oldValueText } from './computed.js'
import { computedColumn, hasOtherColumns, isReshaped } from './mapping.js'
import { planQualifier, qualifierText, rawColumn, rowText, substituted } from './plan-column.js'
import { edit, newColumnName, type PlanContext, refuseUnsupported } from './plan-context.js'
import { tableWordBefore } from './plan-range.js'
import { isUnlistable } from './star-list.js'
import { nameAt } from './statement-source.js'

/** `*` and `t.*` are expanded to the old columns where the new relation would show others. */
export function planStar(context: PlanContext, reference: StarReference): void {
  const { visible, range } = reference
  const affected = [...visible.ranges, ...visible.columns.map((column) => column.range)].some((candidate) =>
    showsOtherColumns(context, candidate),
  )
  const start = starStart(context, reference)
  const shown = visible.columns.map((column) => column.range.relation?.columns[column.index])
  if (refuseComposite(context, shown, start)) return
  if (!affected) {
    if (start === undefined) {
      // `TABLE users` takes no alias.
      const [named] = visible.ranges
      if (named !== undefined && context.shown.get(named)?.aliasAdded) planTableCommand(context, reference, '*')
    } else if (range !== undefined) {
      planQualifier(context, range, start, nameAt(context.source, start))
    }
    return
  }
  const listed = range === undefined ? bareItems(context, reference) : rangeItems(context, reference, range)
  const items = isUnlistable(reference) ? undefined : listed
  if (items === undefined || items.length === 0) {
    refuseUnsupported(
      context,
      'the columns of * cannot be listed: a subquery without alias, a merged column or unknown columns are among them',
      'List the columns that the query needs instead of *.',
      start,
    )
    return
  }
  const text = items.join(', ')
  if (start === undefined) {
    planTableCommand(context, reference, text)
    return
  }
  const last = nameAt(context.source, start).at(-1)
  if (last === undefined) return
  edit(context, start, last.end, text)
}

/** A star's byte offset; undefined for the star that `TABLE users` implies. */
function starStart(context: PlanContext, reference: StarReference): number | undefined {
  const location = locationOf(reference.node)
  return location < 0 || context.source.text[location] === undefined ? undefined : location
}

/** `TABLE users` => `SELECT users.id, users.name FROM users`. */
function planTableCommand(context: PlanContext, reference: StarReference, items: string): void {
  const [range] = reference.visible.ranges
  const location = range?.node?.location
  const word = location === undefined ? undefined : tableWordBefore(context.source, location)
  const token = word === undefined ? undefined : context.source.tokens[word]
  if (token === undefined) throw new Error('a star without a place in the text')
  context.edits.push({ start: token.start, end: token.end, text: `SELECT ${items} FROM`, implied: true })
}

/** True where `*` over a range variable would show other columns, names or an other order than before. */
function showsOtherColumns(context: PlanContext, range: RangeVariable): boolean {
  if (range.joined?.some((column) => showsOtherColumns(context, column.range))) return true
  const shown = context.shown.get(range)
  if (shown?.as === 'derived')
    return shown.systemColumns.size > 0 || shown.raw.size > 0 || context.keyFacts.keys.has(range)
  if (shown?.change !== undefined && (shown.change.added.length > 0 || isReshaped(shown.change))) return true
  const change = substituted(context, range)
  if (change === undefined) return false
  return isReshaped(change) || hasOtherColumns(change)
}

function rangeItems(context: PlanContext, reference: StarReference, range: RangeVariable): string[] | undefined {
  const name = qualifierText(context, range)
  if (name === undefined || range.columns === undefined) return undefined
  return range.columns.map((column, index) =>
    item(context, reference, { name: column, range, index, merged: false }, name),
  )
}

function bareItems(context: PlanContext, reference: StarReference): string[] | undefined {
  const { visible } = reference
  const merged = visible.columns.some((column) => column.merged)
  if (merged) return visible.unknown.length > 0 ? undefined : columnItems(context, reference)
  const shownByStar = new Set([...visible.columns.map((column) => column.range), ...visible.unknown])
  const named = new Set(visible.ranges)
  if ([...shownByStar].some((range) => !named.has(range))) return undefined
  return visible.ranges
    .filter((range) => shownByStar.has(range))
    .flatMap((range) => {
      const name = qualifierText(context, range)
      if (name !== undefined && !showsOtherColumns(context, range)) return [`${name}.*`]
      return rangeItems(context, reference, range) ?? []
    })
}

/** Under USING and NATURAL: merged columns by their bare names, then the others. */
function columnItems(context: PlanContext, reference: StarReference): string[] | undefined {
  const items: string[] = []
  for (const column of reference.visible.columns) {
    const name = qualifierText(context, column.range)
    if (column.merged) {
      const same = reference.visible.columns.filter((other) => other.name === column.name)
      if (same.length > 1) return undefined
      const shown = quoteIdentifier(column.name)
      const raw = rawColumn(context, column.range, column.index)
      items.push(raw === undefined ? shown : `${oldValueText(raw, shown)} AS ${shown}`)
    } else {
      if (name === undefined) return undefined
      items.push(item(context, reference, column, name))
    }
  }
  return items
}

function item(context: PlanContext, reference: StarReference, column: VisibleColumn, qualifier: string): string {
  const change = substituted(context, column.range)
  const raw = rawColumn(context, column.range, column.index)
  if (raw !== undefined) {
    const shown = quoteIdentifier(column.name)
    const read = oldValueText(raw, `${qualifier}.${shown}`)
    return reference.list === 'row' ? read : `${read} AS ${shown}`
  }
  const computed = column.index < column.range.aliased ? undefined : computedColumn(change, column.name)
  if (computed !== undefined) {
    const read = rowText(column.range, computed, qualifier)
    return reference.list === 'row' ? read : `${read} AS ${quoteIdentifier(column.name)}`
  }
  const name = column.index < column.range.aliased ? column.name : newColumnName(change, column.name)
  const text = `${qualifier}.${quoteIdentifier(name)}`
  return name === column.name || reference.list === 'row' ? text : `${text} AS ${quoteIdentifier(column.name)}`
}

/** `public.users.ctid`: once the table has an alias, its schema cannot be named. */
export function planSystemColumn(context: PlanContext, reference: SystemColumnReference): void {
  const { node, range } = reference
  const start = locationOf(node)
  const parts = nameAt(context.source, start)
  if (parts.length > 1) planQualifier(context, range, start, parts)
}
