import type { Choices } from './choices.js'
import { type Column, type Schemas, spell, type Table } from './model.js'
import { fits, type Type } from './types.js'

/** A thing in FROM that references may be qualified with. */
export interface Range {
  /** Its name without a schema; no qualified references where it is undefined (a join has columns of its ranges). */
  readonly name: string
  /** The schema, where references may name it too: a table without an alias. */
  readonly schema?: string
  readonly columns: readonly Column[]
  /** The table whose rows it shows, if it is one: it has system columns and whole rows. */
  readonly table?: Table
}

/** One query level. */
export interface Level {
  readonly ranges: readonly Range[]
  /** What a bare name can mean and a star shows, in order; merged columns of USING stand once. */
  readonly visible: readonly Column[]
}

/** Query levels from the innermost outwards. */
export type Scope = readonly Level[]

/** What one statement is made from. */
export interface Build {
  readonly choices: Choices
  readonly tables: readonly Table[]
  readonly schemas: Schemas
  /** Common table expressions in force, the innermost first. */
  readonly ctes: readonly { readonly name: string; readonly columns: readonly Column[] }[]
  /** Values of parameters; filled while the statement is made. Not every one is used in the end. */
  readonly parameters: (string | null)[]
  /** How deep subqueries may still go. */
  readonly depth: number
}

export function deeper(build: Build): Build {
  return { ...build, depth: build.depth - 1 }
}

/** Every spelling-independent way to refer to a column of the type (of any type where it is undefined). */
export function columnReferences(
  build: Build,
  scope: Scope,
  type: Type | undefined,
): { readonly sql: string; readonly name: string; readonly type: Type }[] {
  const { choices } = build
  const wanted = (column: Column) => type === undefined || fits(type, column.type)
  const hiddenNames = new Set<string>()
  const hiddenRanges = new Set<string>()
  const references: { sql: string; name: string; type: Type }[] = []
  for (const level of scope) {
    for (const column of level.visible) {
      const alone = level.visible.filter((other) => other.name === column.name).length === 1
      if (wanted(column) && alone && !hiddenNames.has(column.name)) {
        references.push({ sql: spell(choices, column.name), name: column.name, type: column.type })
      }
    }
    for (const range of level.ranges) {
      for (const qualifier of qualifiers(choices, level, range)) {
        if (hiddenRanges.has(range.name)) continue
        for (const column of range.columns) {
          const alone = range.columns.filter((other) => other.name === column.name).length === 1
          if (wanted(column) && alone) {
            references.push({
              sql: `${qualifier}.${spell(choices, column.name)}`,
              name: column.name,
              type: column.type,
            })
          }
        }
      }
    }
    for (const column of level.visible) hiddenNames.add(column.name)
    for (const range of level.ranges) hiddenRanges.add(range.name)
  }
  return references
}

/** `users`, `public.users`; only the second where two schemas' tables of one name stand side by side. */
export function qualifiers(choices: Choices, level: Level, range: Range): string[] {
  const short = spell(choices, range.name)
  const alone = level.ranges.filter((other) => other.name === range.name).length === 1
  return [...(alone ? [short] : []), ...(range.schema === undefined ? [] : [`${range.schema}.${short}`])]
}
