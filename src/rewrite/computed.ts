import { type ByteString, toByteString } from '../sql/byte-string.js'
import { quoteIdentifier } from '../sql/identifier.js'
import { lostText } from './lost-column.js'
import type { ComputedColumn, Expression } from './mapping.js'

/** An expression's text, with each place filled. */
export function expressionText(expression: Expression, placeText: (column: string) => ByteString): ByteString {
  return expression.map((part) => (typeof part === 'string' ? part : placeText(part.column))).join('')
}

/**
 * What an old column is, as one parenthesized value of its old type; `qualifier` is SQL text, '' for bare names. Of a lost
 * column it is a text for which the statement is refused.
 *
 *     (u.first || ' ' || u.last)::text
 */
export function readText(column: ComputedColumn, qualifier: ByteString): ByteString {
  if (column.lost !== undefined) return lostText(column.lost)
  const prefix = qualifier === '' ? '' : `${qualifier}.`
  return oldValueText(
    column,
    expressionText(column.read, (name) => prefix + quoteIdentifier(name)),
  )
}

/** What an old value becomes in a new column; `value` is SQL text of the old type. */
export function writeText(expression: Expression, value: ByteString): ByteString {
  return `(${expressionText(expression, () => value)})`
}

/**
 * A value taken as the old type, as an assignment to the old column took it: what is too long for it is an error (22001),
 * never cut. An explicit cast alone would cut.
 */
export function oldValueText(column: Pick<ComputedColumn, 'type'>, value: ByteString): ByteString {
  // No function checks the lengths of elements: they are let through rather than cut.
  const isCut = ELEMENTS_CUT.test(column.type)
  const type = toByteString(isCut ? withoutLength(column.type) : column.type)
  const length = LENGTH_CHECKED.exec(column.type)
  if (length === null) return `((${value})::${type})`
  const [, name = '', limit = ''] = length
  const check = LENGTH_CHECKS[name]
  if (check === undefined) return `((${value})::${type})`
  const typmod = Number(limit) + check.header
  return `(pg_catalog.${check.call}((${value})::${check.type}, ${typmod}, false)::${type})`
}

/** The type without its length: what a value of the old column is before its length is checked. */
export function withoutLength(type: string): string {
  // Without a length `character` and `bit` mean one character or bit.
  return type
    .replace(/\(\d+(?:,-?\d+)?\)/, '')
    .replace(/^character(?! varying)/, 'bpchar')
    .replace(/^bit(?! varying)/, 'pg_catalog."bit"')
}

const ELEMENTS_CUT = /^(?:character varying|character|bit varying|bit)\(\d+\)\[\]$/

const LENGTH_CHECKED = /^(character varying|character|bit varying|bit)\((\d+)\)$/

/** The functions by which PostgreSQL checks lengths at an assignment; the header is what their typmod counts besides. */
const LENGTH_CHECKS: Readonly<
  Record<string, { readonly call: string; readonly type: string; readonly header: number }>
> = {
  'character varying': { call: '"varchar"', type: 'pg_catalog."varchar"', header: 4 },
  character: { call: 'bpchar', type: 'pg_catalog.bpchar', header: 4 },
  'bit varying': { call: 'varbit', type: 'pg_catalog.varbit', header: 0 },
  bit: { call: '"bit"', type: 'pg_catalog."bit"', header: 0 },
}
