import type { Catalog, NamedObject } from './catalog.js'
import { type Difference, qualifiedName } from './difference.js'
import { type ObjectPair, type OidTranslation, pairObjects, takesOldCalls, translated } from './pair-objects.js'

export interface ObjectDiff {
  /** Objects that statements name otherwise now, or that were made anew. */
  readonly changed: readonly ObjectPair[]
  readonly translation: OidTranslation
  readonly differences: readonly Difference[]
}

/** What became of functions and data types, and what old statements would not survive of it. */
export function diffObjects(before: Catalog, after: Catalog): ObjectDiff {
  if ((before.objects ?? []).length === 0)
    return { changed: [], translation: { types: new Map(), labels: new Map() }, differences: [] }
  const { pairs, gone, translation } = pairObjects(before, after)
  return {
    changed: pairs.filter(isChanged),
    translation,
    differences: [
      ...gone.filter(isNameable).map((object) => ({
        relation: qualifiedName(object),
        what: `the ${object.kind} was dropped`,
        hint: 'old statements may use it: keep it until no client speaks the old version',
      })),
      ...pairs.flatMap((pair) => diffShape(pair, translation)),
    ],
  }
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

function diffLabels(relation: string, before: NamedObject, after: NamedObject): Difference[] {
  const renamed = before.shape.flatMap((label, index) => {
    const oid = before.labelOids?.[index]
    const now = oid === undefined ? undefined : after.shape[after.labelOids?.indexOf(oid) ?? -1]
    return now === undefined || now === label ? [] : [`"${label}" to "${now}"`]
  })
  const refuse = (what: string, hint: string): Difference[] => [{ relation, what, hint }]
  if (renamed.length > 0) {
    return refuse(
      `labels of the enum were renamed: ${renamed.join(', ')}`,
      'old statements read and write the old ones: keep them, ADD VALUE for the new ones, and let new code write those when no client speaks the old version',
    )
  }
  const lost = before.shape.filter((label) => !after.shape.includes(label))
  if (lost.length > 0) {
    return refuse(
      `the enum lost ${lost.map((label) => `"${label}"`).join(', ')}`,
      'old statements may write it and ask for it: keep the label until no client speaks the old version',
    )
  }
  const order = after.shape.filter((label) => before.shape.includes(label))
  if (order.join('\0') !== before.shape.join('\0')) {
    return refuse('the order of its labels changed', 'old queries would sort and compare otherwise: keep the order')
  }
  return []
}
