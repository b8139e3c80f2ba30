import type { RangeVariable } from '../resolve/range-variable.js'
import type { RangeReference } from '../resolve/reference.js'
import type { ByteString } from '../sql/byte-string.js'
import { quoteIdentifier } from '../sql/identifier.js'
import { readText } from './computed.js'
import type { KeyUse } from './key-columns.js'
import { computedColumn, type RelationMapping } from './mapping.js'
import { edit, newColumnName, type PlanContext } from './plan-context.js'
import { type RangeText, relationText } from './plan-range.js'
import type { Shown } from './presentation.js'
import { closingParenthesis, isSymbol, isWord, tokenIndexAt } from './statement-source.js'

/** `users u` => `(SELECT id, full_name AS name, (zip)::text AS zip FROM public.people) u`. */
export function planDerived(context: PlanContext, reference: RangeReference, shown: Shown, text: RangeText): void {
  const { source } = context
  const { range, node } = reference
  if (shown.change === undefined) return
  const index = tokenIndexAt(source, text.name.start)
  const parenthesized = isSymbol(source, index - 1, '(') && isWord(source, index - 2, 'only')
  const first = parenthesized ? index - 2 : isWord(source, index - 1, 'only') ? index - 1 : index
  const only = first < index
  const start = source.tokens[first]?.start ?? text.name.start
  const items = derivedItems(shown.change, shown, context.keyFacts.keys.get(range))
  const opening = `(SELECT ${items} FROM ${only ? 'ONLY ' : ''}${relationText(shown.relation)}`
  const added = node.alias === undefined ? ` AS ${quoteIdentifier(shown.name)}` : ''
  if (!isWord(source, text.next, 'tablesample')) {
    edit(context, start, text.nameEnd, `${opening})${added}`)
    return
  }
  // A sample is of a table: the alias, which stands before TABLESAMPLE, moves behind it.
  const aliasEnd = Math.max(text.nameEnd, text.afterAlias, text.columnList?.end ?? 0)
  const alias = node.alias === undefined ? added : ` ${source.text.slice(text.nameEnd, aliasEnd).trim()}`
  edit(context, start, aliasEnd, opening)
  const end = sampleEnd(context, text.next)
  edit(context, end, end, `)${alias}`)
}

/** The byte offset just after `TABLESAMPLE method (...) [REPEATABLE (...)]`. */
function sampleEnd(context: PlanContext, from: number): number {
  const { source } = context
  let index = from + 1
  while (!isSymbol(source, index, '(')) index++
  index = closingParenthesis(source, index)
  if (isWord(source, index + 1, 'repeatable')) index = closingParenthesis(source, index + 2)
  return source.tokens[index]?.end ?? 0
}

/** `all_users(t.x) u` => `LATERAL (SELECT id, (zip)::text AS zip FROM all_users(t.x)) u`: functions see their left siblings. */
export function planDerivedCall(
  context: PlanContext,
  range: RangeVariable,
  shown: Shown,
  ordinality: boolean,
  start: number,
  end: number,
): void {
  if (shown.change === undefined) return
  const lateral = isWord(context.source, tokenIndexAt(context.source, start) - 1, 'lateral') ? '' : 'LATERAL '
  const items = derivedItems(shown.change, shown, context.keyFacts.keys.get(range))
  edit(context, start, start, `${lateral}(SELECT ${items}${ordinality ? ', ordinality' : ''} FROM `)
  edit(context, end, end, `)${shown.aliasAdded ? ` AS ${quoteIdentifier(shown.name)}` : ''}`)
}

/** The old columns in their order, and after them what only edited references name. */
function derivedItems(
  change: RelationMapping,
  shown: Shown,
  keys: ReadonlyMap<string, KeyUse> | undefined,
): ByteString {
  const items = change.before.columns.flatMap((column, index) => {
    if (shown.columns?.has(index) === false) return []
    const name = quoteIdentifier(column.name)
    const computed = computedColumn(change, column.name)
    if (computed?.key !== undefined && shown.raw.has(column.name)) return aliased(computed.key.column, name)
    if (computed !== undefined) return `${readText(computed, '')} AS ${name}`
    return aliased(newColumnName(change, column.name), name)
  })
  const hidden = [...(keys ?? [])].map(([, use]) => `${quoteIdentifier(use.column)} AS ${quoteIdentifier(use.name)}`)
  return [...items, ...[...shown.systemColumns].map(quoteIdentifier), ...hidden].join(', ')
}

/** `id`, or `person_id AS id`; `name` is SQL text. */
function aliased(column: string, name: ByteString): ByteString {
  const now = quoteIdentifier(column)
  return now === name ? name : `${now} AS ${name}`
}
