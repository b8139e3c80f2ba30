import type { Node } from 'libpg-query'
import { locationOf } from '../resolve/node.js'
import type { ComparisonReference, SortReference } from '../resolve/reference.js'
import { type ByteString, toByteString } from '../sql/byte-string.js'
import { quoteIdentifier } from '../sql/identifier.js'
import { withoutLength, writeText } from './computed.js'
import { canFollow, keyOf } from './key-columns.js'
import type { ComputedColumn, KeyColumn } from './mapping.js'
import { operandEnd, operandStart } from './operand.js'
import { comparesAs, isNumber, operandType, shadowOperand } from './operand-type.js'
import { planQualifier, qualifierText, rawColumn, reaches } from './plan-column.js'
import { edit, type PlanContext } from './plan-context.js'
import { closingParenthesis, isSymbol, isWord, nameAt, tokenIndexAt } from './statement-source.js'

/**
 * Lets a comparison of a computed column use an index of its key column. Where the key column compares as the old one did,
 * it is compared in its place; else a condition on it is added, which follows from the comparison.
 *
 *     u.id = 7       =>  u.key = 7
 *     u.zip = $1     =>  (u.zip = $1 AND u.key = (($1)::text)::integer)
 */
export function planComparison(context: PlanContext, reference: ComparisonReference): void {
  const target = context.keyFacts.bound.get(reference.column)
  if (target === undefined || target.bareOnly) return
  const raw = rawColumn(context, target.range, target.index)
  if (raw?.key !== undefined) {
    if (!isAlike(context, reference, raw, true)) return
    const operands = operandsOf(context, reference)
    const pinned = !needsPin(reference, raw, raw.key, target, context) || pin(context, reference, raw, operands)
    if (!pinned) return
    const start = locationOf(reference.column)
    const parts = nameAt(context.source, start)
    if (parts.length > 1) planQualifier(context, target.range, start, parts)
    context.keyed.add(reference.column)
    return
  }
  if (target.merged) return
  const found = keyOf(context.keyFacts, context.shown, target)
  const qualifier = qualifierText(context, target.range)
  if (found === undefined || qualifier === undefined || !reaches(context, target.scope, target.range)) return
  const { column, key } = found
  const keyText = `${qualifier}.${quoteIdentifier(found.name)}`
  const operands = operandsOf(context, reference)
  if (!isAlike(context, reference, column, key.comparable)) return
  if (key.comparable) {
    if (!needsPin(reference, column, key, target, context) || pin(context, reference, column, operands)) {
      const start = locationOf(reference.column)
      const end = nameAt(context.source, start).at(-1)?.end ?? start
      edit(context, start, end, keyText)
      context.keyed.add(reference.column)
    }
    return
  }
  if (operands === undefined || !canFollow(reference, key)) return
  const values = operands.map((operand) => valueText(context, operand))
  const condition = followingCondition(reference, column, key, keyText, values)
  if (condition === undefined) return
  const { start, end } = comparisonSpan(context, reference, operands)
  edit(context, start, start, '(')
  edit(context, end, end, ` AND ${condition})`)
}

/** Sorting by the key column gives the same order, and its index. */
export function planSort(context: PlanContext, reference: SortReference): void {
  if (context.keyed.has(reference.node)) return
  const found = keyOf(context.keyFacts, context.shown, reference)
  const qualifier = qualifierText(context, reference.range)
  if (found === undefined || !found.key.monotone || qualifier === undefined) return
  if (!reaches(context, reference.scope, reference.range)) return
  const start = locationOf(reference.node)
  const end = nameAt(context.source, start).at(-1)?.end ?? start
  edit(context, start, end, `${qualifier}.${quoteIdentifier(found.name)}`)
  context.keyed.add(reference.node)
}

/**
 * Whether the operands compare with the old type in a way that its key column can follow. The elements of an IN share one
 * type with the column, so that untyped ones among others would take another.
 */
function isAlike(
  context: PlanContext,
  { form, others }: ComparisonReference,
  column: ComputedColumn,
  isComparable: boolean,
): boolean {
  const base = withoutLength(column.type)
  const old = form === 'any' ? `${base}[]` : base
  const types = others.map((node) => operandType(context, node))
  if (form === 'in' && types.includes('untyped') && types.some((type) => type !== 'untyped' && type !== old))
    return false
  // The old type and a longer one of the same name have the same operators.
  if (isComparable && column.key !== undefined && sameName(context, column, base)) return true
  // What else compares with an integer is a number, or fails.
  if (isComparable && isNumber(base) && types.every((type) => type === undefined || isNumber(type))) return true
  return types.every((type) => comparesAs(base, form === 'any' ? type?.replace(/\[\]$/, '') : type))
}

/** True where the key column's type differs from the old one in its length alone. */
function sameName({ step }: PlanContext, column: ComputedColumn, base: string): boolean {
  for (const change of step.mapping.relations.values()) {
    if (![...change.columns.values()].includes(column)) continue
    const now = change.after.columns.find(({ name }) => name === column.key?.column)
    return now !== undefined && withoutLength(now.type) === base
  }
  return false
}

interface Operand {
  readonly node: Node
  readonly start: number
  readonly end: number
}

/** An operand's text; of a cast to a type that is a shadow type now, what it casts: the key's `write` casts by itself. */
function valueText(context: PlanContext, { node, start, end }: Operand): ByteString {
  const { source } = context
  const value = shadowOperand(context, node)
  const [from, to] = value === undefined ? [start, end] : [operandStart(value), operandEnd(source, value)]
  return source.text.slice(from ?? start, to ?? end)
}

/** The texts that the column is compared with, where all of them are plain and stand just where they seem to. */
function operandsOf(context: PlanContext, reference: ComparisonReference): readonly Operand[] | undefined {
  const { source } = context
  const columnStart = locationOf(reference.column)
  const columnEnd = nameAt(source, columnStart).at(-1)?.end ?? columnStart
  const symbol = tokenIndexAt(source, locationOf(reference.node))
  if (reference.side === 'left' && source.tokens[symbol - 1]?.end !== columnEnd) return undefined
  if (reference.side === 'right' && source.tokens[symbol + 1]?.start !== columnStart) return undefined
  const operands: Operand[] = []
  for (const node of reference.others) {
    const start = operandStart(node)
    const end = start === undefined ? undefined : operandEnd(source, node)
    if (start === undefined || end === undefined) return undefined
    operands.push({ node, start, end })
  }
  return standsAlone(context, reference, symbol, operands) ? operands : undefined
}

/** True where nothing, no parenthesis either, stands between the operator and the operands. */
function standsAlone(
  { source }: PlanContext,
  reference: ComparisonReference,
  symbol: number,
  operands: readonly Operand[],
): boolean {
  const tokenAfter = (offset: number) => source.tokens.findIndex((token) => token.start >= offset)
  const [first, second] = operands
  if (first === undefined) return false
  switch (reference.form) {
    case 'operator':
      return reference.side === 'left'
        ? source.tokens[symbol + 1]?.start === first.start
        : source.tokens[symbol - 1]?.end === first.end
    case 'between':
      return (
        second !== undefined &&
        source.tokens[symbol + 1]?.start === first.start &&
        isWord(source, tokenAfter(first.end), 'and') &&
        source.tokens[tokenAfter(first.end) + 1]?.start === second.start
      )
    case 'any': {
      const open = symbol + 2
      if (!isWord(source, symbol + 1, 'any') || !isSymbol(source, open, '(')) return false
      return (
        source.tokens[open + 1]?.start === first.start &&
        source.tokens[closingParenthesis(source, open) - 1]?.end === first.end
      )
    }
    case 'in': {
      if (!isSymbol(source, symbol + 1, '(')) return false
      let index = symbol + 2
      for (const operand of operands) {
        if (source.tokens[index]?.start !== operand.start) return false
        index = tokenAfter(operand.end)
        if (!isSymbol(source, index, operand === operands.at(-1) ? ')' : ',')) return false
        index++
      }
      return true
    }
  }
}

function comparisonSpan(
  { source }: PlanContext,
  reference: ComparisonReference,
  operands: readonly Operand[],
): { readonly start: number; readonly end: number } {
  const columnStart = locationOf(reference.column)
  const columnEnd = nameAt(source, columnStart).at(-1)?.end ?? columnStart
  const first = operands[0]?.start ?? columnStart
  if (reference.side === 'right') return { start: first, end: columnEnd }
  const last = operands.at(-1)?.end ?? columnEnd
  if (reference.form === 'operator' || reference.form === 'between') return { start: columnStart, end: last }
  const open = tokenIndexAt(source, locationOf(reference.node)) + (reference.form === 'any' ? 2 : 1)
  return { start: columnStart, end: source.tokens[closingParenthesis(source, open)]?.end ?? last }
}

/** Parameters and untyped literals would take the type of the key column. */
function needsPin(
  { form }: ComparisonReference,
  column: ComputedColumn,
  key: KeyColumn,
  target: { readonly range: { readonly relation?: { readonly oid: number } | undefined } },
  context: PlanContext,
): boolean {
  const change = context.step.mapping.relations.get(target.range.relation?.oid ?? 0)
  const now = change?.after.columns.find((candidate) => candidate.name === key.column)?.type ?? ''
  const [from, to] = [withoutLength(column.type), withoutLength(now)]
  // An untyped value that is compared with varchar becomes text, as with text.
  const text = (type: string) => type === 'text' || type === 'character varying'
  return from !== to && !(text(from) && text(to) && form !== 'in')
}

/**
 * Gives untyped operands the type that they had; false where that is not sure. A literal is cast. A parameter, which may have
 * been declared with a wider type, meets the old type first, in a condition that is always true and costs nothing.
 *
 *     id = $1  =>  ((NULL::integer = $1) IS NOT TRUE AND id = $1)
 */
function pin(
  context: PlanContext,
  reference: ComparisonReference,
  column: ComputedColumn,
  operands: readonly Operand[] | undefined,
): boolean {
  const untyped = reference.others.filter(isUntyped)
  if (untyped.length === 0) return reference.others.every((node) => !holdsUntyped(node))
  if (operands === undefined) return false
  const type = toByteString(withoutLength(column.type))
  const meetings: ByteString[] = []
  const parameters: ByteString[] = []
  for (const { node, start, end } of operands) {
    if ('ParamRef' in node) {
      const parameter = context.source.text.slice(start, end)
      if (reference.form === 'in') parameters.push(parameter)
      else if (reference.form === 'any') meetings.push(`(NULL::${type} = ANY (${parameter})) IS NOT TRUE AND `)
      else meetings.push(`(NULL::${type} = ${parameter}) IS NOT TRUE AND `)
    } else if (isUntyped(node)) {
      edit(context, start, start, '(')
      edit(context, end, end, `)::${type}${reference.form === 'any' ? '[]' : ''}`)
    }
  }
  if (parameters.length > 0) {
    // Two elements and more settle on one type, a single one meets an operator.
    const others = operands.length > 1 && parameters.length === 1 ? [...parameters, 'NULL'] : parameters
    meetings.push(`(NULL::${type} IN (${others.join(', ')})) IS NOT TRUE AND `)
  }
  if (meetings.length > 0) {
    const { start, end } = comparisonSpan(context, reference, operands)
    edit(context, start, start, `(${meetings.join('')}`)
    edit(context, end, end, ')')
  }
  return true
}

function isUntyped(node: Node): boolean {
  if ('ParamRef' in node) return true
  return 'A_Const' in node && node.A_Const.sval !== undefined
}

/** Arrays and cases of untyped values take their type from the other side, too. */
function holdsUntyped(node: Node): boolean {
  return !('ColumnRef' in node || 'A_Const' in node || 'TypeCast' in node || 'A_Expr' in node || 'FuncCall' in node)
}

function followingCondition(
  reference: ComparisonReference,
  column: ComputedColumn,
  key: KeyColumn,
  keyText: ByteString,
  values: readonly ByteString[],
): ByteString | undefined {
  const type = toByteString(withoutLength(column.type))
  const literal = (index: number) => isLiteral(reference.others[index])
  const written = (value: ByteString, index: number) =>
    writeText(key.write, comparand(column.type, value, literal(index)))
  const guarded = (value: ByteString) =>
    key.guard === undefined
      ? writeText(key.write, value)
      : `CASE WHEN ${writeText(key.guard, value)} THEN ${writeText(key.write, value)} END`
  const element = 'hotswap_value.value'
  const [first = '', second = ''] = values
  switch (reference.form) {
    case 'between':
      return `${keyText} BETWEEN ${written(first, 0)} AND ${written(second, 1)}`
    case 'in':
    case 'any': {
      if (reference.form === 'in' && key.total) return `${keyText} IN (${values.map(written).join(', ')})`
      const array =
        reference.form === 'in'
          ? `ARRAY[${values.map((value) => `(${value})::${type}`).join(', ')}]`
          : literal(0)
            ? `(${first})::${type}[]`
            : first
      const source = `pg_catalog.unnest(${array}) AS hotswap_value (value)`
      return `${keyText} = ANY (ARRAY(SELECT ${guarded(comparand(column.type, element, false))} FROM ${source}))`
    }
    case 'operator': {
      if (key.total) return `${keyText} ${loose(reference.operator)} ${written(first, 0)}`
      // OFFSET keeps PostgreSQL from computing a constant where the guard forbids it.
      const source = `(SELECT (${first})::${type} AS value OFFSET 0) AS hotswap_value`
      return `${keyText} = (SELECT ${guarded(element)} FROM ${source})`
    }
  }
}

function isLiteral(node: Node | undefined): boolean {
  return node !== undefined && 'A_Const' in node && node.A_Const.sval !== undefined
}

const INTEGER_BOUNDS: Readonly<Record<string, readonly [string, string]>> = {
  smallint: ['-32768', '32767'],
  integer: ['-2147483648', '2147483647'],
  bigint: ['-9223372036854775808', '9223372036854775807'],
}

/**
 * What a column is compared with, as a value of the old type, without an error that the comparison would not have: it may
 * be longer or wider than the column. A number beyond the type becomes the type's last one, which decides nothing that the
 * comparison itself does not.
 */
function comparand(oldType: string, value: ByteString, literal: boolean): ByteString {
  const type = toByteString(withoutLength(oldType))
  const bounds = numericBounds(oldType) ?? (literal ? undefined : INTEGER_BOUNDS[type])
  if (bounds === undefined) return `((${value})::${type})`
  const typed = literal ? `(${value})::${type}` : value
  return `(LEAST(GREATEST(${typed}, ${bounds[0]}), ${bounds[1]})::${type})`
}

/** `numeric(4,2)` => -99.99 and 99.99. */
function numericBounds(type: string): readonly [string, string] | undefined {
  const [, precision, scale = '0'] = /^numeric\((\d+)(?:,(\d+))?\)$/.exec(type) ?? []
  if (precision === undefined || Number(scale) > Number(precision)) return undefined
  const fraction = '9'.repeat(Number(scale))
  const whole = '9'.repeat(Number(precision) - Number(scale))
  const last = `${whole === '' ? '0' : whole}${fraction === '' ? '' : `.${fraction}`}`
  return [`-${last}`, last]
}

/** The comparison itself stays and is strict where it was. */
function loose(operator: ComparisonReference['operator']): string {
  return operator === '<' ? '<=' : operator === '>' ? '>=' : operator
}
