import type { Column } from '../catalog/catalog.js'
import { withoutLength } from './computed.js'

/**
 * True where values of the old type may fail, or lose something, on their way into the new one: what old clients write
 * today would then be an error tomorrow.
 *
 *     integer -> bigint, varchar(20) -> text: false        text -> integer, numeric(10,2) -> numeric(10,1): true
 */
export function isNarrower(before: Column, after: Column): boolean {
  const [from, to] = [elementOf(withoutLength(before.type)), elementOf(withoutLength(after.type))]
  if (before.type.endsWith('[]') !== after.type.endsWith('[]')) return true
  const [old, now] = [before.typmod, after.typmod]
  if (isString(to)) return now >= 0 && (!isString(from) || old < 0 || now < old)
  const digits = INTEGER_DIGITS[from]
  if (digits !== undefined && INTEGER_DIGITS[to] !== undefined) return INTEGER_DIGITS[to] < digits
  if (to === 'numeric') return isNarrowerNumeric(from, old, now)
  if (from === to) return now >= 0 && (old < 0 || now < old)
  // jsonb keeps neither blanks nor the order of keys, nor keys that come twice.
  if (isString(from) || from === 'bpchar' || to === 'boolean' || to === 'jsonb') return true
  // Types of other kinds have a cast both ways, or none, which the server tells.
  const family = FAMILIES[from]
  return family !== undefined && family === FAMILIES[to] && !WIDENINGS.has(`${from} -> ${to}`)
}

const FAMILIES: Readonly<Record<string, 'number' | 'time'>> = {
  smallint: 'number',
  integer: 'number',
  bigint: 'number',
  numeric: 'number',
  real: 'number',
  'double precision': 'number',
  date: 'time',
  'timestamp without time zone': 'time',
  'timestamp with time zone': 'time',
}

function elementOf(type: string): string {
  return type.endsWith('[]') ? type.slice(0, -2) : type
}

function isString(type: string): boolean {
  return type === 'text' || type === 'character varying'
}

const INTEGER_DIGITS: Readonly<Record<string, number>> = { smallint: 5, integer: 10, bigint: 19 }

/** Further pairs of types of which the second holds every value of the first. */
const WIDENINGS: ReadonlySet<string> = new Set([
  'smallint -> real',
  'smallint -> double precision',
  'integer -> double precision',
  'real -> double precision',
  'date -> timestamp without time zone',
])

function isNarrowerNumeric(from: string, old: number, now: number): boolean {
  if (from !== 'numeric' && INTEGER_DIGITS[from] === undefined) return true
  if (now < 0) return false
  if (from === 'numeric' && old < 0) return true
  const wanted = from === 'numeric' ? digitsOf(old) : { whole: INTEGER_DIGITS[from] ?? 0, fraction: 0 }
  const given = digitsOf(now)
  return given.whole < wanted.whole || given.fraction < wanted.fraction
}

/** Digits before and after the point of numeric(precision, scale); the scale has 11 bits and a sign (numeric.c). */
function digitsOf(typmod: number): { readonly whole: number; readonly fraction: number } {
  const precision = ((typmod - 4) >> 16) & 0xffff
  const fraction = (((typmod - 4) & 0x7ff) ^ 1024) - 1024
  return { whole: precision - fraction, fraction }
}
