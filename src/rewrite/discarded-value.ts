import type { RangeVariable } from '../resolve/range-variable.js'
import { quoteIdentifier } from '../sql/identifier.js'
import type { Part } from './arrange.js'
import { failureText } from './dropped-not-null.js'
import type { ComputedColumn, RelationMapping } from './mapping.js'
import { qualifierText } from './plan-column.js'
import type { PlanContext } from './plan-context.js'
import { aroundOldValue } from './written-column.js'

/** A condition that always holds; where it is evaluated, a value that an old column would not have taken fails. */
export type Check = readonly Part[]

/**
 * `(($1)::boolean IS NULL) IN (true, false)`: PostgreSQL folds neither the test nor the casts in it. Where the column was
 * NOT NULL: `(($1)::boolean IS DISTINCT FROM NULL OR ...)`, which asks of a row of NULLs, too, only whether it is there.
 */
export function checkParts(column: ComputedColumn, value: Part): Check {
  const { before, after } = aroundOldValue(column)
  if (column.notNull !== undefined) {
    return [`(${before}`, value, `${after} IS DISTINCT FROM NULL OR ${failureText(column.notNull)})`]
  }
  return [`(${before}`, value, `${after} IS NULL) IN (true, false)`]
}

function allOf(checks: readonly Check[]): readonly Part[] {
  return checks.flatMap((check, index) => (index === 0 ? check : [' AND ', ...check]))
}

export function whereAll(checks: readonly Check[]): readonly Part[] {
  return checks.length === 0 ? [] : [' WHERE ', ...allOf(checks)]
}

/**
 * A value that is taken after all checks have been made.
 *
 *     CASE WHEN (($1)::boolean IS NULL) IN (true, false) THEN 'a' END
 */
export function afterChecks(checks: readonly Check[], value: readonly Part[]): readonly Part[] {
  return checks.length === 0 ? value : ['CASE WHEN ', ...allOf(checks), ' THEN ', ...value, ' END']
}

/** An assignment that changes nothing, for an UPDATE of which all values are discarded: it still updates the rows. */
export function idleAssignment(
  context: PlanContext,
  range: RangeVariable,
  change: RelationMapping,
  checks: readonly Check[],
  assigned: ReadonlySet<string>,
): readonly Part[] | undefined {
  const qualifier = qualifierText(context, range)
  const constrained = new Set(change.after.constraints.flatMap((constraint) => constraint.columns))
  const free = change.after.columns.filter(
    (column) => column.generated === 'none' && column.identity !== 'always' && !assigned.has(column.name),
  )
  // Triggers and privileges of a key matter more than those of other columns.
  const column = free.find(({ attnum }) => !constrained.has(attnum)) ?? free[0]
  if (column === undefined || qualifier === undefined) return undefined
  const name = quoteIdentifier(column.name)
  return [`${name} = `, ...afterChecks(checks, [`${qualifier}.${name}`])]
}

/** A condition that always holds and that refers to the row of a DML target, so that PostgreSQL asks it for each row. */
export function forEachRow(context: PlanContext, range: RangeVariable, change: RelationMapping): readonly string[] {
  const qualifier = qualifierText(context, range)
  if (qualifier === undefined) return []
  const [column] = change.after.columns
  if (change.after.kind !== 'view') return [`${qualifier}.tableoid IS NOT NULL`]
  return column === undefined ? [] : [`(${qualifier}.${quoteIdentifier(column.name)} IS NULL) IN (true, false)`]
}
