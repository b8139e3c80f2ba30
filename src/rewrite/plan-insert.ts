import type { SelectStmt } from 'libpg-query'
import { locationOf } from '../resolve/node.js'
import type { InsertReference } from '../resolve/reference.js'
import { toByteString } from '../sql/byte-string.js'
import { quoteIdentifier } from '../sql/identifier.js'
import { refuseComposite } from './composite.js'
import { columnsOnlyRulesFill, type InsertValue, type RelationMapping } from './mapping.js'
import { edit, mappingOf, newColumnName, type PlanContext, refuseUnsupported } from './plan-context.js'
import { rangeText } from './plan-range.js'
import {
  closingParenthesis,
  isOpening,
  isSymbol,
  isWord,
  itemEnd,
  type StatementSource,
  wordAt,
} from './statement-source.js'

/**
 * An old INSERT writes to the old columns, and gives the new ones what the rule says:
 *
 *     INSERT INTO users VALUES (1, 'a')  =>  INSERT INTO users (id, name, country) VALUES (1, 'a', 'DE')
 */
export function planInsert(context: PlanContext, reference: InsertReference): void {
  const change = mappingOf(context, reference.range)
  if (reference.range.relation?.kind === 'view' && needsValues(context)) {
    refuseUnsupported(
      context,
      `INSERT into view "${reference.range.relation.name}" may reach a table with a new column that needs a value`,
      'Insert into the table itself, or give the new column a DEFAULT in the database.',
      locationOf(reference.node),
    )
    return
  }
  const unlisted = reference.listed === undefined ? (reference.range.relation?.columns ?? []) : []
  if (refuseComposite(context, unlisted, locationOf(reference.node))) return
  if (change === undefined || change.added.length === 0) return
  const width = sourceWidth(reference)
  const columns = reference.listed === undefined ? leadingColumns(change, width) : []
  if (columns === undefined) {
    // By position they meet the old columns, which come first, if nothing has to be given to the new ones.
    if (change.insert.length === 0 && addedComeLast(change)) return
    refuseUnsupported(
      context,
      `INSERT into "${change.before.name}" names no columns, and the number of its values cannot be known`,
      'List the columns of the INSERT.',
      locationOf(reference.node),
    )
    return
  }
  const places = insertPlaces(context.source, reference)
  const names = [...columns, ...change.insert.map((value) => value.column)].map(quoteIdentifier)
  if (names.length === 0) return
  if (reference.listed === undefined) edit(context, places.afterTarget, places.afterTarget, ` (${names.join(', ')})`)
  else if (change.insert.length > 0 && places.listEnd !== undefined) {
    edit(context, places.listEnd, places.listEnd, `, ${names.join(', ')}`)
  }
  if (change.insert.length > 0) planValues(context, reference, change, places)
}

/** True where some table has gained a column that only its rule can fill; the catalog does not tell which views show it. */
function needsValues(context: PlanContext): boolean {
  return [...context.step.mapping.relations.values()].some(columnsOnlyRulesFill)
}

/** The number of values that the source gives; undefined where it cannot be known. */
function sourceWidth({ source }: InsertReference): number | undefined {
  switch (source.kind) {
    case 'default values':
      return 0
    case 'values':
      return source.rows[0]
    case 'select':
      return source.columns
  }
}

function addedComeLast(change: RelationMapping): boolean {
  const last = Math.max(...change.before.columns.map((column) => column.attnum))
  return change.added.every((column) => column.attnum > last)
}

/** The new names of the first old columns: as many as values are given, all of them where there are too many. */
function leadingColumns(change: RelationMapping, width: number | undefined): string[] | undefined {
  if (width === undefined) return undefined
  return change.before.columns.slice(0, width).map((column) => newColumnName(change, column.name))
}

interface InsertPlaces {
  /** Byte offset just after the target and its alias, where a column list may be added. */
  readonly afterTarget: number
  /** Byte offset of the closing parenthesis of the column list. */
  readonly listEnd: number | undefined
  /** Token index of VALUES, SELECT, WITH, TABLE, DEFAULT or an opening parenthesis. */
  readonly source: number
}

function insertPlaces(source: StatementSource, reference: InsertReference): InsertPlaces {
  const target = rangeText(source, reference)
  let index = target.next
  let afterTarget = target.afterAlias
  if (reference.when !== undefined) {
    index = mergeInsert(source, index, reference.when) + 1
    afterTarget = source.tokens[index - 1]?.end ?? afterTarget
  }
  let listEnd: number | undefined
  if (reference.listed !== undefined && reference.listed > 0) {
    const close = closingParenthesis(source, index)
    listEnd = source.tokens[close]?.start
    index = close + 1
  }
  if (isWord(source, index, 'overriding')) index += 3
  return { afterTarget, listEnd, source: index }
}

/** The token index of the INSERT of a MERGE's WHEN of this number; WHENs of CASE expressions do not count. */
function mergeInsert(source: StatementSource, from: number, when: number): number {
  let cases = 0
  let seen = -1
  for (let index = from; index < source.tokens.length; index++) {
    if (isOpening(source, index)) {
      index = closingParenthesis(source, index)
      continue
    }
    // `s.when` and `AS end` are names.
    if (isSymbol(source, index - 1, '.') || isWord(source, index - 1, 'as')) continue
    const word = wordAt(source, index)
    if (word === 'case') cases++
    else if (word === 'end') cases--
    else if (word === 'when' && cases === 0) seen++
    else if (word === 'insert' && seen === when) return index
  }
  throw new Error('a MERGE without the INSERT that its tree has')
}

function planValues(
  context: PlanContext,
  reference: InsertReference,
  change: RelationMapping,
  places: InsertPlaces,
): void {
  const { source } = context
  const values = change.insert
  const list = values.map((value) => `(${toByteString(value.expression)})`).join(', ')
  switch (reference.source.kind) {
    case 'default values': {
      const first = source.tokens[places.source]
      const last = source.tokens[places.source + 1]
      if (first !== undefined && last !== undefined) edit(context, first.start, last.end, `VALUES (${list})`)
      return
    }
    case 'values': {
      let open = places.source
      // (VALUES (1)) is VALUES too.
      while (!isWord(source, open, 'values')) open++
      open++
      for (;;) {
        const close = closingParenthesis(source, open)
        const end = source.tokens[close]?.start ?? 0
        edit(context, end, end, `, ${list}`)
        if (!isSymbol(source, close + 1, ',')) return
        open = close + 2
      }
    }
    case 'select':
      planArms(context, change, reference.source.arms, values, list)
  }
}

/** Each arm of the query gives the new values as further columns; wrapping the query would lose the types of literals. */
function planArms(
  context: PlanContext,
  change: RelationMapping,
  arms: readonly SelectStmt[],
  values: readonly InsertValue[],
  list: string,
): void {
  // The arms of a set operation settle on a type before the column has a say.
  const typed = values.map((value) => `(${toByteString(value.expression)})::${typeOfColumn(change, value)}`).join(', ')
  const distinct = arms.length > 1 || arms.some((arm) => arm.distinctClause !== undefined)
  const calls = values.some((value) => value.expression.includes('('))
  for (const arm of arms) {
    const last = arm.targetList?.at(-1)
    const item = last !== undefined && 'ResTarget' in last ? last.ResTarget : undefined
    const location = item === undefined ? -1 : locationOf(item)
    if (location < 0 || (distinct && calls)) {
      refuseUnsupported(
        context,
        'the rule for a new column cannot be added to the query of this INSERT',
        'Write the INSERT with VALUES or a plain SELECT list.',
      )
      return
    }
    const end = itemEnd(context.source, location)
    edit(context, end, end, `, ${arms.length > 1 ? typed : list}`)
  }
}

/** A column's type without its length, which a cast would cut to where an INSERT says 22001. */
function typeOfColumn(change: RelationMapping, value: InsertValue): string {
  const type = change.added.find((column) => column.name === value.column)?.type ?? 'text'
  return toByteString(type.replace(/\(\d+(?:,-?\d+)?\)/, '').replace(/^character(?! varying)/, 'bpchar'))
}
