import type { Choices } from './choices.js'

/**
 * The types that generated columns and expressions have: data types of PostgreSQL, and domains within them, outside of
 * which no statement writes. Only so can a migration keep what the old version shows: a text of digits can become an
 * integer, a name of two words two columns.
 */
export type Type = keyof typeof types

interface TypeOf {
  /** As it is declared. */
  readonly sql: string
  /** How a literal of it starts and ends, where it is not a bare number or string. */
  readonly typed?: boolean
  /** Text forms of the values that may be written. */
  readonly values: readonly [string, ...string[]]
  /** Further ones that a condition may compare it with. */
  readonly others?: readonly string[]
  /** Types whose columns may stand where it is wanted. */
  readonly accepts?: readonly string[]
  /** The name that PostgreSQL gives to a cast to it (parse_target.c, FigureColname). */
  readonly castName: string
}

const numbers = ['0', '1', '2', '3', '4', '5', '6'] as const
const texts = ['a', 'b', 'name', 'ü', '', 'id'] as const
const textual = ['varchar', 'varchar20', 'varcharAny', 'digits', 'code', 'pair', 'word', 'goneText']

export const types = {
  int: { sql: 'integer', values: numbers, others: ['-1', '700'], accepts: ['small', 'level'], castName: 'int4' },
  small: { sql: 'smallint', values: numbers, others: ['40000'], castName: 'int2' },
  big: { sql: 'bigint', values: numbers, others: ['3000000000'], accepts: ['int', 'small', 'level'], castName: 'int8' },
  text: { sql: 'text', values: texts, accepts: textual, castName: 'text' },
  varchar: { sql: 'varchar(8)', values: texts, others: ['longer than it is'], castName: 'varchar' },
  varchar20: { sql: 'varchar(20)', values: texts, castName: 'varchar' },
  varcharAny: { sql: 'varchar', values: texts, castName: 'varchar' },
  numeric: {
    sql: 'numeric(8,2)',
    values: ['0.5', '3', '12.25', '7.00', '0', '5', '6'],
    others: ['1.234'],
    castName: 'numeric',
  },
  numeric4: { sql: 'numeric(12,4)', values: ['0.5', '3'], castName: 'numeric' },
  num: { sql: 'numeric', values: ['0.5', '3'], castName: 'numeric' },
  bool: { sql: 'boolean', values: ['true', 'false'], accepts: ['goneBool'], castName: 'bool' },
  date: { sql: 'date', typed: true, values: ['2024-01-01', '2024-01-02', '2024-01-05'], castName: 'date' },
  stamp: {
    sql: 'timestamp',
    typed: true,
    values: ['2024-01-01 10:00', '2024-01-02 00:00', '2024-07-01 23:30:00.5'],
    castName: 'timestamp',
  },
  stamptz: {
    sql: 'timestamptz',
    typed: true,
    values: ['2024-01-01 10:00+00', '2024-07-01 22:30:00+02'],
    castName: 'timestamptz',
  },
  array: { sql: 'text[]', typed: true, values: ['{}', '{a}', '{a,b}', '{name,id}'], castName: 'text' },
  varchars: { sql: 'varchar[]', typed: true, values: ['{}', '{a}'], castName: 'varchar' },
  ints: { sql: 'integer[]', typed: true, values: ['{}', '{1}', '{1,2}', '{NULL,5}'], castName: 'int4' },
  bigs: { sql: 'bigint[]', typed: true, values: ['{}', '{1}'], castName: 'int8' },
  digits: {
    sql: 'text',
    values: ['0', '5', '9', '10', '42', '-7'],
    others: ['05', 'abc', '', ' 9', '99999999999'],
    castName: 'text',
  },
  code: { sql: 'text', values: ['A', 'B', 'C'], others: ['Z', 'a', ''], castName: 'text' },
  pair: {
    sql: 'text',
    values: ['ada bell', 'bob cook', 'ada cook', 'ü ö'],
    others: ['ada', 'ada bell cook', ' '],
    castName: 'text',
  },
  word: { sql: 'text', values: ['ada', 'bell', 'ö'], castName: 'text' },
  level: { sql: 'integer', values: ['1', '2', '3'], others: ['0', '4'], castName: 'int4' },
  /** Columns that hold one value only, so that a migration can drop them. */
  goneBool: { sql: 'boolean', values: ['false'], others: ['true'], castName: 'bool' },
  goneText: { sql: 'text', values: ['none'], others: ['some'], castName: 'text' },
} as const satisfies { readonly [name: string]: TypeOf }

const table: { readonly [name in Type]: TypeOf } = types

export const declared = (type: Type): string => table[type].sql

/** Types of which arbitrary expressions are made. */
export const freeTypes = [
  'int',
  'text',
  'numeric',
  'bool',
  'date',
  'array',
  'big',
  'small',
  'varchar',
  'stamp',
  'stamptz',
  'ints',
] as const
/** Types that a generated query's output may have. */
export const allTypes = [...freeTypes, 'digits', 'code', 'pair', 'level'] as const satisfies readonly Type[]

/** Expressions of these are columns and literals only, else they might leave the domain. */
export function isDomain(type: Type): boolean {
  return !(freeTypes as readonly Type[]).includes(type)
}

/** True where a column of `found` may stand where `wanted` is asked for. */
export function fits(wanted: Type, found: Type): boolean {
  return wanted === found || table[wanted].accepts?.includes(found) === true
}

export const castName = (type: Type): string => table[type].castName

/** The name of an unaliased literal: a typed one has its cast's. */
export function literalName(type: Type): string {
  return table[type].typed === true || declared(type) === 'boolean' ? castName(type) : '?column?'
}

/** A literal that may be written to a column of the type; few values, so that joins and keys meet. */
export function literal(choices: Choices, type: Type): string {
  return literalOf(type, value(choices, type))
}

export function literalOf(type: Type, text: string): string {
  const { sql, typed } = table[type]
  if (typed === true) return `'${text}'::${sql}`
  return /^(?:text|varchar)/.test(sql) ? `'${text}'` : text
}

/** The text form of a value of the type. */
export function value(choices: Choices, type: Type): string {
  return choices.pick(table[type].values)
}

/** The text form of what a condition may compare a column of the type with; not always one of its values. */
export function comparand(choices: Choices, type: Type): string {
  const { others } = table[type]
  return others !== undefined && choices.chance(30) ? (choices.pickAny(others) ?? '') : value(choices, type)
}
