import type { Catalog, Relation } from '../catalog/catalog.js'
import type { ChangedRelation } from '../catalog/diff.js'
import { type Difference, qualifiedName } from '../catalog/difference.js'
import { fromByteString } from '../sql/byte-string.js'
import type { ColumnMapping, ColumnWrite, MergedColumn, RelationMapping } from './mapping.js'
import { defaultText, mergedText, sourcesOf, usesIn } from './merged-column.js'
import { oldDefault } from './old-default.js'

export interface PlannedMerges {
  readonly merged: readonly MergedColumn[]
  readonly differences: readonly Difference[]
}

/**
 * The new columns that a rule makes of several old ones, with what old INSERTs give that do not list them.
 *
 *     write: { name: "first || ' ' || last" }
 */
export function planMerged(
  { before, after }: ChangedRelation,
  columns: ReadonlyMap<string, ColumnMapping>,
  rules: readonly ColumnWrite[],
  declared: ReadonlyMap<string, string>,
  catalogs: { readonly before: Catalog; readonly after: Catalog },
): PlannedMerges {
  const differences: Difference[] = []
  const refuse = (column: string, what: string, hint: string) =>
    differences.push({ relation: qualifiedName(before), column, what, hint, final: true })
  const defaults = new Map<string, string>()
  for (const name of new Set(rules.flatMap((rule) => [...sourcesOf(rule)]))) {
    const old = before.columns.find((column) => column.name === name)
    const mapping = columns.get(name)
    if (old === undefined || mapping === undefined) continue
    if (mapping.kind === 'computed' && mapping.writable === false) {
      refuse(name, 'it is read_only, but the "write" of its table uses it', 'take read_only out')
    }
    if (old.generated !== 'none') {
      refuse(name, 'it was generated, so that old statements do not write it', 'write what it was generated from')
      continue
    }
    const text = declared.get(name) ?? (old.identity === 'none' ? oldDefault(old, catalogs) : undefined)
    if (text === undefined) {
      refuse(
        name,
        'what old INSERTs give that do not list it cannot be told',
        `say it: columns: { ${name}: { default: "..." } }`,
      )
      continue
    }
    const own = mapping.kind === 'column' ? 1 : mapping.writes.length
    const uses =
      own +
      usesIn(
        rules.map((rule) => ({ ...rule, defaults })),
        name,
      )
    if (uses > 1 && mayCall(text)) {
      refuse(
        name,
        'its default calls a function, and would be evaluated more than once',
        `let it stand once in what is written, or say another default: columns: { ${name}: { default: "..." } }`,
      )
    }
    defaults.set(name, text)
  }
  for (const { column } of rules) {
    const target = after.columns.find(({ name }) => name === column)
    if (target !== undefined && target.generated !== 'none') {
      refuse(column, 'it is generated, so that it cannot be written', 'write what it is generated from')
    }
  }
  const merged = rules.map((rule): MergedColumn => {
    const unlisted = unlistedValue({ before, after, columns, added: [], insert: [] }, { ...rule, defaults })
    return { ...rule, defaults, ...(unlisted === undefined ? {} : { unlisted }) }
  })
  return { merged, differences }
}

/** True where a name stands before a bracket, unless it is that of a type or an operator. */
function mayCall(text: string): boolean {
  const rest = text.replace(/'(?:[^']|'')*'/g, '').replace(/::[\w. "]+(?:\(\d+(?:,-?\d+)?\))?|OPERATOR\([^()]*\)/g, '')
  return /[\w"$]\s*\(/.test(rest)
}

/**
 * What it is given by an INSERT that lists none of the old columns: undefined where that is NULL, as the old columns
 * were, by itself.
 */
function unlistedValue(change: RelationMapping, merged: MergedColumn): string | undefined {
  const target = change.after.columns.find(({ name }) => name === merged.column)
  if (target === undefined || !isInsertable(change.after)) return undefined
  const isNull = [...sourcesOf(merged)].every((name) => merged.defaults.get(name) === 'NULL')
  if (isNull && !target.notNull && !target.hasDefault && target.identity === 'none') return undefined
  const text = mergedText(merged, (name) => defaultText(change, merged, name))
  return fromByteString(text) ?? text
}

function isInsertable({ kind }: Relation): boolean {
  return kind === 'table' || kind === 'partitioned' || kind === 'foreign'
}
