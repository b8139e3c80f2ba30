import type { Catalog, Relation } from '../catalog/catalog.js'
import { isSystemSchema } from '../catalog/diff.js'
import type { TableName, TableRule } from './rule-file.js'

/** The schema that an unqualified name means where nothing else says which. */
const defaultSchema = 'public'

/** What a rule's table is called before and after its migration; a schema is undefined where the catalog decides. */
export function tableNames(rule: TableRule): { readonly before: TableName; readonly after: TableName } {
  const from = rule.from.value
  const to = rule.to?.value
  if (to === undefined) return { before: from, after: from }
  if (to.schema === undefined) return { before: from, after: { schema: from.schema, name: to.name } }
  // The table moves: that its old schema is unsaid cannot be answered by the new catalog.
  return { before: { schema: from.schema ?? defaultSchema, name: from.name }, after: to }
}

/** The relation of a user schema that a rule's name means: unqualified, the only one of that name, else public's. */
export function findTable(catalog: Catalog, { schema, name }: TableName): Relation | undefined {
  if (schema !== undefined) return catalog.byName.get(schema)?.get(name)
  const found = catalog.relations.filter((relation) => relation.name === name && !isSystemSchema(relation.schema))
  return found.length === 1 ? found[0] : found.find((relation) => relation.schema === defaultSchema)
}

export function printTableName({ schema, name }: TableName): string {
  return schema === undefined ? name : `${schema}.${name}`
}
