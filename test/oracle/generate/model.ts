import type { Choices } from './choices.js'

/** The types that generated columns and expressions have. */
export type Type = 'int' | 'text' | 'numeric' | 'bool' | 'date' | 'array'

export const allTypes = ['int', 'text', 'numeric', 'bool', 'date', 'array'] as const satisfies readonly Type[]

/** How a column of each type is declared. */
export const declared: { readonly [T in Type]: string } = {
  int: 'integer',
  text: 'text',
  numeric: 'numeric(8,2)',
  bool: 'boolean',
  date: 'date',
  array: 'text[]',
}

export interface Column {
  readonly name: string
  readonly type: Type
}

/** The names of the three schemas that one set of tables lives in. */
export interface Schemas {
  /** In search_path. */
  readonly main: string
  readonly other: string
  /** Empty in the old version. */
  readonly third: string
}

export interface Table {
  readonly schema: string
  readonly name: string
  /** The first is the primary key. */
  readonly columns: readonly Column[]
}

/** The name quoted where it must be, and spelt in one of the ways that mean the same. */
export function spell(choices: Choices, name: string): string {
  if (!/^[a-z_][a-z0-9_]*$/.test(name) || needQuotes.has(name)) return quote(name)
  switch (choices.below(12)) {
    case 10:
      return quote(name)
    case 11:
      return name.toUpperCase()
    default:
      return name
  }
}

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

const needQuotes = new Set(['user', 'order', 'select', 'group', 'table', 'default', 'end', 'value', 'left'])

/** A literal of the type; few values, so that joins and keys meet. */
export function literal(choices: Choices, type: Type): string {
  switch (type) {
    case 'int':
      return String(choices.below(7))
    case 'text':
      return `'${value(choices, 'text')}'`
    case 'numeric':
      return `${choices.below(20)}.${choices.below(4) * 25}`
    case 'bool':
      return choices.pick(['true', 'false'])
    case 'date':
      return `date '${value(choices, 'date')}'`
    case 'array':
      return `'${value(choices, 'array')}'::text[]`
  }
}

/** The text form of a value of the type, without quotes. */
export function value(choices: Choices, type: Type): string {
  switch (type) {
    case 'int':
    case 'numeric':
      return String(choices.below(7))
    case 'text':
      return choices.pick(['a', 'b', 'name', 'ü', '', 'id'])
    case 'bool':
      return choices.pick(['t', 'f'])
    case 'date':
      return `2024-01-0${1 + choices.below(5)}`
    case 'array':
      return choices.pick(['{}', '{a}', '{a,b}', '{name,id}'])
  }
}
