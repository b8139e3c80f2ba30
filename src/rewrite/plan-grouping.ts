import type { RangeVariable } from '../resolve/range-variable.js'
import type { GroupingReference, Reference } from '../resolve/reference.js'
import { quoteIdentifier } from '../sql/identifier.js'
import { qualifierText } from './plan-column.js'
import { edit, type PlanContext, refuseUnsupported } from './plan-context.js'
import { rangesOfStar } from './star-list.js'
import { isWord, tokenIndexAt } from './statement-source.js'

/**
 * A table's columns may be used ungrouped where its primary key is grouped, those of a subquery may not: they are grouped,
 * which makes the same groups.
 *
 *     SELECT u.zip FROM users u GROUP BY u.id  =>  SELECT u.zip FROM (...) u GROUP BY u.zip, u.id
 */
export function planGrouping(context: PlanContext, reference: GroupingReference): void {
  const grouped = new Map<RangeVariable, Set<number>>()
  for (const node of reference.columns) {
    const column = context.keyFacts.bound.get(node)
    if (column !== undefined) grouped.set(column.range, (grouped.get(column.range) ?? new Set()).add(column.index))
  }
  const added: string[] = []
  for (const range of reference.scope.ranges) {
    const show = context.shown.get(range)
    if (show?.as !== 'derived' || show.change === undefined) continue
    const columns = show.change.before.columns
    const primary = show.change.before.constraints.find((constraint) => constraint.kind === 'primary')
    const keys = primary?.columns.map((attnum) => columns.findIndex((column) => column.attnum === attnum))
    const own = grouped.get(range) ?? new Set()
    if (keys?.every((index) => own.has(index)) !== true) continue
    const used = usedColumns(range, context.references).filter((index) => !own.has(index))
    if (used.length === 0) continue
    const qualifier = qualifierText(context, range)
    const incomparable = used.some((index) => NO_EQUALITY.has(columns[index]?.type ?? ''))
    if (reference.sets || qualifier === undefined || incomparable) {
      refuseUnsupported(
        context,
        `columns of "${range.name}" are used that only its primary key groups, and one of them is computed now`,
        'Name the columns in GROUP BY.',
        reference.location,
      )
      return
    }
    added.push(...used.map((index) => `${qualifier}.${quoteIdentifier(range.columns?.[index] ?? '')}`))
  }
  if (added.length > 0) insertAfterBy(context, reference.location, added.join(', '))
}

/** Types that GROUP BY cannot compare. */
const NO_EQUALITY: ReadonlySet<string> = new Set(['json', 'xml', 'point', 'polygon', 'line', 'lseg', 'box', 'path'])

function usedColumns(range: RangeVariable, references: readonly Reference[]): number[] {
  const used = new Set<number>()
  for (const reference of references) {
    if (reference.kind === 'column' && reference.range === range) used.add(reference.index)
    if (reference.kind === 'star' && rangesOfStar(reference).has(range)) {
      for (const column of reference.visible.columns) if (column.range === range) used.add(column.index)
    }
  }
  return [...used].sort((a, b) => a - b)
}

/** `GROUP BY [ALL | DISTINCT] ...` */
function insertAfterBy(context: PlanContext, location: number, columns: string): void {
  const { source } = context
  let index = tokenIndexAt(source, location)
  while (index > 0 && !(isWord(source, index, 'by') && isWord(source, index - 1, 'group'))) index--
  if (isWord(source, index + 1, 'all') || isWord(source, index + 1, 'distinct')) index++
  const end = source.tokens[index]?.end ?? 0
  edit(context, end, end, ` ${columns},`)
}
