import type { NamedObject } from './catalog.js'
import { type Difference, qualifiedName } from './difference.js'

/** Functions and data types that old statements can no longer name, or would use otherwise. */
export function diffObjects(before: readonly NamedObject[], after: readonly NamedObject[]): Difference[] {
  if (before.length === 0) return []
  const signature = (object: NamedObject) =>
    JSON.stringify([object.kind, object.schema, object.name, object.kind === 'enum' ? [] : object.shape])
  const byOid = new Map(after.map((object) => [object.oid, object]))
  const bySignature = new Map(after.map((object) => [signature(object), object]))
  return before.flatMap((old): Difference[] => {
    const now = byOid.get(old.oid) ?? bySignature.get(signature(old))
    if (now === undefined) {
      return [
        {
          relation: qualifiedName(old),
          what: `the ${old.kind} was dropped`,
          hint: 'old statements may use it: keep it until no client speaks the old version',
        },
      ]
    }
    if (signature(now) !== signature(old) || !old.shape.every((label) => now.shape.includes(label))) {
      return [
        {
          relation: qualifiedName(old),
          what:
            now.schema === old.schema && now.name === old.name
              ? `the ${old.kind} changed`
              : `the ${old.kind} is now ${qualifiedName(now)}`,
          hint: `only tables and columns can be renamed or moved so far: keep this ${old.kind} until no client speaks the old version`,
        },
      ]
    }
    return []
  })
}
