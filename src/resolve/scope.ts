import type { RangeVariable } from './range-variable.js'
import { SYSTEM_COLUMNS } from './range-variable.js'

/** A column as bare names see it: of one range variable, or merged from two by USING or NATURAL. */
export interface VisibleColumn {
  readonly name: string
  readonly range: RangeVariable
  /** Index into `range.columns`. */
  readonly index: number
  /** True for a column that USING or NATURAL merged: it cannot be qualified without changing its meaning. */
  readonly merged: boolean
}

/** What one FROM item, or all of one query level, brings into scope. */
export interface Visible {
  /** Range variables that qualified names can use. */
  readonly ranges: readonly RangeVariable[]
  /** Columns that bare names can use, in the order of `*`. */
  readonly columns: readonly VisibleColumn[]
  /** Range variables whose columns are not known: any bare name may be one of theirs. */
  readonly unknown: readonly RangeVariable[]
}

/** One query level; bare names bind to the innermost level that has them. */
export interface Scope extends Visible {
  readonly parent: Scope | undefined
}

export const NOTHING_VISIBLE: Visible = { ranges: [], columns: [], unknown: [] }

/** All columns of a range variable, visible to bare names. */
export function visibleOf(range: RangeVariable): Visible {
  return {
    ranges: range.name === undefined ? [] : [range],
    columns: (range.columns ?? range.some ?? []).map((name, index) => ({ name, range, index, merged: false })),
    unknown: range.columns === undefined ? [range] : [],
  }
}

export function joinVisible(left: Visible, right: Visible): Visible {
  if (left === NOTHING_VISIBLE) return right
  if (right === NOTHING_VISIBLE) return left
  return {
    ranges: [...left.ranges, ...right.ranges],
    columns: [...left.columns, ...right.columns],
    unknown: [...left.unknown, ...right.unknown],
  }
}

/** What a bare or qualified name is bound to. */
export type Binding =
  | { readonly kind: 'column'; readonly column: VisibleColumn }
  /** A system column, or a column of a range variable whose columns are not known: its text never changes. */
  | { readonly kind: 'fixed'; readonly range: RangeVariable }
  | { readonly kind: 'whole-row'; readonly range: RangeVariable }
  | { readonly kind: 'ambiguous'; readonly ranges: readonly RangeVariable[] }
  /** It may be a column of a range variable whose columns are not known, or of an outer level. */
  | { readonly kind: 'uncertain'; readonly outer: readonly RangeVariable[] }
  | { readonly kind: 'absent'; readonly range: RangeVariable | undefined }

/** Binds a bare name: innermost level first, two matches on one level are ambiguous (parse_relation.c, colNameToVar). */
export function bindBare(scope: Scope | undefined, name: string): Binding {
  let doubtful = false
  for (let level = scope; level !== undefined; level = level.parent) {
    const matches = level.columns.filter((column) => column.name === name)
    const [first] = matches
    if (first !== undefined && !doubtful) {
      if (matches.length > 1) return { kind: 'ambiguous', ranges: matches.map((match) => match.range) }
      return { kind: 'column', column: first }
    }
    if (first !== undefined) return { kind: 'uncertain', outer: matches.map((match) => match.range) }
    if (SYSTEM_COLUMNS.has(name) && level.ranges[0] !== undefined) return { kind: 'fixed', range: level.ranges[0] }
    if (level.unknown.length > 0) doubtful = true
  }
  const row = findRange(scope, undefined, name)
  if (row !== undefined) return { kind: 'whole-row', range: row }
  return doubtful ? { kind: 'uncertain', outer: [] } : { kind: 'absent', range: undefined }
}

/** The range variable that a qualifier names: innermost level first. */
export function findRange(
  scope: Scope | undefined,
  schema: string | undefined,
  name: string,
): RangeVariable | undefined {
  for (let level = scope; level !== undefined; level = level.parent) {
    const range = level.ranges.find(
      (candidate) => candidate.name === name && (schema === undefined || candidate.schema === schema),
    )
    if (range !== undefined) return range
  }
  return undefined
}

/** Binds a name qualified by a range variable that was found. */
export function bindQualified(range: RangeVariable, name: string): Binding {
  if (range.columns === undefined) return { kind: 'fixed', range }
  const index = range.columns.indexOf(name)
  if (index >= 0) return { kind: 'column', column: { name, range, index, merged: false } }
  if (SYSTEM_COLUMNS.has(name) && range.role !== 'opaque') return { kind: 'fixed', range }
  return { kind: 'absent', range }
}
