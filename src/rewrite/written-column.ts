import { type ByteString, toByteString } from '../sql/byte-string.js'
import { oldValueText, withoutLength, writeText } from './computed.js'
import type { ComputedColumn, Expression, MergedColumn, RelationMapping } from './mapping.js'
import { mergedOf } from './merged-column.js'

/** What is written instead of one old column; `merged` are new columns that are made of it and of others. */
export type WrittenColumn = { readonly name: string; readonly merged: readonly MergedColumn[] } & (
  | {
      readonly kind: 'plain'
      readonly column: string
      /** The type of the column, without its length. */
      readonly type: ByteString | undefined
    }
  | { readonly kind: 'computed'; readonly column: ComputedColumn }
)

export function writtenColumn(change: RelationMapping, name: string): WrittenColumn {
  const mapped = change.columns.get(name)
  const merged = mergedOf(change, name)
  if (mapped?.kind === 'computed') return { kind: 'computed', name, merged, column: mapped }
  const column = mapped?.name ?? name
  const type = change.after.columns.find((one) => one.name === column)?.type
  return { kind: 'plain', name, merged, column, type: type && toByteString(withoutLength(type)) }
}

/** The new columns that are written to by this old column alone. */
export function newColumns(written: WrittenColumn): readonly string[] {
  return written.kind === 'plain' ? [written.column] : written.column.writes.map((write) => write.column)
}

/** True where the value of an old column is only checked. */
export function isDiscarded(written: WrittenColumn): boolean {
  return written.kind === 'computed' && written.column.writes.length === 0 && written.merged.length === 0
}

/** True where the values that are written cannot stand as they are. */
export function isWrittenOtherwise({ kind, merged }: WrittenColumn): boolean {
  return kind === 'computed' || merged.length > 0
}

/** What an old DEFAULT is in each new column. */
export function defaultsOf(change: RelationMapping, written: WrittenColumn): ByteString[] {
  return newColumns(written).map((column) => {
    const rule = change.insert.find((value) => value.unless === written.name && value.column === column)
    return rule === undefined ? DEFAULT : `(${toByteString(rule.expression)})`
  })
}

export const DEFAULT = 'DEFAULT'

/** True where an old DEFAULT is no DEFAULT any more. */
export function hasOtherDefault(change: RelationMapping, written: WrittenColumn): boolean {
  return written.kind === 'computed' || defaultsOf(change, written).some((text) => text !== DEFAULT)
}

/** Text before and after a value. */
export interface Around {
  readonly before: ByteString
  readonly after: ByteString
}

/** A value taken as the old type, as text around it. */
export function aroundOldValue(column: Pick<ComputedColumn, 'type'>): Around {
  return around((value) => oldValueText(column, value))
}

/** The values of the new columns, made of `value`, SQL text of the old type. */
export function writtenValues(column: ComputedColumn, value: ByteString): ByteString[] {
  return column.writes.map((write) => writeText(write.expression, value))
}

export function usesOnce(expression: Expression): boolean {
  return expression.filter((part) => typeof part !== 'string').length === 1
}

/** True where the value stands once in all that is written of it. */
export function isWrittenOnce(column: ComputedColumn): boolean {
  const [write, ...others] = column.writes
  return write !== undefined && others.length === 0 && usesOnce(write.expression)
}

/** No SQL text has a NUL. */
const HERE = '\0'

function around(text: (value: ByteString) => ByteString): Around {
  const [before = '', after = ''] = text(HERE).split(HERE)
  return { before, after }
}
