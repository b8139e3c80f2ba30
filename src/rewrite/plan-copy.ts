import type { Column } from '../catalog/catalog.js'
import { locationOf } from '../resolve/node.js'
import type { CopyReference } from '../resolve/reference.js'
import { quoteIdentifier } from '../sql/identifier.js'
import { arrange, type Part } from './arrange.js'
import { readText } from './computed.js'
import { refuseLost } from './lost-column.js'
import { computedColumn, hasOtherColumns, type RelationMapping } from './mapping.js'
import { edit, mappingOf, newColumnName, type PlanContext, refuseUnsupported } from './plan-context.js'
import { rangeText, relationText } from './plan-range.js'
import { closingParenthesis } from './statement-source.js'
import { isWrittenOtherwise, writtenColumn } from './written-column.js'

/** COPY of a table moves the old columns; names in a header are the old ones. */
export function planCopy(context: PlanContext, reference: CopyReference): void {
  const change = mappingOf(context, reference.range)
  if (change === undefined) return
  const columns = reference.listed === undefined ? copiedColumns(change) : reference.listedNames
  if (reference.from && refuseInput(context, reference, change, columns)) return
  const renamed = hasOtherColumns(change)
  const computed = columns.some((name) => computedColumn(change, name) !== undefined)
  if (!reference.from && (computed || (renamed && (reference.header === 'names' || reference.columnOptions)))) {
    planCopyQuery(context, reference, change, columns)
  } else if (reference.listed === undefined && !isWhole(change, columns)) {
    const list = columns.map((name) => quoteIdentifier(newColumnName(change, name))).join(', ')
    const { end } = rangeText(context.source, reference).name
    edit(context, end, end, ` (${list})`)
  }
}

/** COPY without a list leaves out generated columns. */
function copiedColumns(change: RelationMapping): readonly string[] {
  return change.before.columns.filter((column: Column) => column.generated === 'none').map((column) => column.name)
}

/** True where COPY without a list means these columns in the new schema too. */
function isWhole({ after, columns: mapped }: RelationMapping, columns: readonly string[]): boolean {
  const now = after.columns.filter((column) => column.generated === 'none')
  return now.length === columns.length && columns.every((name, index) => plainNameOf(mapped, name) === now[index]?.name)
}

function plainNameOf(columns: RelationMapping['columns'], name: string): string | undefined {
  const column = columns.get(name)
  return column?.kind === 'column' ? column.name : undefined
}

/** COPY FROM gives rows to the table as they are: nothing can be computed on the way. */
function refuseInput(
  context: PlanContext,
  reference: CopyReference,
  change: RelationMapping,
  columns: readonly string[],
): boolean {
  const at = locationOf(reference.node)
  const table = change.before.name
  const refuse = (message: string, hint: string) => {
    refuseUnsupported(context, message, hint, at)
    return true
  }
  for (const name of columns) {
    const column = computedColumn(change, name)
    if (column !== undefined && refuseLost(context, column, at)) return true
  }
  const computed = columns.find((name) => isWrittenOtherwise(writtenColumn(change, name)))
  if (computed !== undefined) {
    const hint = 'COPY into a temporary table of the old shape, then INSERT INTO ... SELECT from it.'
    return refuse(`COPY into "${table}" cannot compute what column "${computed}" is stored as now`, hint)
  }
  const isMade = change.merged?.some(({ unlisted }) => unlisted !== undefined) ?? false
  if (isMade || change.insert.some(({ unless }) => unless === undefined || !columns.includes(unless))) {
    const hint = 'Use INSERT, or give the new columns a DEFAULT in the database.'
    return refuse(`COPY into "${table}" cannot give its new columns the values that the rule says`, hint)
  }
  if (hasOtherColumns(change) && (reference.columnOptions || reference.header === 'match')) {
    const hint = 'Leave out FORCE_NULL, FORCE_NOT_NULL and HEADER MATCH.'
    return refuse(`COPY of "${table}" names columns in its options, and columns were renamed`, hint)
  }
  return false
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
  const span = { start: text.name.start, end: listEnd ?? text.name.end }
  if (change.after.kind !== 'table' && change.after.kind !== 'materialized') {
    // PostgreSQL says that it copies no such relation; of a query it would.
    arrange(context, span, [relationText(change.after)])
    return
  }
  const items = columns.map((name) => copiedText(change, name))
  const query: Part = `(SELECT ${items.join(', ')} FROM ONLY ${relationText(change.after)})`
  arrange(context, span, [query])
}

function copiedText(change: RelationMapping, name: string): string {
  const computed = computedColumn(change, name)
  const newName = newColumnName(change, name)
  const text = computed === undefined ? quoteIdentifier(newName) : readText(computed, '')
  return computed === undefined && newName === name ? text : `${text} AS ${quoteIdentifier(name)}`
}
