import type { Column, Relation } from '../catalog/catalog.js'
import { quoteIdentifier } from '../sql/identifier.js'
import { changedColumnNames } from './closure.js'
import { isReshaped, type Mapping, type RelationMapping } from './mapping.js'
import { type PlanContext, refuseUnsupported } from './plan-context.js'

/** The changed relation whose row type, or an array of it, a column has; undefined for all ordinary columns. */
export function rowTypeOf(column: Column, mapping: Mapping): RelationMapping | undefined {
  for (const change of mapping.relations.values()) {
    if (changedColumnNames(change).size === 0) continue
    const { rowTypeOid, schema, name } = change.before
    const array = `${quoteIdentifier(schema)}.${quoteIdentifier(name)}[]`
    if (column.typeOid === rowTypeOid || column.type === array) return change
  }
  return undefined
}

/** Relations with a column of a changed relation's row type: what they show has changed with it. */
export function relationsHolding(relations: readonly Relation[], mapping: Mapping): readonly Relation[] {
  return relations.filter((relation) => relation.columns.some((column) => rowTypeOf(column, mapping) !== undefined))
}

/** Refuses a value of a changed row type where its new fields, or new names of its fields, could be seen. */
export function refuseComposite(context: PlanContext, columns: readonly (Column | undefined)[], at?: number): boolean {
  for (const column of columns) {
    const change = column === undefined ? undefined : rowTypeOf(column, context.step.mapping)
    if (column === undefined || change === undefined) continue
    if (!isReshaped(change) && !context.rowNamesSeen) continue
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
