import type { Column } from '../catalog/catalog.js'
import { locationOf } from '../resolve/node.js'
import type { CopyReference } from '../resolve/reference.js'
import { quoteIdentifier } from '../sql/identifier.js'
import { hasOtherColumns, type RelationMapping } from './mapping.js'
import { edit, mappingOf, newColumnName, type PlanContext, refuseUnsupported } from './plan-context.js'
import { rangeText, relationText } from './plan-range.js'
import { closingParenthesis } from './statement-source.js'

/** COPY of a table moves the old columns; names in a header are the old ones. */
export function planCopy(context: PlanContext, reference: CopyReference): void {
  const change = mappingOf(context, reference.range)
  if (change === undefined) return
  const renamed = hasOtherColumns(change)
  const at = locationOf(reference.node)
  if (reference.from && change.insert.length > 0) {
    refuseUnsupported(
      context,
      `COPY into "${change.before.name}" cannot give its new columns the values that the rule says`,
      'Use INSERT, or give the new columns a DEFAULT in the database.',
      at,
    )
    return
  }
  if (renamed && reference.from && (reference.columnOptions || reference.header === 'match')) {
    refuseUnsupported(
      context,
      `COPY of "${change.before.name}" names columns in its options, and columns were renamed`,
      'Leave out FORCE_NULL, FORCE_NOT_NULL and HEADER MATCH.',
      at,
    )
    return
  }
  const columns = reference.listed === undefined ? copiedColumns(change) : reference.listedNames
  if (!reference.from && renamed && (reference.header === 'names' || reference.columnOptions)) {
    planCopyQuery(context, reference, change, columns)
  } else if (reference.listed === undefined && change.added.length > 0) {
    const list = columns.map((name) => quoteIdentifier(newColumnName(change, name))).join(', ')
    const { end } = rangeText(context.source, reference).name
    edit(context, end, end, ` (${list})`)
  }
}

/** COPY without a list leaves out generated columns. */
function copiedColumns(change: RelationMapping): readonly string[] {
  return change.before.columns.filter((column: Column) => column.generated === 'none').map((column) => column.name)
}

/** `COPY users TO STDOUT CSV HEADER` => `COPY (SELECT id, full_name AS name FROM ONLY public.people) TO ...`. */
function planCopyQuery(
  context: PlanContext,
  reference: CopyReference,
  change: RelationMapping,
  columns: readonly string[],
): void {
  const { source } = context
  const text = rangeText(source, reference)
  const listEnd = reference.listed === undefined ? undefined : source.tokens[closingParenthesis(source, text.next)]?.end
  const items = columns.map((name) => {
    const newName = newColumnName(change, name)
    return newName === name ? quoteIdentifier(name) : `${quoteIdentifier(newName)} AS ${quoteIdentifier(name)}`
  })
  // The edits of the name and of the listed columns lie inside of this one.
  const { start } = text.name
  const end = listEnd ?? text.name.end
  dropEditsWithin(context, start, end)
  edit(context, start, end, `(SELECT ${items.join(', ')} FROM ONLY ${relationText(change.after)})`)
}

function dropEditsWithin(context: PlanContext, start: number, end: number): void {
  const kept = context.edits.filter((planned) => planned.end <= start || planned.start >= end)
  context.edits.splice(0, context.edits.length, ...kept)
}
