import { type ByteString, toByteString } from '../sql/byte-string.js'
import { quoteIdentifier } from '../sql/identifier.js'
import type { Part } from './arrange.js'
import { oldValueText, readText } from './computed.js'
import type { ComputedColumn, MergedColumn, RelationMapping } from './mapping.js'

const NONE: readonly MergedColumn[] = []

/** The new columns that are made of this old one and others. */
export function mergedOf({ merged }: RelationMapping, name: string): readonly MergedColumn[] {
  return merged?.filter((one) => sourcesOf(one).has(name)) ?? NONE
}

/** The new columns that are made of any of these old ones. */
export function mergedOfAny({ merged }: RelationMapping, names: readonly string[]): readonly MergedColumn[] {
  return merged?.filter((one) => names.some((name) => sourcesOf(one).has(name))) ?? NONE
}

/** The old columns that a new one is made of. */
export function sourcesOf({ expression }: Pick<MergedColumn, 'expression'>): ReadonlySet<string> {
  return new Set(expression.flatMap((part) => (typeof part === 'string' ? [] : [part.column])))
}

/** How often the value of an old column stands in the new columns that are made of it, and of others. */
export function usesIn(merged: readonly MergedColumn[], name: string): number {
  return merged
    .flatMap(({ expression }) => expression)
    .filter((part) => typeof part !== 'string' && part.column === name).length
}

/** The old type of an old column. */
export function oldTypeOf({ before, after, columns }: RelationMapping, name: string): Pick<ComputedColumn, 'type'> {
  const mapped = columns.get(name)
  if (mapped?.kind === 'computed') return mapped
  const now = after.columns.find((column) => column.name === (mapped?.name ?? name))
  const type = now?.type ?? before.columns.find((column) => column.name === name)?.type
  if (type === undefined) throw new Error(`no column ${name} in ${before.name}`)
  return { type }
}

/** What an old column is in the row that is written to, before that. */
export function currentText({ columns }: RelationMapping, name: string, qualifier: ByteString): ByteString {
  const mapped = columns.get(name)
  if (mapped?.kind === 'computed') return readText(mapped, qualifier)
  return `${qualifier}.${quoteIdentifier(mapped?.name ?? name)}`
}

/** What an old column is given by an INSERT that does not list it, or by DEFAULT. */
export function defaultText(change: RelationMapping, { defaults }: MergedColumn, name: string): ByteString {
  return oldValueText(oldTypeOf(change, name), toByteString(defaults.get(name) ?? 'NULL'))
}

/** The value of a merged column, with each old column's value in its place. */
export function mergedParts(
  { expression }: MergedColumn,
  valueFor: (name: string) => readonly Part[],
): readonly Part[] {
  return ['(', ...expression.flatMap((part) => (typeof part === 'string' ? [part] : valueFor(part.column))), ')']
}

/** As `mergedParts`, where all values are text. */
export function mergedText(merged: MergedColumn, valueFor: (name: string) => ByteString): ByteString {
  return mergedParts(merged, (name) => [valueFor(name)]).join('')
}
