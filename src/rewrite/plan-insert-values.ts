import type { Node } from 'libpg-query'
import { toByteString } from '../sql/byte-string.js'
import { arrange, type Part, type Span } from './arrange.js'
import { refuseUnassignable } from './assignable.js'
import { evaluatedOnce, pinnedParts, writtenParts } from './assigned-value.js'
import { withoutLength } from './computed.js'
import { afterChecks, type Check, checkParts, whereAll } from './discarded-value.js'
import { type ValuesText, valuesText } from './insert-places.js'
import type { ComputedColumn, InsertValue, MergedColumn, RelationMapping } from './mapping.js'
import { defaultText, mergedParts, oldTypeOf, usesIn } from './merged-column.js'
import { edit, refuseUnsupported } from './plan-context.js'
import type { InsertPlan, ListedColumns } from './plan-insert.js'
import { isDefault, isRepeatable, isRow } from './repeatable.js'
import { endOf, startOf } from './value-span.js'
import {
  aroundOldValue,
  DEFAULT,
  defaultsOf,
  isDiscarded,
  isWrittenOnce,
  newColumns,
  type WrittenColumn,
  writtenValues,
} from './written-column.js'

const ALL: ListedColumns = { omitted: new Set() }

/** DEFAULT VALUES leaves out all old columns: the rule's values alone are given. */
export function planDefaultValues({ context, places, extras }: InsertPlan): ListedColumns {
  if (extras.length === 0) return { omitted: new Set(), none: true }
  const [start, end] = [startOf(context.source, places.source), endOf(context.source, places.source + 1)]
  edit(context, start, end, `VALUES (${extras.map(extraText).join(', ')})`)
  return ALL
}

export function extraText({ expression }: InsertValue): string {
  return `(${toByteString(expression)})`
}

/** A rule's value with the type of its column, for places where it would be taken as text. */
export function typedExtra(change: RelationMapping, extra: InsertValue): string {
  const type = change.after.columns.find((column) => column.name === extra.column)?.type ?? 'text'
  return `${extraText(extra)}::${toByteString(withoutLength(type))}`
}

/** One value of the new row. */
interface RowItem {
  readonly isDefault: boolean
  readonly value: readonly Part[]
  /** The value as a branch of a CASE, which gives it no type; undefined where it can be none. */
  readonly branch: readonly Part[] | undefined
}

interface PlannedRow {
  /** By index of the old value. */
  readonly items: readonly (readonly RowItem[])[]
  readonly extras: readonly RowItem[]
  readonly checks: readonly Check[]
}

/** Each row of VALUES gives the new columns their values. */
export function planRows(plan: InsertPlan, rows: readonly (readonly Node[])[]): ListedColumns {
  const { context, reference, places, written } = plan
  const text = valuesText(context.source, places.source)
  const [row] = rows
  const lone = rows.length === 1 && reference.when === undefined
  if (lone && row?.some((node, index) => cannotRepeat(written[index], node))) {
    return planRowAsQuery(plan, row, text)
  }
  const planned = rows.map((one, index) => planRow(plan, one, text.rows[index]?.elements ?? []))
  if (planned.some((one) => one === undefined)) return ALL
  const all = planned.filter((one) => one !== undefined)
  if (all.some((one) => one.checks.length > 0 && branchOf(one) === undefined)) return planEmptyRows(plan, all, text)
  if (all.every((one) => one.items.flat().length + one.extras.length === 0)) return planEmptyRows(plan, all, text)
  arrange(
    context,
    text.span,
    all.flatMap((one, index) => rowParts(one, text, index)),
  )
  return ALL
}

/** The parts of a row, from the token before it on. */
function rowParts(row: PlannedRow, text: ValuesText, index: number): readonly Part[] {
  const [before, own] = [text.rows[index - 1], text.rows[index]]
  if (own === undefined) return []
  const start = before === undefined ? text.span.start : (before.elements.at(-1)?.end ?? before.span.end - 1)
  const parts: Part[] = [{ start, end: own.span.start + 1 }]
  const waiting = row.checks.length === 0 ? undefined : branchOf(row)
  let last = -1
  row.items.forEach((items, at) => {
    for (const item of items) {
      if (last >= 0) parts.push(item === items[0] ? separator(own.elements, last, at) : ', ')
      parts.push(...(item === waiting ? afterChecks(row.checks, item.branch ?? []) : item.value))
      last = at
    }
  })
  for (const item of row.extras) {
    if (last >= 0) parts.push(', ')
    parts.push(...(item === waiting ? afterChecks(row.checks, item.branch ?? []) : item.value))
    last = row.items.length
  }
  const end = own.elements.at(-1)?.end ?? own.span.end - 1
  return index === text.rows.length - 1 ? [...parts, { start: end, end: own.span.end }] : parts
}

function separator(elements: readonly Span[], last: number, at: number): Part {
  const [before, after] = [elements[last], elements[at]]
  return at === last + 1 && before !== undefined && after !== undefined ? { start: before.end, end: after.start } : ', '
}

/** The first value of a row that may wait for checks. */
function branchOf({ items, extras }: PlannedRow): RowItem | undefined {
  for (const own of items) {
    for (const item of own) if (item.branch !== undefined) return item
  }
  return extras.find((item) => item.branch !== undefined)
}

/** True where a value is written several times, and evaluating it several times could give several values. */
function cannotRepeat(written: WrittenColumn | undefined, node: Node): boolean {
  if (written === undefined || isDiscarded(written) || isDefault(node)) return false
  const { merged, name } = written
  if (merged.length > 0) return newColumns(written).length + usesIn(merged, name) > 1 && !isRepeatable(node)
  if (written.kind === 'plain') return false
  return written.column.writes.length > 1 && !isRepeatable(node)
}

function planRow(plan: InsertPlan, row: readonly Node[], spans: readonly Span[]): PlannedRow | undefined {
  const { context, change, written, merged, extras } = plan
  const checks: Check[] = []
  const items = row.map((node, index): readonly RowItem[] | undefined => {
    const [one, span] = [written[index], spans[index]]
    if (one === undefined || span === undefined) return undefined
    if (cannotRepeat(one, node)) {
      refuseUnsupported(
        context,
        `"${one.name}" is written to several new columns, and a value that calls functions must be evaluated once`,
        'Insert each row by a statement of its own, or compute the value in a query: INSERT ... SELECT, MERGE ... USING (SELECT ...).',
        span.start,
      )
      return undefined
    }
    if (isDefault(node)) {
      return defaultsOf(change, one).map((text) => ({
        isDefault: text === DEFAULT,
        value: [text === DEFAULT && one.kind === 'plain' ? span : text],
        branch: undefined,
      }))
    }
    if (one.kind === 'plain') return [plainItem(one, node, span)]
    if (refuseUnassignable(context, one.name, one.column, node)) return undefined
    if (!isDiscarded(one)) return computedItems(one.column, node, span)
    checks.push(checkParts(one.column, span))
    return []
  })
  if (items.some((one) => one === undefined)) return undefined
  const made = merged.map((one): RowItem => {
    const value = mergedParts(one, (name) => givenParts(plan, one, name, row, spans))
    return { isDefault: false, value, branch: value }
  })
  const given = extras.map((extra): RowItem => {
    return { isDefault: false, value: [extraText(extra)], branch: [typedExtra(change, extra)] }
  })
  return {
    items: items.map((one) => one ?? []),
    extras: [...made, ...given],
    checks,
  }
}

/** What a row gives to an old column that a new one is made of, as a value of the old type. */
function givenParts(
  { change, written }: InsertPlan,
  merged: MergedColumn,
  name: string,
  row: readonly Node[],
  spans: readonly Span[],
): readonly Part[] {
  const index = written.findIndex((one) => one.name === name)
  const span = spans[index]
  if (span === undefined || isDefault(row[index])) return [defaultText(change, merged, name)]
  const { before, after } = aroundOldValue(oldTypeOf(change, name))
  return [before, span, after]
}

function plainItem(written: WrittenColumn, node: Node, span: Span): RowItem {
  return { isDefault: false, value: [span], branch: isRow(node) ? undefined : pinnedParts(written, node, span) }
}

function computedItems(column: ComputedColumn, node: Node, span: Span): readonly RowItem[] {
  return column.writes.map((write) => {
    const parts =
      isWrittenOnce(column) || isRepeatable(node) ? writtenParts(column, write, span) : evaluatedOnce(column, span, [])
    return { isDefault: false, value: parts, branch: parts }
  })
}

const NOTHING_AROUND = { before: '', after: '' }

/** Rows that give nothing to any column but defaults: `INSERT INTO t SELECT WHERE ...` gives a row of defaults. */
function planEmptyRows(plan: InsertPlan, rows: readonly PlannedRow[], text: ValuesText): ListedColumns {
  const { context, reference, change } = plan
  const given = rows.some((row) => [...row.items.flat(), ...row.extras].some((item) => !item.isDefault))
  if (reference.when !== undefined || given) {
    refuseUnsupported(
      context,
      `a row for "${change.before.name}" gives a value to none of the columns that are left`,
      'Leave the column out that the migration dropped.',
      text.span.start,
    )
    return ALL
  }
  const parts = rows.flatMap(({ checks }, index): readonly Part[] => [
    index === 0 ? 'SELECT' : ' UNION ALL SELECT',
    ...whereAll(checks),
  ])
  arrange(context, text.span, parts)
  return { omitted: new Set(), none: true }
}

/**
 * The one row of VALUES as a query, where a value is written several times but must be evaluated once.
 *
 *     VALUES (1, f(2), DEFAULT)  =>  SELECT 1, split_part(hs.v2, ' ', 1), split_part(hs.v2, ' ', 2)
 *                                    FROM (SELECT (f(2))::text AS v2) AS hs
 */
function planRowAsQuery(plan: InsertPlan, row: readonly Node[], text: ValuesText): ListedColumns {
  const { context, change, written, merged, extras } = plan
  const spans = text.rows[0]?.elements ?? []
  const omitted = new Set<string>()
  const checks: Check[] = []
  const items: (readonly Part[])[] = []
  const evaluated: { readonly at: number; readonly parts: readonly Part[] }[] = []
  row.forEach((node, index) => {
    const [one, span] = [written[index], spans[index]]
    if (one === undefined || span === undefined) return
    if (isDefault(node)) {
      const columns = newColumns(one)
      defaultsOf(change, one).forEach((text, at) => {
        if (text === DEFAULT) omitted.add(columns[at] ?? '')
        else items.push([text])
      })
      return
    }
    if (isRepeatable(node) || (isRow(node) && one.merged.length === 0)) {
      if (one.kind === 'plain') items.push([span])
      else if (isDiscarded(one)) checks.push(checkParts(one.column, span))
      else items.push(...computedItems(one.column, node, span).map(({ value }) => value))
      return
    }
    const isBare = one.kind === 'plain' && one.merged.length === 0
    const { before, after } = isBare ? NOTHING_AROUND : aroundOldValue(oldTypeOf(change, one.name))
    const value = `hs.v${index + 1}`
    const at = change.before.columns.findIndex((column) => column.name === one.name)
    evaluated.push({ at, parts: [before, span, `${after} AS v${index + 1}`] })
    if (one.kind === 'plain') items.push([value])
    else if (isDiscarded(one)) checks.push(checkParts(one.column, value))
    else items.push(...writtenValues(one.column, value).map((text) => [text]))
  })
  const evaluatedAs = (name: string) => {
    const index = written.findIndex((one) => one.name === name)
    const node = row[index]
    return node === undefined || isDefault(node) || isRepeatable(node) ? undefined : `hs.v${index + 1}`
  }
  for (const one of merged) {
    items.push(
      mergedParts(one, (name) => {
        const value = evaluatedAs(name)
        return value === undefined ? givenParts(plan, one, name, row, spans) : [value]
      }),
    )
  }
  for (const extra of extras) items.push([extraText(extra)])
  // In the order of the old table's columns, in which PostgreSQL evaluates them: sequences give them their old numbers.
  const from = evaluated.sort((a, b) => a.at - b.at).map(({ parts }) => parts)
  arrange(context, text.span, [
    'SELECT ',
    ...listed(items),
    ' FROM (SELECT ',
    ...listed(from),
    ') AS hs',
    ...whereAll(checks),
  ])
  return { omitted }
}

function listed(items: readonly (readonly Part[])[]): readonly Part[] {
  return items.flatMap((item, index) => (index === 0 ? item : [', ', ...item]))
}
