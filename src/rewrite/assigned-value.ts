import type { Node } from 'libpg-query'
import { quoteIdentifier } from '../sql/identifier.js'
import type { Part, Span } from './arrange.js'
import type { ColumnWrite, ComputedColumn } from './mapping.js'
import { isUntyped } from './repeatable.js'
import { aroundOldValue, type WrittenColumn, writtenValues } from './written-column.js'

/** What a new column is given: the value of an old one, put through the column's `write`. */
export function writtenParts(column: ComputedColumn, { expression }: ColumnWrite, value: Span): readonly Part[] {
  const { before, after } = aroundOldValue(column)
  const parts = expression.flatMap((part): Part[] => (typeof part === 'string' ? [part] : [before, value, after]))
  return ['(', ...parts, ')']
}

/**
 * What the new columns are given where the value must be evaluated once. A subquery without a reference to the row that
 * is written would be evaluated once for all rows: `each` is a condition that holds such a reference.
 *
 *     (SELECT split_part(hs.value, ' ', 1), split_part(hs.value, ' ', 2) FROM (SELECT (f(x))::text AS value) AS hs)
 */
export function evaluatedOnce(column: ComputedColumn, value: Span, each: readonly string[]): readonly Part[] {
  const { before, after } = aroundOldValue(column)
  const items = writtenValues(column, 'hs.value').join(', ')
  const where = each.length === 0 ? '' : ` WHERE ${each.join(' AND ')}`
  return [`(SELECT ${items} FROM (SELECT `, before, value, after, ` AS value${where}) AS hs)`]
}

/** The value of a column that is none of the computed ones, with the column's type where it would otherwise have none. */
export function pinnedParts(written: WrittenColumn, node: Node, value: Span): readonly Part[] {
  const type = written.kind === 'plain' ? written.type : undefined
  return type !== undefined && isUntyped(node) ? ['(', value, `)::${type}`] : [value]
}

/** `first` or `(first, last)`. */
export function columnNames(names: readonly string[]): string {
  const list = names.map(quoteIdentifier).join(', ')
  return names.length === 1 ? list : `(${list})`
}
