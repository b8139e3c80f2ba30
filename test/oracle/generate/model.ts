import type { Choices } from './choices.js'

import type { Type } from './types.js'

export interface Column {
  readonly name: string
  readonly type: Type
  readonly notNull?: boolean
  /** An expression that gives a value of the type. */
  readonly fallback?: string
  /** It has a UNIQUE constraint. */
  readonly unique?: boolean
  /** Its values may not become other ones: a primary key, or a CHECK depends on it. */
  readonly fixed?: boolean
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
  /** The index of the table that it inherits from; its columns are that table's. */
  readonly parent?: number
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
