import type { Catalog, Relation } from '../catalog/catalog.js'
import { columnsOnlyRulesFill, type Mapping, type RelationMapping } from './mapping.js'

/** A table behind a view whose rows an old INSERT through the view would not fill as it did; undefined where none is. */
export function tableThatNeedsValues(
  view: Pick<Relation, 'oid' | 'reads'>,
  before: Catalog,
  { relations }: Mapping,
): RelationMapping | undefined {
  const needing = [...relations.values()].filter((change) => {
    const isMade = change.merged?.some(({ unlisted }) => unlisted !== undefined) ?? false
    return isMade || change.insert.length > 0 || columnsOnlyRulesFill(change)
  })
  if (needing.length === 0) return undefined
  const behind = tablesBehind(view, before)
  return needing.find((change) => behind === undefined || behind.has(change.before.oid))
}

/** oids of what a view reads, directly and through other views; undefined where that is not known. */
function tablesBehind(view: Pick<Relation, 'reads'>, catalog: Catalog): ReadonlySet<number> | undefined {
  const found = new Set<number>()
  const waiting = [...(view.reads ?? [])]
  if (view.reads === undefined) return undefined
  for (let oid = waiting.pop(); oid !== undefined; oid = waiting.pop()) {
    if (found.has(oid)) continue
    found.add(oid)
    const relation = catalog.byOid.get(oid)
    if (relation?.kind !== 'view') continue
    if (relation.reads === undefined) return undefined
    waiting.push(...relation.reads)
  }
  return found
}
