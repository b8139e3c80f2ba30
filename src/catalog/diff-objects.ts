import type { Catalog, NamedObject } from './catalog.js'
import { type Difference, qualifiedName } from './difference.js'
import { type ObjectPair, type OidTranslation, pairObjects, takesOldCalls, translated } from './pair-objects.js'
import { diffDependents, findShadows, type Relabelled, relabelled } from './relabelled.js'

/** An object that statements name otherwise now; of a relabelled enum `after` is its shadow type. */
export interface ChangedObject extends ObjectPair {
  readonly relabelled?: Relabelled
}

export interface ObjectDiff {
  /** Objects that statements name otherwise now, or that were made anew. */
  readonly changed: readonly ChangedObject[]
  readonly translation: OidTranslation
  readonly differences: readonly Difference[]
}

/** What became of functions and data types, and what old statements would not survive of it. */
export function diffObjects(before: Catalog, after: Catalog): ObjectDiff {
  if ((before.objects ?? []).length === 0)
    return { changed: [], translation: { types: new Map(), labels: new Map() }, differences: [] }
  const { pairs, gone, translation } = pairObjects(before, after)
  const others = relabelledEnums(pairs)
  const shadows = findShadows([...others.keys()], before, after)
  return {
    changed: pairs.flatMap((pair): ChangedObject[] => {
      const shadow = shadows.get(pair.before.oid)
      const labels = others.get(pair.before)
      if (shadow !== undefined && labels !== undefined) {
        return [{ before: pair.before, after: shadow, relabelled: labels }]
      }
      return isChanged(pair) ? [pair] : []
    }),
    translation,
    differences: [
      ...gone.filter(isNameable).map((object) => ({
        relation: qualifiedName(object),
        what: `the ${object.kind} was dropped`,
        hint: 'old statements may use it: keep it until no client speaks the old version',
      })),
      ...pairs.flatMap((pair) =>
        shadows.has(pair.before.oid) ? diffDependents(pair.before, before) : diffShape(pair, translation),
      ),
    ],
  }
}

/** Enums of which old statements need a shadow type, in the order of their oids, and what they are now. */
export function enumsToShadow(before: Catalog, after: Catalog): readonly ObjectPair[] {
  return [...relabelledEnums(pairObjects(before, after).pairs)].map(([old, { now }]) => ({ before: old, after: now }))
}

function relabelledEnums(pairs: readonly ObjectPair[]): ReadonlyMap<NamedObject, Relabelled> {
  const found = new Map<NamedObject, Relabelled>()
  for (const pair of pairs) {
    const labels = relabelled(pair)
    if (labels !== undefined) found.set(pair.before, labels)
  }
  return found
}

// The result type of a function, in its shape: trigger and event_trigger.
const TRIGGER_RESULT = /(?:^| )(?:2279|3838) f$/

/** False for trigger functions: no statement can call them. */
function isNameable({ kind, shape }: NamedObject): boolean {
  return kind !== 'function' || !TRIGGER_RESULT.test(shape[0] ?? '')
}

function isChanged({ before, after }: ObjectPair): boolean {
  return before.oid !== after.oid || before.schema !== after.schema || before.name !== after.name
}

function diffShape({ before, after }: ObjectPair, translation: OidTranslation): Difference[] {
  const relation = qualifiedName(before)
  if (before.kind === 'enum') return diffLabels(relation, before, after)
  if (translated(before.shape, translation).join('\0') === after.shape.join('\0')) return []
  if (before.kind === 'function' && takesOldCalls(before, after, translation)) return []
  return [
    {
      relation,
      what: `the ${before.kind} changed`,
      hint: `old statements rely on it as it was: keep it, and make the new one under another name`,
    },
  ]
}

/** A relabelled enum without its shadow type. */
function diffLabels(relation: string, before: NamedObject, after: NamedObject): Difference[] {
  const { labels } = relabelled({ before, after }) ?? {}
  if (labels === undefined) return []
  const renamed = [...labels].filter(([old, now]) => old !== now).map(([old, now]) => `"${old}" to "${now}"`)
  const lost = before.shape.filter((label) => !labels.has(label)).map((label) => `"${label}"`)
  const what =
    renamed.length > 0
      ? `labels of the enum were renamed: ${renamed.join(', ')}`
      : lost.length > 0
        ? `the enum lost ${lost.join(', ')}`
        : 'the order of its labels changed'
  const list = before.shape.map((label) => `'${label.replaceAll("'", "''")}'`).join(', ')
  const hint = `old statements need a type with the old labels, which \`migrate\` makes: CREATE TYPE hotswap."${before.name}" AS ENUM (${list})`
  return [{ relation, what, hint, final: true }]
}
