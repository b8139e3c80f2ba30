import type { Assignment } from '../resolve/reference.js'
import type { Span } from './arrange.js'
import { columnNames } from './assigned-value.js'
import { oldValueText } from './computed.js'
import { afterChecks, checkParts, whereAll } from './discarded-value.js'
import { mergedOfAny, mergedText, oldTypeOf, sourcesOf } from './merged-column.js'
import { refuseUnsupported } from './plan-context.js'
import type { SetItems, SetListPlan } from './plan-set-list.js'
import { currentValue } from './plan-set-merged.js'
import { isDiscarded, newColumns, type WrittenColumn, writtenColumn, writtenValues } from './written-column.js'

/**
 * Several columns that a sub-SELECT gives. The LEFT JOIN keeps what PostgreSQL does where the query finds no row: the
 * columns become NULL, and the new ones what NULL is written as.
 *
 *     (id, name) = (SELECT 1, 'x y')  =>
 *     (id, first, last) = (SELECT hs.v1, split_part(...), split_part(...) FROM (VALUES (0)) AS one (n)
 *                          LEFT JOIN (SELECT 1, 'x y') AS hs (v1, v2) ON true)
 */
export function planSetSource(plan: SetListPlan, { names, width }: Assignment, query: Span): SetItems {
  const { context, change } = plan
  const inside = names.find((name) => name.inside)
  if (inside !== undefined) {
    refuseUnsupported(
      context,
      `an element of "${inside.name}" is assigned by a query together with columns that the migration changed`,
      'Assign each column by an assignment of its own.',
      inside.location,
    )
    return { items: [], checks: [] }
  }
  if (width === undefined) {
    refuseUnsupported(
      context,
      'the number of columns that the query of a SET gives cannot be known',
      'List the columns of the query.',
      query.start,
    )
    return { items: [], checks: [] }
  }
  if (width !== names.length) {
    const message = 'number of columns does not match number of values'
    context.refusals.push({ sqlstate: '42601', message, at: query.start })
    return { items: [], checks: [] }
  }
  const written = names.map(({ name }) => writtenColumn(change, name))
  const aliases = written.map((_, index) => `v${index + 1}`)
  const checks = written.flatMap((one, index) =>
    one.kind === 'computed' && isDiscarded(one) ? [checkParts(one.column, `hs.${aliases[index]}`)] : [],
  )
  const alone = written.flatMap((one, index) => valuesOf(one, `hs.${aliases[index]}`))
  const merged = mergedValues(plan, names, aliases, query)
  if (merged === undefined) return { items: [], checks: [] }
  const values = [...alone, ...merged.map(({ value }) => value)]
  const from = [' FROM (VALUES (0)) AS one (n) LEFT JOIN ', query, ` AS hs (${aliases.join(', ')}) ON true`]
  const [first, ...others] = values
  if (first === undefined) return { items: [], checks: [['(SELECT true', ...from, ...whereAll(checks), ')']] }
  const items = [...afterChecks(checks, [first]), ...others.map((value) => `, ${value}`)]
  const target = [`${columnNames([...written.flatMap(newColumns), ...merged.map(({ column }) => column)])} = `]
  return { items: [{ target, value: ['(SELECT ', ...items, ...from, ')'], branch: undefined }], checks: [] }
}

function valuesOf(written: WrittenColumn, value: string): readonly string[] {
  return written.kind === 'plain' ? [value] : writtenValues(written.column, oldValueText(written.column, value))
}

/** The new columns that are made of those that the query gives and of others; undefined where they were refused. */
function mergedValues(
  plan: SetListPlan,
  names: Assignment['names'],
  aliases: readonly string[],
  query: Span,
): readonly { readonly column: string; readonly value: string }[] | undefined {
  const { context, change, reference } = plan
  const given = new Map(names.map(({ name }, index) => [name, `hs.${aliases[index]}`]))
  const merged = mergedOfAny(change, [...given.keys()])
  if (merged.length === 0) return []
  const others = reference.assignments.flatMap((assignment) => assignment.names).filter(({ name }) => !given.has(name))
  const other = others.find(({ name }) => merged.some((one) => sourcesOf(one).has(name)))
  if (other !== undefined) {
    refuseUnsupported(
      context,
      `"${other.name}" and columns that a query gives are written to one new column`,
      `Let the query give "${other.name}", too.`,
      other.location,
    )
    return undefined
  }
  const valueFor = currentValue(plan, query.start)
  if (valueFor === undefined) return undefined
  return merged.map((one) => {
    const value = mergedText(one, (name) => {
      const value = given.get(name)
      return value === undefined ? valueFor(name) : oldValueText(oldTypeOf(change, name), value)
    })
    return { column: one.column, value }
  })
}
