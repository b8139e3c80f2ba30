import type { Column, Relation } from '../catalog/catalog.js'
import { isSystemSchema } from '../catalog/diff.js'
import { quoteIdentifier } from '../sql/identifier.js'
import { changedColumnNames } from './closure.js'
import { isReshaped, type Mapping, type RelationMapping } from './mapping.js'
import { type PlanContext, refuseUnsupported } from './plan-context.js'

/** Relations whose columns changed, by the oid of their row type, and by the name of arrays of it. */
export interface RowTypes {
  readonly byOid: ReadonlyMap<number, RelationMapping>
  readonly byArray: ReadonlyMap<string, RelationMapping>
}

export function rowTypesOf(mapping: Mapping): RowTypes {
  const byOid = new Map<number, RelationMapping>()
  const byArray = new Map<string, RelationMapping>()
  for (const change of mapping.relations.values()) {
    if (changedColumnNames(change).size === 0) continue
    const { rowTypeOid, schema, name } = change.before
    byOid.set(rowTypeOid, change)
    byArray.set(`${quoteIdentifier(schema)}.${quoteIdentifier(name)}[]`, change)
  }
  return { byOid, byArray }
}

/** The changed relation whose row type, or an array of it, a column has; undefined for all ordinary columns. */
export function rowTypeOf({ typeOid, type }: Column, { byOid, byArray }: RowTypes): RelationMapping | undefined {
  return byOid.get(typeOid) ?? (type.endsWith(']') ? byArray.get(type) : undefined)
}

/** Relations with a column of a changed relation's row type: what they show has changed with it. */
export function relationsHolding(relations: readonly Relation[], mapping: Mapping): readonly Relation[] {
  const rowTypes = rowTypesOf(mapping)
  if (rowTypes.byOid.size === 0) return []
  return relations.filter(
    ({ schema, columns }) =>
      !isSystemSchema(schema) && columns.some((column) => rowTypeOf(column, rowTypes) !== undefined),
  )
}

/** Refuses a value of a changed row type where its new fields, or new names of its fields, could be seen. */
export function refuseComposite(context: PlanContext, columns: readonly (Column | undefined)[], at?: number): boolean {
  for (const column of columns) {
    const change = column === undefined ? undefined : rowTypeOf(column, context.step.rowTypes)
    if (column === undefined || change === undefined) continue
    if (!isReshaped(change) && !context.rowNamesSeen()) continue
    refuseUnsupported(
      context,
      `column "${column.name}" holds rows of "${change.before.name}", whose columns changed`,
      'Name the fields that the query needs through the table itself.',
      at,
    )
    return true
  }
  return false
}
