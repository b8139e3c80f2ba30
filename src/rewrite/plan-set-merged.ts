import { quoteIdentifier } from '../sql/identifier.js'
import type { Part } from './arrange.js'
import { columnNames } from './assigned-value.js'
import { forEachRow, whereAll } from './discarded-value.js'
import type { MergedColumn } from './mapping.js'
import { currentText, mergedOfAny, mergedParts, usesIn } from './merged-column.js'
import { qualifierText } from './plan-column.js'
import { refuseUnsupported } from './plan-context.js'
import type { SetItem, SetListPlan } from './plan-set-list.js'

/** What an old column that merged columns are made of is given. */
export interface Given {
  readonly name: string
  /** The value, taken as the old type. */
  readonly value: readonly Part[]
  /** True where it may be evaluated any number of times. */
  readonly repeatable: boolean
  /** True where the column is written by itself, too. */
  readonly alone: boolean
  readonly at: number
}

/**
 * What merged columns are set to: each old column that is assigned stands for its new value, and the others for what
 * they are.
 *
 *     SET first = $1  =>  SET name = (($1)::text) || ' ' || (split_part(users.name, ' ', 2))
 */
export function planMergedItems(plan: SetListPlan, given: readonly Given[]): readonly SetItem[] {
  const { context, change } = plan
  const merged = mergedOfAny(
    change,
    given.map(({ name }) => name),
  )
  const valueFor = currentValue(plan, given[0]?.at)
  if (merged.length === 0 || valueFor === undefined) return []
  const byName = new Map(given.map((one) => [one.name, one]))
  const repeated = given.filter((one) => !one.repeatable && usesIn(merged, one.name) + (one.alone ? 1 : 0) > 1)
  const both = repeated.find(({ alone }) => alone)
  if (both !== undefined) {
    refuseUnsupported(
      context,
      `"${both.name}" is written to several new columns, and a value that calls functions must be evaluated once`,
      'Compute the value in a query before, or in the FROM of the UPDATE.',
      both.at,
    )
    return []
  }
  if (repeated.length > 0) return [evaluatedOnce(plan, merged, given, valueFor)]
  return merged.map((one) => {
    const value = mergedParts(one, (name) => byName.get(name)?.value ?? [valueFor(name)])
    return { target: [`${quoteIdentifier(one.column)} = `], value, branch: value }
  })
}

/** What an old column is in the row before it is written; undefined where there is no name for the row. */
export function currentValue(
  { context, change, reference }: SetListPlan,
  at: number | undefined,
): ((name: string) => string) | undefined {
  const qualifier = qualifierText(context, reference.range)
  if (qualifier !== undefined) return (name) => currentText(change, name, qualifier)
  refuseUnsupported(
    context,
    `the row of "${change.before.name}" that is written has no name`,
    'Give the table an alias.',
    at,
  )
  return undefined
}

/** `(name, sort) = (SELECT ... FROM (SELECT f(x) AS v1) AS hs)`: a subquery for all that must be evaluated once. */
function evaluatedOnce(
  { context, change, reference }: SetListPlan,
  merged: readonly MergedColumn[],
  given: readonly Given[],
  valueFor: (name: string) => string,
): SetItem {
  const aliases = new Map(given.map(({ name }, index) => [name, `v${index + 1}`]))
  const values = merged.flatMap((one, index): readonly Part[] => {
    const parts = mergedParts(one, (name) => [aliases.has(name) ? `hs.${aliases.get(name)}` : valueFor(name)])
    return index === 0 ? parts : [', ', ...parts]
  })
  const items = given.flatMap(({ name, value }, index): readonly Part[] => [
    index === 0 ? '' : ', ',
    ...value,
    ` AS ${aliases.get(name)}`,
  ])
  const each = forEachRow(context, reference.range, change).map((condition): readonly Part[] => [condition])
  const value = ['(SELECT ', ...values, ' FROM (SELECT ', ...items, ...whereAll(each), ') AS hs)']
  const target = [`${columnNames(merged.map(({ column }) => column))} = `]
  return { target, value, branch: merged.length === 1 ? value : undefined }
}
