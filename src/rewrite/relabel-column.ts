import type { Catalog, Column, NamedObject } from '../catalog/catalog.js'
import { isInOrder } from '../catalog/relabelled.js'
import { toByteString } from '../sql/byte-string.js'
import { quoteLiteral } from '../sql/identifier.js'
import type { NoCast } from './cast-column.js'
import type { ChangedObject, ComputedColumn, Expression } from './mapping.js'

/** A column whose enum has other labels now: the type that old statements see it as, and the one that it has. */
export interface RelabelledTypes {
  readonly old: NamedObject
  readonly now: NamedObject
  readonly labels: ReadonlyMap<string, string>
  readonly isArray: boolean
}

/** What is known of the labels of two column types; undefined where they are not two enums, or arrays of them. */
export function relabelledTypes(
  before: Column,
  after: Column,
  objects: Iterable<ChangedObject>,
  catalogs: { readonly before: Catalog; readonly after: Catalog },
): RelabelledTypes | undefined {
  for (const { after: shadow, relabelled: found } of objects) {
    if (found === undefined) continue
    const isArray = before.typeOid === shadow.arrayOid
    if (!isArray && before.typeOid !== shadow.oid) continue
    if (after.typeOid !== (isArray ? found.now.arrayOid : found.now.oid)) return undefined
    return { old: shadow, ...found, isArray }
  }
  const [old, now] = [catalogs.before.objectByOid.get(before.typeOid), catalogs.after.objectByOid.get(after.typeOid)]
  if (old?.kind !== 'enum' || now?.kind !== 'enum') return undefined
  const labels = new Map(old.shape.filter((label) => now.shape.includes(label)).map((label) => [label, label]))
  return { old, now, labels, isArray: false }
}

/**
 * An enum's column as old statements see it: label for label, as a type with the old labels. A label that only the newer
 * version has is an error when it is read (22P02).
 *
 *     (ARRAY['sad', 'ok']::hotswap."0003_mood"[])[array_position(ARRAY['unhappy', 'ok']::mood[], mood)]
 */
export function relabelColumn(before: Column, after: Column, types: RelabelledTypes): ComputedColumn | NoCast {
  const { old, now, labels, isArray } = types
  const lost = old.shape.filter((label) => !labels.has(label))
  if (lost.length > 0) {
    const known = old.shape.map((label) => `${label}: ${labels.get(label) ?? '...'}`).join(', ')
    const hint = isArray
      ? 'keep the labels until no client speaks the old version, or give a rule with read and write'
      : `say what they are now: columns: { ${before.name}: { to: ${after.name}, values: { ${known} } } }`
    return { kind: 'none', what: `its enum lost ${lost.map((label) => `"${label}"`).join(', ')}`, hint }
  }
  const pairs = [...labels].map(([from, to]) => [from, to] as const)
  const back = pairs.map(([from, to]) => [to, from] as const)
  const read = (isArray ? arrayText : readLabel)(after.name, [after.type, before.type], back)
  const write = (isArray ? arrayText : labelAt)('value', [before.type, after.type], pairs)
  const common = { type: before.type, read, writes: [{ column: after.name, expression: write }], labels }
  const kind = { kind: 'computed', keepsNull: true } as const
  if (isArray) return { ...kind, ...common }
  const key = {
    column: after.name,
    write,
    injective: true,
    total: true,
    monotone: isInOrder(labels, old, now),
    comparable: false,
  }
  return { ...kind, ...common, key }
}

type Pair = readonly [from: string, to: string]

/** The place of a label in one list is that of its name in the other; `value` is used once, since chains nest it. */
function labelAt(column: string, [from, to]: Pair, pairs: readonly Pair[]): Expression {
  const list = (labels: readonly string[], type: string) =>
    `ARRAY[${labels.map(quoteLiteral).join(', ')}]::${toByteString(type)}[]`
  const [old, now] = [pairs.map(([label]) => label), pairs.map(([, label]) => label)]
  return [`((${list(now, to)})[pg_catalog.array_position(${list(old, from)}, `, { column }, `)])::${toByteString(to)}`]
}

/** Labels may come later, too: they are an error, whose text names the value, by a cast that cannot succeed. */
function readLabel(column: string, types: Pair, pairs: readonly Pair[]): Expression {
  const complaint = quoteLiteral('old statements know no value for ')
  return [
    'COALESCE(',
    ...labelAt(column, types, pairs),
    `, (${complaint} OPERATOR(pg_catalog.||) `,
    { column },
    `::pg_catalog.text)::pg_catalog.int4::pg_catalog.text::${toByteString(types[1])})`,
  ]
}

/**
 * Elements are replaced as texts, by way of texts that are no labels: names may have been swapped, and a label that comes
 * later may have the old name of another.
 */
function arrayText(column: string, [, to]: Pair, pairs: readonly Pair[]): Expression {
  const changed = pairs.filter(([label, other]) => label !== other)
  const names = [...new Set(changed.flat())]
  const replace = (from: string, into: string) => `, ${quoteLiteral(from)}, ${quoteLiteral(into)})`
  return [
    `${'pg_catalog.array_replace('.repeat(names.length + changed.length)}(`,
    { column },
    ')::pg_catalog.text[]',
    ...names.map((name) => replace(name, away(name))),
    ...changed.map(([label, other]) => replace(away(label), other)),
    `::${toByteString(to)}`,
  ]
}

/** No label has more than 63 bytes. */
function away(label: string): string {
  return `old statements know no value for the label that is called now: "${label}"`
}
