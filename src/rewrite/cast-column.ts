import type { Column } from '../catalog/catalog.js'
import { toByteString } from '../sql/byte-string.js'
import { withoutLength } from './computed.js'
import type { ComputedColumn, KeyProperties } from './mapping.js'

/** Why a change of type cannot be seen through by a cast alone. */
export interface NoCast {
  readonly kind: 'none'
  /** A clause, e.g. `its type changed from json to integer`. */
  readonly what: string
  readonly hint: string
}

/**
 * How a column whose type changed is read as its old type, by the casts that PostgreSQL itself made at ALTER TYPE.
 * Refused: what a cast cannot decide alone, such as the time zone between timestamp and timestamptz.
 *
 *     id integer, now bigint  =>  read id::integer, write value::bigint
 */
export function castColumn(before: Column, after: Column): ComputedColumn | NoCast {
  const [from, to] = [withoutLength(before.type), withoutLength(after.type)]
  const what = `its type changed from ${before.type} to ${after.type}`
  if (isZoned(from) !== isZoned(to) && (isZoned(from) || isZoned(to))) {
    const hint = `say in which time zone: columns: { ${before.name}: { to: ${after.name}, time_zone: UTC } }`
    return { kind: 'none', what, hint }
  }
  if (isSessionText(from, to) || isSessionText(to, from)) {
    const hint = `as text it depends on the session's settings: give a rule with read and write that do not, e.g. by to_char`
    return { kind: 'none', what, hint }
  }
  // ALTER TYPE resets the collation where it says none.
  if (before.collationOid !== after.collationOid && before.collationOid !== 0 && after.collationOid !== 0) {
    const hint = `old queries would sort and compare otherwise: give the new column the old collation, or a rule with read: '${after.name} COLLATE "..."' and write`
    return { kind: 'none', what: 'its collation changed', hint }
  }
  const cast = (type: string) => `)::${toByteString(type)}`
  const write = ['(', { column: 'value' }, cast(to)]
  return {
    kind: 'computed',
    type: before.type,
    read: [{ column: after.name }],
    writes: [{ column: after.name, expression: write }],
    key: { column: after.name, write, ...propertiesOf(before, after) },
    keepsNull: true,
  }
}

/**
 * A timestamp that became timestamptz, or the reverse: the plain one is the time of day in the zone.
 *
 *     read timezone('UTC', at), write timezone('UTC', value)
 */
export function zoneColumn(before: Column, after: Column, zone: string): ComputedColumn | NoCast {
  const [from, to] = [withoutLength(before.type), withoutLength(after.type)]
  if (!isTimestamp(from) || !isTimestamp(to) || from === to) {
    const what = `its type changed from ${before.type} to ${after.type}`
    return { kind: 'none', what, hint: 'time_zone is for timestamp with and without time zone' }
  }
  const call = `pg_catalog.timezone('${toByteString(zone).replaceAll("'", "''")}'::pg_catalog.text, `
  const write = [call, { column: 'value' }, ')']
  const [old, now] = [fractionDigits(from, before.typmod) ?? 0, fractionDigits(to, after.typmod) ?? 0]
  // Elsewhere an hour of the clock comes twice a year, and another never.
  const isSteady = /^(utc|gmt|etc\/(utc|gmt))$/i.test(zone) && now <= old
  return {
    kind: 'computed',
    type: before.type,
    read: [call, { column: after.name }, ')'],
    writes: [{ column: after.name, expression: write }],
    key: { column: after.name, write, injective: isSteady, total: isSteady, monotone: isSteady, comparable: false },
    keepsNull: true,
  }
}

/** Types that DateStyle, IntervalStyle, extra_float_digits, lc_monetary and bytea_output print, to and from text. */
const PRINTED_BY_SETTINGS =
  /^(date|time(stamp)? with(out)? time zone|interval|real|double precision|money|bytea)(\[\])?$/

function isSessionText(type: string, text: string): boolean {
  return PRINTED_BY_SETTINGS.test(type) && /^(text|character varying|bpchar)(\[\])?$/.test(text)
}

function isTimestamp(type: string): boolean {
  return /^timestamp with(out)? time zone$/.test(type)
}

function isZoned(type: string): boolean {
  return /with time zone/.test(type)
}

const UNKNOWN: KeyProperties = { injective: false, total: false, monotone: false, comparable: false }
const SAME_ORDER: KeyProperties = { injective: true, total: true, monotone: true, comparable: true }
const INTEGERS = ['smallint', 'integer', 'bigint']

const FREE_PRECISION = 6

/** What is certain of a cast from the old type to the new one; rules declare the rest. */
function propertiesOf(before: Column, after: Column): KeyProperties {
  const [from, to] = [withoutLength(before.type), withoutLength(after.type)]
  const isText = (type: string) => type === 'character varying' || type === 'text'
  if (INTEGERS.includes(from) && INTEGERS.indexOf(to) > INTEGERS.indexOf(from)) return SAME_ORDER
  if (isText(from) && isText(to)) return SAME_ORDER
  if (from !== to) return UNKNOWN
  if (from === 'bpchar' || from === 'bit varying') return SAME_ORDER
  // A new value with more digits than the old type holds is read rounded: as other new values are.
  const [old, now] = [fractionDigits(from, before.typmod), fractionDigits(to, after.typmod)]
  if (old === undefined || now === undefined) return UNKNOWN
  return now <= old ? SAME_ORDER : UNKNOWN
}

/** How many digits after the point a value of the type has at most; undefined where the type is no such type. */
function fractionDigits(type: string, typmod: number): number | undefined {
  // The scale has 11 bits and a sign (numeric.c, numeric_typmod_scale).
  if (type === 'numeric') return typmod < 0 ? Number.POSITIVE_INFINITY : (((typmod - 4) & 0x7ff) ^ 1024) - 1024
  return /^time(stamp)? with(out)? time zone$/.test(type) ? (typmod < 0 ? FREE_PRECISION : typmod) : undefined
}
