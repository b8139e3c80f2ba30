import { locationOf } from '../resolve/node.js'
import type { RangeVariable } from '../resolve/range-variable.js'
import type { TargetColumnReference } from '../resolve/reference.js'
import { quoteIdentifier } from '../sql/identifier.js'
import { arrange } from './arrange.js'
import { newColumnNames } from './closure.js'
import { refuseComposite } from './composite.js'
import { refuseLost } from './lost-column.js'
import { type ComputedColumn, computedColumn, type RelationMapping } from './mapping.js'
import { edit, mappingOf, newColumnName, type PlanContext, refuseUnsupported } from './plan-context.js'
import { elementsIn, isSymbol, tokenIndexAt } from './statement-source.js'
import { elementSpans } from './value-span.js'

/** The new name of a column that is written to; computed ones in a SET, INSERT or COPY list are planned with their list. */
export function planTargetColumn(context: PlanContext, reference: TargetColumnReference): void {
  const { range, name, place } = reference
  const change = mappingOf(context, range)
  const column = range.relation?.columns.find((one) => one.name === name)
  if (refuseComposite(context, [column], reference.location) || change === undefined) return
  if (place?.list === 'vacuum' && [...change.columns.values()].some(({ kind }) => kind === 'computed')) {
    if (place.index === 0) planAnalyzedColumns(context, change, place.at)
    return
  }
  const at = targetColumnOffset(context, reference)
  if (at === undefined) return
  const mapped = change.columns.get(name)
  if (mapped === undefined) {
    if (!newColumnNames(change).has(name)) return
    context.refusals.push({
      sqlstate: '42703',
      message: `column "${name}" of relation "${change.before.name}" does not exist`,
      at,
    })
    return
  }
  if (mapped.kind === 'column') {
    const newName = newColumnName(change, name)
    if (newName !== name) renameAt(context, at, newName)
  } else if (place?.list === 'conflict') planConflictColumn(context, name, mapped, at)
}

/** A computed column that one new column holds conflicts where that one does. */
function planConflictColumn(context: PlanContext, name: string, column: ComputedColumn, at: number): void {
  const { key, writes } = column
  if (refuseLost(context, column, at)) return
  if (key?.injective && writes.length === 1 && writes[0]?.column === key.column) renameAt(context, at, key.column)
  else refuseConflict(context, name, at)
}

/**
 * Columns in the expressions and the condition by which ON CONFLICT infers an index. Those of the new index are the old
 * ones read anew by PostgreSQL when the type changed, so that the new column stands there by its bare name.
 */
export function planInference(context: PlanContext, range: RangeVariable, change: RelationMapping): void {
  for (const reference of context.references) {
    if (reference.kind !== 'column' || !reference.bareOnly || reference.range !== range) continue
    const column = computedColumn(change, reference.name)
    if (column === undefined) continue
    const { key } = column
    const at = locationOf(reference.node)
    if (refuseLost(context, column, at)) continue
    if (key?.comparable) {
      context.keyed.add(reference.node)
      renameAt(context, at, key.column)
    } else refuseConflict(context, reference.name, at)
  }
}

function refuseConflict(context: PlanContext, name: string, at: number): void {
  refuseUnsupported(
    context,
    `ON CONFLICT names column "${name}", and equal old values need not be equal in the new schema`,
    `If "write" gives different values for different old ones, declare it in the rule of "${name}": injective: true.`,
    at,
  )
}

/** ANALYZE of what its columns are read from; no column may be named twice. */
function planAnalyzedColumns(context: PlanContext, change: RelationMapping, at: number): void {
  const { source } = context
  const listed = context.references.flatMap((one) =>
    one.kind === 'target-column' && one.place?.list === 'vacuum' && one.place.at === at ? [one.name] : [],
  )
  const names = listed.flatMap((name) => {
    const mapped = change.columns.get(name)
    if (mapped?.kind !== 'computed') return [mapped?.name ?? name]
    return mapped.read.flatMap((part) => (typeof part === 'string' ? [] : [part.column]))
  })
  let open = tokenIndexAt(source, at)
  while (!isSymbol(source, open, '(')) open++
  const elements = elementSpans(source, open)
  const [first, last] = [elements[0], elements.at(-1)]
  if (first === undefined || last === undefined) return
  if (names.length === 0) {
    const message = `the columns of "${change.before.name}" to analyze are gone`
    refuseUnsupported(context, message, 'Leave them out.', first.start)
    return
  }
  const text = [...new Set(names)].map(quoteIdentifier).join(', ')
  arrange(context, { start: first.start, end: last.end }, [text])
}

function renameAt(context: PlanContext, at: number, name: string): void {
  const token = context.source.tokens[tokenIndexAt(context.source, at)]
  if (token !== undefined) edit(context, token.start, token.end, quoteIdentifier(name))
}

/** Where a target column's name stands; libpg-query gives no location for those of ON CONFLICT, COPY and ANALYZE. */
function targetColumnOffset(context: PlanContext, reference: TargetColumnReference): number | undefined {
  if (reference.place === undefined) return reference.location
  const { source } = context
  const { at, index } = reference.place
  let open = tokenIndexAt(source, at)
  while (open < source.tokens.length && !isSymbol(source, open, '(')) open++
  const element = elementsIn(source, open)[index]
  return element === undefined ? undefined : source.tokens[element]?.start
}
