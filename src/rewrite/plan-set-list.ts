import type { Node } from 'libpg-query'
import type { Assignment, SetListReference, WrittenName } from '../resolve/reference.js'
import { quoteIdentifier } from '../sql/identifier.js'
import { arrange, type Part, type Span } from './arrange.js'
import { refuseUnassignable } from './assignable.js'
import { columnNames, evaluatedOnce, pinnedParts, writtenParts } from './assigned-value.js'
import { afterChecks, type Check, checkParts, forEachRow, idleAssignment } from './discarded-value.js'
import type { ComputedColumn, RelationMapping } from './mapping.js'
import { defaultText, oldTypeOf } from './merged-column.js'
import { mappingOf, type PlanContext, refuseUnsupported } from './plan-context.js'
import { type Given, planMergedItems } from './plan-set-merged.js'
import { planSetSource } from './plan-set-source.js'
import { isDefault, isRepeatable, isRow, isStarNode } from './repeatable.js'
import { closingParenthesis, isOpening, isSymbol, nameAt, tokenIndexAt } from './statement-source.js'
import { elementSpans, startOf, valueSpan } from './value-span.js'
import { refuseTargets } from './write-refusals.js'
import {
  aroundOldValue,
  defaultsOf,
  hasOtherDefault,
  isDiscarded,
  isWrittenOnce,
  isWrittenOtherwise,
  newColumns,
  type WrittenColumn,
  writtenColumn,
} from './written-column.js'

/** One assignment of the new SET list: `target` ends with the equals sign. */
export interface SetItem {
  readonly target: readonly Part[]
  readonly value: readonly Part[]
  /** The value as a branch of a CASE, which gives it no type; undefined where it can be none. */
  readonly branch: readonly Part[] | undefined
}

/** What becomes of one old assignment. */
export interface SetItems {
  readonly items: readonly SetItem[]
  /** Conditions by which discarded values are checked. */
  readonly checks: readonly Check[]
  /** What old columns are given that new ones are made of. */
  readonly given?: readonly Given[]
}

/**
 * SET of computed columns gives the new ones their values; other columns are renamed one by one.
 *
 *     SET name = $1, legacy = $2  =>  SET first = CASE WHEN (($2)::boolean IS NULL) IN (true, false) THEN
 *                                     (split_part(($1)::text, ' ', 1)) END, last = (split_part(($1)::text, ' ', 2))
 */
export function planSetList(context: PlanContext, reference: SetListReference): void {
  const { range, assignments } = reference
  const change = mappingOf(context, range)
  if (change === undefined) return
  const names = assignments.flatMap((assignment) => assignment.names)
  const written = names.map(({ name }) => writtenColumn(change, name))
  const values = assignments.flatMap(({ names, value }) => names.map((_, index) => valueAt(value, index)))
  const touched = written.some(
    (one, index) => isWrittenOtherwise(one) || (isDefault(values[index]) && hasOtherDefault(change, one)),
  )
  if (!touched) return
  const targets = names.flatMap((name, index) => {
    const one = written[index]
    return one === undefined ? [] : [{ written: one, name, isDefault: isDefault(values[index]) }]
  })
  if (refuseTargets(context, change.before, targets, 'SET')) return
  const spans = assignments.map((assignment) => assignmentSpan(context, assignment))
  const [first, last] = [spans[0], spans.at(-1)]
  if (first === undefined || last === undefined) return
  const plan = { context, reference, change }
  const alone = assignments.map((assignment, index) => planAssignment(plan, assignment, spans[index] ?? first))
  const given = alone.flatMap((one) => one.given ?? [])
  const planned = [...alone, { items: planMergedItems(plan, given), checks: [] }]
  if (context.refusals.length > 0) return
  const checks = planned.flatMap((one) => one.checks)
  const waiting = checks.length === 0 ? undefined : planned.flatMap((one) => one.items).find((item) => item.branch)
  const parts: Part[] = []
  planned.forEach(({ items }, index) => {
    for (const item of items) {
      if (parts.length > 0) parts.push(item === items[0] ? separator(spans, index) : ', ')
      parts.push(...item.target, ...(item === waiting ? afterChecks(checks, item.branch ?? []) : item.value))
    }
  })
  if (parts.length === 0 || (waiting === undefined && checks.length > 0)) {
    const idle = idleAssignment(context, range, change, checks, new Set(written.flatMap(newColumns)))
    if (idle === undefined) {
      refuseUnsupported(
        context,
        `UPDATE of "${change.before.name}" sets only columns that are discarded, and none is left that may be set`,
        'Leave the statement out: it changes nothing.',
        names[0]?.location,
      )
      return
    }
    parts.push(...(parts.length > 0 ? [', '] : []), ...idle)
  }
  arrange(context, { start: first.start, end: last.end }, parts)
}

/** The text between an assignment and the one before it, where both are neighbours still. */
function separator(spans: readonly Span[], index: number): Part {
  const [before, after] = [spans[index - 1], spans[index]]
  return before === undefined || after === undefined ? ', ' : { start: before.end, end: after.start }
}

function assignmentSpan(context: PlanContext, assignment: Assignment): Span {
  const { source } = context
  const first = tokenIndexAt(source, assignment.names[0]?.location ?? 0)
  const start = startOf(source, assignment.several ? first - 1 : first)
  return { start, end: valueSpan(source, equalsSign(context, assignment) + 1).end }
}

/** The token index of an assignment's equals sign. */
function equalsSign({ source }: PlanContext, assignment: Assignment): number {
  const first = tokenIndexAt(source, assignment.names[0]?.location ?? 0)
  let index = assignment.several ? closingParenthesis(source, first - 1) : first
  while (!isSymbol(source, index, '='))
    index = isOpening(source, index) ? closingParenthesis(source, index) + 1 : index + 1
  return index
}

/** What planning one assignment shares with its SET list. */
export interface SetListPlan {
  readonly context: PlanContext
  readonly reference: SetListReference
  readonly change: RelationMapping
}

function planAssignment(plan: SetListPlan, assignment: Assignment, span: Span): SetItems {
  const { context, change } = plan
  const [name] = assignment.names
  if (name === undefined) return NOTHING
  const first = equalsSign(context, assignment) + 1
  const value = { start: startOf(context.source, first), end: span.end }
  if (!assignment.several) {
    const end = nameAt(context.source, name.location)[0]?.end ?? name.location
    const target = { start: name.location, end: value.start }
    return planOne(plan, name, assignment.value, value, target, { start: end, end: value.start })
  }
  const untouched = assignment.names.every((one, index) => {
    const written = writtenColumn(change, one.name)
    return (
      !isWrittenOtherwise(written) && !(isDefault(valueAt(assignment.value, index)) && hasOtherDefault(change, written))
    )
  })
  if (untouched) return { items: [{ target: [], value: [span], branch: undefined }], checks: [] }
  if ('SubLink' in assignment.value) return planSetSource(plan, assignment, value)
  return planRowSource(plan, assignment, first)
}

const NOTHING: SetItems = { items: [], checks: [] }

/** `(a, b) = ROW(1, 2)` => `a = 1, b = 2`. */
function planRowSource(plan: SetListPlan, { names, value }: Assignment, first: number): SetItems {
  const { context } = plan
  const { source } = context
  const at = names[0]?.location ?? 0
  if (!('RowExpr' in value)) {
    const message = 'source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression'
    context.refusals.push({ sqlstate: '0A000', message, at: startOf(source, first) })
    return NOTHING
  }
  const values = value.RowExpr.args ?? []
  if (values.some(isStarNode)) {
    refuseUnsupported(context, '* gives the values of several columns of a SET', 'List the values.', at)
    return NOTHING
  }
  if (values.length !== names.length) {
    const message = 'number of columns does not match number of values'
    context.refusals.push({ sqlstate: '42601', message, at: startOf(source, first) })
    return NOTHING
  }
  let open = first
  while (!isSymbol(source, open, '(')) open++
  const targets = elementSpans(source, tokenIndexAt(source, at) - 1)
  const all = elementSpans(source, open).map((span, index) => {
    const [name, node, target] = [names[index], values[index], targets[index]]
    return name === undefined || node === undefined || target === undefined
      ? NOTHING
      : planOne(plan, name, node, span, target, ' = ')
  })
  return {
    items: all.flatMap((one) => one.items),
    checks: all.flatMap((one) => one.checks),
    given: all.flatMap((one) => one.given ?? []),
  }
}

/** The value of one of several columns, where it is at sight. */
function valueAt(value: Node, index: number): Node | undefined {
  return 'RowExpr' in value ? value.RowExpr.args?.[index] : value
}

/** One column and its value; `equals` is the text between them. */
function planOne(
  plan: SetListPlan,
  { name }: WrittenName,
  node: Node,
  value: Span,
  target: Span,
  equals: Part,
): SetItems {
  const { context, change } = plan
  const written = writtenColumn(change, name)
  const given = givenTo(plan, written, node, value)
  if (isDefault(node) && hasOtherDefault(change, written)) {
    const columns = newColumns(written)
    const items = defaultsOf(change, written).map((text, index): SetItem => {
      return { target: [`${quoteIdentifier(columns[index] ?? '')} = `], value: [text], branch: undefined }
    })
    return { items, checks: [], given }
  }
  if (written.kind === 'plain') {
    const own = typeof equals === 'string' ? [target, equals] : [target]
    return { items: [plainItem(written, node, value, own)], checks: [], given }
  }
  if (refuseUnassignable(context, name, written.column, node)) return NOTHING
  if (isDiscarded(written)) return { items: [], checks: [checkParts(written.column, value)] }
  if (written.column.writes.length === 0) return { items: [], checks: [], given }
  return { items: computedItems(plan, written.column, node, value, equals), checks: [], given }
}

/** The value of an old column that new ones are made of. */
function givenTo({ change }: SetListPlan, written: WrittenColumn, node: Node, value: Span): readonly Given[] {
  const { name, merged } = written
  const [first] = merged
  if (first === undefined) return []
  const alone = newColumns(written).length > 0
  const at = value.start
  // A default that calls a function stands but once (plan-merged).
  if (isDefault(node)) return [{ name, value: [defaultText(change, first, name)], repeatable: true, alone, at }]
  const { before, after } = aroundOldValue(oldTypeOf(change, name))
  return [{ name, value: [before, value, after], repeatable: isRepeatable(node), alone, at }]
}

function plainItem(written: WrittenColumn, node: Node, value: Span, target: readonly Part[]): SetItem {
  const branch = isDefault(node) || isRow(node) ? undefined : pinnedParts(written, node, value)
  return { target, value: [value], branch }
}

function computedItems(
  { context, reference, change }: SetListPlan,
  column: ComputedColumn,
  node: Node,
  value: Span,
  equals: Part,
): readonly SetItem[] {
  const { writes } = column
  if (isWrittenOnce(column) || isRepeatable(node)) {
    return writes.map((write, index) => {
      const parts = writtenParts(column, write, value)
      return { target: [quoteIdentifier(write.column), index === 0 ? equals : ' = '], value: parts, branch: parts }
    })
  }
  const each = forEachRow(context, reference.range, change)
  const target = [columnNames(writes.map((write) => write.column)), equals]
  const parts = evaluatedOnce(column, value, each)
  return [{ target, value: parts, branch: writes.length === 1 ? parts : undefined }]
}
