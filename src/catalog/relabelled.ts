import type { Catalog, NamedObject } from './catalog.js'
import { type Difference, qualifiedName } from './difference.js'
import type { ObjectPair } from './pair-objects.js'

/** The schema of what the proxy itself needs in the database. */
export const HOTSWAP_SCHEMA = 'hotswap'

/** An enum whose labels are not all there any more under their names and in their order. */
export interface Relabelled {
  /** The type that columns have now. */
  readonly now: NamedObject
  /** What old labels are called now, by old name; those that are gone are absent. */
  readonly labels: ReadonlyMap<string, string>
}

/**
 * What became of an enum's labels: by identity where it is the same type still, by name where it was made anew. Undefined
 * where each label is what it was, and others came at most.
 *
 *     ALTER TYPE mood RENAME VALUE 'sad' TO 'unhappy'  =>  sad -> unhappy, ok -> ok
 */
export function relabelled({ before, after }: ObjectPair): Relabelled | undefined {
  if (before.kind !== 'enum') return undefined
  const isSame = before.oid === after.oid
  const labels = new Map<string, string>()
  for (const [index, label] of before.shape.entries()) {
    const oid = before.labelOids?.[index]
    const known = isSame && oid !== undefined ? after.labelOids?.indexOf(oid) : undefined
    const now = known === undefined ? after.shape.find((other) => other === label) : after.shape[known]
    if (now !== undefined) labels.set(label, now)
  }
  const isKept = before.shape.every((label) => labels.get(label) === label) && isInOrder(labels, before, after)
  return isKept ? undefined : { now: after, labels }
}

/** True where the labels that are there still sort as they did. */
export function isInOrder(
  labels: ReadonlyMap<string, string>,
  { shape: old }: NamedObject,
  { shape: now }: NamedObject,
): boolean {
  const places = old.flatMap((label) => {
    const other = labels.get(label)
    return other === undefined ? [] : [now.indexOf(other)]
  })
  return places.every((place, index) => index === 0 || place > (places[index - 1] ?? 0))
}

/**
 * The shadow types of relabelled enums, by oid of the old enum: types with the old labels that the step made in schema
 * hotswap. They are told by their labels alone, so that whoever made them need not have kept to a name.
 */
export function findShadows(enums: readonly NamedObject[], before: Catalog, after: Catalog): Map<number, NamedObject> {
  const made = (after.objects ?? []).filter(
    ({ kind, schema, oid }) => kind === 'enum' && schema === HOTSWAP_SCHEMA && !before.objectByOid.has(oid),
  )
  const shadows = new Map<number, NamedObject>()
  const taken = new Set<NamedObject>()
  for (const old of enums) {
    const shadow = made.find((type) => !taken.has(type) && type.shape.join('\0') === old.shape.join('\0'))
    if (shadow === undefined) continue
    taken.add(shadow)
    shadows.set(old.oid, shadow)
  }
  return shadows
}

/** What else is made of a relabelled enum, and would show old statements the new labels. */
export function diffDependents(old: NamedObject, before: Catalog): Difference[] {
  const oids = new Set([old.oid, old.arrayOid].filter((oid) => oid !== undefined).map(String))
  const refuse = (user: { readonly schema: string; readonly name: string }, kind: string): Difference => ({
    relation: qualifiedName(old),
    what: `labels of the enum were renamed or removed, and the ${kind} ${qualifiedName(user)} is made of it`,
    hint: `old statements would meet the new labels through it: keep the labels, and ADD VALUE for the new ones, until no client speaks the old version`,
    final: true,
  })
  const objects = (before.objects ?? []).filter(({ kind, shape }) => {
    if (kind === 'enum') return false
    // A domain's first line starts with its base type; its checks are trees.
    const words = kind === 'domain' ? (shape[0] ?? '').split(' ').slice(0, 1) : shape.join(' ').split(/[\s{},]+/)
    return words.some((word) => oids.has(word))
  })
  const composites = before.relations.filter(
    ({ kind, columns }) => kind === 'composite' && columns.some(({ typeOid }) => oids.has(String(typeOid))),
  )
  return [
    ...objects.map((object) => refuse(object, object.kind)),
    ...composites.map((relation) => refuse(relation, 'composite type')),
  ]
}

/** The label that a stored default is, where it is nothing but a constant of an enum; see `translateText`. */
export function constantLabel(tree: string | undefined, catalog: Catalog): string | undefined {
  const constant = /^\{CONST :consttype (\d+) [^{}]*:constvalue 4 \[ ((?:\d+ )+)\]\}$/.exec(tree ?? '')
  const object = catalog.objectByOid.get(Number(constant?.[1]))
  const bytes = (constant?.[2] ?? '').trim().split(' ').map(Number)
  const [a = 0, b = 0, c = 0, d = 0] = bytes
  const oid = a + b * 2 ** 8 + c * 2 ** 16 + d * 2 ** 24
  return object?.kind === 'enum' ? object.shape[object.labelOids?.indexOf(oid) ?? -1] : undefined
}
