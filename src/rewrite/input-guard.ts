import { toByteString } from '../sql/byte-string.js'
import { quoteLiteral } from '../sql/identifier.js'
import type { ComputedColumn, Expression, KeyColumn } from './mapping.js'

/** pg_input_is_valid came with it. */
const FIRST_WITH_VALIDITY = 160000

/**
 * The key column of a computed column, with a guard where `write` only reads text as another type: PostgreSQL can say
 * whether it would fail.
 *
 *     write: value::integer  =>  guard: pg_input_is_valid(value, 'integer')
 */
export function guardedKey({ key, type }: ComputedColumn, serverVersion: number): KeyColumn | undefined {
  if (key === undefined || key.total || key.guard !== undefined || serverVersion < FIRST_WITH_VALIDITY) return key
  const cast = /^(?:text|character varying(?:\(\d+\))?)$/.test(type) ? castOfValue(key.write) : undefined
  if (cast === undefined) return key
  return { ...key, guard: ['pg_catalog.pg_input_is_valid(', { column: 'value' }, `, ${quoteLiteral(cast)})`] }
}

/** `(value)::integer` => `integer`; undefined for any other expression. */
function castOfValue(write: Expression): string | undefined {
  const places = write.filter((part) => typeof part !== 'string')
  const text = write.map((part) => (typeof part === 'string' ? part : '?')).join('')
  const type = /^[\s(]*\?[\s)]*::([a-z0-9_ ."]+(?:\(\d+(?:,\d+)?\))?)[\s)]*$/.exec(text)?.[1]
  return places.length === 1 && type !== undefined ? toByteString(type.trim()) : undefined
}
