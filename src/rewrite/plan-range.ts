import type { Alias } from 'libpg-query'
import type { Relation } from '../catalog/catalog.js'
import { lookUpRelation } from '../resolve/namespace.js'
import { locationOf } from '../resolve/node.js'
import type { RangeVariable } from '../resolve/range-variable.js'
import type {
  FunctionRangeReference,
  MissingRangeReference,
  RangeReference,
  UnknownRelationReference,
} from '../resolve/reference.js'
import { quoteIdentifier } from '../sql/identifier.js'
import { factsOf } from './change-facts.js'
import { refuseGoneRelation, relationNow } from './gone.js'
import type { RelationMapping } from './mapping.js'
import { edit, type PlanContext } from './plan-context.js'
import { planDerived, planDerivedCall } from './plan-derived.js'
import type { Shown } from './presentation.js'
import {
  closingParenthesis,
  isOpening,
  isSymbol,
  isWord,
  nameAt,
  type StatementSource,
  tokenIndexAt,
} from './statement-source.js'

/** Where the parts of a range variable's text are; token indexes, `end` exclusive. */
export interface RangeText {
  readonly name: { readonly start: number; readonly end: number }
  /** Byte offset after the name and a `*` that follows it. */
  readonly nameEnd: number
  /** Byte offset at which an alias may be added, or at which an alias ends. */
  readonly afterAlias: number
  /** Byte span of a column alias list, parentheses included. */
  readonly columnList: { readonly start: number; readonly end: number } | undefined
  /** Token index just after the relation, its alias and column aliases. */
  readonly next: number
}

/** Finds the name, alias and column alias list of a relation in the text: `ONLY (a.users) AS u (x, y)`. */
export function rangeText(source: StatementSource, reference: Pick<RangeReference, 'node'>): RangeText {
  const start = locationOf(reference.node)
  const parts = nameAt(source, start)
  const end = parts.at(-1)?.end ?? start
  let index = tokenIndexAt(source, start) + parts.length * 2 - 1
  let after = end
  const first = tokenIndexAt(source, start)
  if (isSymbol(source, first - 1, '(') && isWord(source, first - 2, 'only')) {
    after = source.tokens[index]?.end ?? after
    index++
  } else if (isSymbol(source, index, '*')) {
    after = source.tokens[index]?.end ?? after
    index++
  }
  const aliased = aliasText(source, index, reference.node.alias)
  return { name: { start, end }, nameEnd: after, ...aliased, afterAlias: aliased.afterAlias ?? after }
}

/** Finds an alias and its column list from the token on at which the alias or its AS stands. */
function aliasText(
  source: StatementSource,
  from: number,
  alias: Alias | undefined,
): { readonly afterAlias: number | undefined; readonly columnList: RangeText['columnList']; readonly next: number } {
  if (alias === undefined) return { afterAlias: undefined, columnList: undefined, next: from }
  const name = isWord(source, from, 'as') ? from + 1 : from
  const afterAlias = source.tokens[name]?.end
  if (alias.colnames === undefined) return { afterAlias, columnList: undefined, next: name + 1 }
  const close = closingParenthesis(source, name + 1)
  const columnList = { start: source.tokens[name + 1]?.start ?? 0, end: source.tokens[close]?.end ?? 0 }
  return { afterAlias, columnList, next: close + 1 }
}

/** `schema.name`, quoted where needed. */
export function relationText(relation: Pick<Relation, 'schema' | 'name'>): string {
  return `${quoteIdentifier(relation.schema)}.${quoteIdentifier(relation.name)}`
}

export function planRange(context: PlanContext, reference: RangeReference): void {
  const { range, node } = reference
  const shown = context.shown.get(range)
  if (shown === undefined) {
    refuseVanished(context, range, locationOf(node))
    return
  }
  const available = shown.change?.before.columns.length
  if (available !== undefined && range.aliased > available) {
    // The old table has fewer columns than the new one, for which the list may be short enough.
    const message = `table "${range.name}" has ${available} columns available but ${range.aliased} columns specified`
    context.refusals.push({ sqlstate: '42P10', message })
    return
  }
  const text = rangeText(context.source, reference)
  if (shown.as === 'derived') planDerived(context, reference, shown, text)
  else {
    if (shown.renamed) edit(context, text.name.start, text.name.end, relationText(shown.relation))
    const list =
      shown.as === 'columns' && shown.change !== undefined ? columnAliasList(context, range, shown.change) : ''
    planAlias(context, shown, text, list)
  }
}

/** `FROM all_users() u` => `FROM all_users() u(id, name)`. */
export function planFunctionRange(context: PlanContext, { range, node, call }: FunctionRangeReference): void {
  const shown = context.shown.get(range)
  if (shown?.change === undefined || shown.as === 'plain') return
  const start = locationOf(call)
  const { source } = context
  let index = closingParenthesis(source, tokenIndexAt(source, start) + nameAt(source, start).length * 2 - 1)
  if (isWord(source, index + 1, 'with')) index += 2
  const text = aliasText(source, index + 1, node.alias)
  const afterCall = source.tokens[index]?.end ?? start
  if (shown.as === 'derived') {
    planDerivedCall(context, range, shown, node.ordinality === true, start, afterCall)
    return
  }
  const afterAlias = node.alias === undefined ? afterCall : text.afterAlias
  planAlias(context, shown, { ...text, afterAlias }, columnAliasList(context, range, shown.change))
}

function planAlias(
  context: PlanContext,
  shown: Shown,
  text: Pick<RangeText, 'columnList'> & { readonly afterAlias: number | undefined },
  list: string,
): void {
  const alias = shown.aliasAdded ? ` AS ${quoteIdentifier(shown.name)}` : ''
  if (text.columnList !== undefined && list !== '') edit(context, text.columnList.start, text.columnList.end, list)
  else if (text.afterAlias !== undefined && alias + list !== '') {
    edit(context, text.afterAlias, text.afterAlias, alias + list)
  }
}

/** The column alias list that shows a new relation under its old column names; '' where none is needed. */
function columnAliasList(context: PlanContext, range: RangeVariable, change: RelationMapping): string {
  const visible = range.columns ?? []
  const { oldIndexes } = factsOf(context.step, change)
  const aliases = change.after.columns.map((column, at) => {
    const index = oldIndexes[at]
    return index === undefined ? hiddenName(context, range, column.attnum) : (visible[index] ?? column.name)
  })
  let length = aliases.length
  while (length > range.aliased && aliases[length - 1] === change.after.columns[length - 1]?.name) length--
  return length === 0 ? '' : `(${aliases.slice(0, length).map(quoteIdentifier).join(', ')})`
}

/** A column name that no statement means: unique in the statement, so that no NATURAL join meets it. */
function hiddenName(context: PlanContext, range: RangeVariable, attnum: number): string {
  const ranges = [...context.shown.keys()]
  return `hotswap ${context.step.number}.${ranges.indexOf(range)}.${attnum}`
}

/** A relation of the old catalog that the new one does not have at all. */
function refuseVanished(context: PlanContext, range: RangeVariable, at: number): void {
  const { relation } = range
  if (relation === undefined || context.step.before.byOid.get(relation.oid) !== relation) return
  if (relationNow(context.step, relation) !== undefined) return
  refuseGoneRelation(context, relation, at)
}

/** A name that the old version does not have but the new one does must not start to mean something. */
export function planUnknownRelation(context: PlanContext, reference: UnknownRelationReference): void {
  const { schemaname, relname = '' } = reference.node
  const found = lookUpRelation({ ...context.names, catalog: context.step.after }, schemaname, relname)
  if (found === undefined) return
  const name = schemaname === undefined ? relname : `${schemaname}.${relname}`
  context.refusals.push({
    sqlstate: '42P01',
    message: `relation "${name}" does not exist`,
    at: locationOf(reference.node),
  })
}

/** `SELECT users.name FROM users u`: the error says that the table is there, which it is under its old name only. */
export function planMissingRange(context: PlanContext, reference: MissingRangeReference): void {
  const { schema, name, scope, node } = reference
  const named = lookUpRelation({ ...context.names, catalog: context.step.before }, schema, name)
  if (named === undefined) return
  for (let level = scope; level !== undefined; level = level.parent) {
    const range = level.ranges.find((candidate) => candidate.relation === named)
    if (range === undefined || !context.shown.get(range)?.renamed) continue
    context.refusals.push({
      sqlstate: '42P01',
      message: `invalid reference to FROM-clause entry for table "${name}"`,
      hint: `Perhaps you meant to reference the table alias "${range.name}".`,
      at: locationOf(node),
    })
    return
  }
}

/** True where the token before a relation's name is the word TABLE of `TABLE users`. */
export function tableWordBefore(source: StatementSource, offset: number): number | undefined {
  let index = tokenIndexAt(source, offset) - 1
  while (isOpening(source, index)) index--
  if (isWord(source, index, 'only')) index--
  return isWord(source, index, 'table') ? index : undefined
}
