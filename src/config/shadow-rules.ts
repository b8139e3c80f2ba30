import { type Catalog, type Column, makeCatalog, type NamedObject } from '../catalog/catalog.js'
import { typeText } from '../rewrite/object-mapping.js'
import { qualifiedName } from '../sql/identifier.js'
import { suggestName } from './nearest-name.js'
import type { Problem } from './problem.js'
import type { RuleFile, TableName, TypeRule } from './rule-file.js'
import { printTableName } from './table-name.js'

/**
 * The older version's enums as a rule file declares them: named as they were, with the labels of their shadow types, which
 * the older version does not have.
 *
 *     types: { mood: { shadow: hotswap.one_mood } }  =>  mood has the labels of hotswap.one_mood
 */
export function deriveOldTypes(after: Catalog, { types = [] }: RuleFile): Catalog {
  if (types.length === 0) return after
  const olds = new Map<number, NamedObject>()
  const shadows = new Map<number, NamedObject>()
  for (const rule of types) {
    const [now, shadow] = [findEnum(after, newName(rule)), findEnum(after, rule.shadow.value)]
    if (now === undefined || shadow === undefined) continue
    // Which new label an old one is is said by the columns' rules, or by its name: not by its oid.
    const { labelOids: _, ...rest } = now
    const { schema = now.schema, name } = rule.from.value
    const old = { ...rest, schema, name, shape: shadow.shape }
    olds.set(now.oid, old)
    shadows.set(shadow.oid, old)
    if (shadow.arrayOid !== undefined) shadows.set(shadow.arrayOid, old)
  }
  // A rule gives the shadow as a column's type, which was the enum itself.
  const inOldType = (column: Column): Column => {
    const old = shadows.get(column.typeOid)
    if (old === undefined) return column
    const isArray = column.type.endsWith('[]')
    const typeOid = isArray ? (old.arrayOid ?? 0) : old.oid
    return { ...column, typeOid, type: typeText(old) + (isArray ? '[]' : '') }
  }
  const objects = (after.objects ?? [])
    .filter(({ oid }) => !shadows.has(oid))
    .map((object) => olds.get(object.oid) ?? object)
  const relations = after.relations.map((relation) =>
    relation.columns.some(({ typeOid }) => shadows.has(typeOid))
      ? { ...relation, columns: relation.columns.map(inOldType) }
      : relation,
  )
  return makeCatalog({ ...after, relations, objects })
}

/** What of a file's types the database does not have after its migration. */
export function findMissingTypes(after: Catalog, file: RuleFile): Problem[] {
  const known = (after.objects ?? []).filter(isEnum).map(({ schema, name }) => printTableName({ schema, name }))
  const missing = (file.types ?? []).flatMap((rule): Problem[] => {
    if (findEnum(after, newName(rule)) !== undefined) return []
    const text = printTableName(newName(rule))
    const { place } = rule.to ?? rule.from
    return [{ place, message: `there is no enum "${text}"${suggestName(text, known)}` }]
  })
  return [...missing, ...findMissingShadows(after, file)]
}

export function findMissingShadows(after: Catalog, { types = [] }: RuleFile): Problem[] {
  return types.flatMap(({ shadow: { value, place } }): Problem[] => {
    if (findEnum(after, value) !== undefined) return []
    const { schema, name } = value
    const message = `there is no enum "${printTableName(value)}"; make it with the old labels in their order: CREATE TYPE ${qualifiedName(schema, name)} AS ENUM ('...'); GRANT USAGE ON SCHEMA ${schema ?? 'public'} TO PUBLIC`
    return [{ place, message }]
  })
}

/** The names that rule files give to shadow types, by the old enum. */
export function wantedShadow(files: readonly RuleFile[], { schema, name }: NamedObject): TableName | undefined {
  return files
    .flatMap(({ types = [] }) => types)
    .find(({ from: { value } }) => value.name === name && (value.schema ?? schema) === schema)?.shadow.value
}

/** Unqualified, `to` stays in the schema of the old one. */
function newName({ from, to }: TypeRule): TableName {
  return to === undefined ? from.value : { schema: to.value.schema ?? from.value.schema, name: to.value.name }
}

function isEnum({ kind }: NamedObject): boolean {
  return kind === 'enum'
}

/** Unqualified, the only one of that name, else public's. */
function findEnum({ objectsByName }: Catalog, { schema, name }: TableName): NamedObject | undefined {
  const named = (objectsByName.get(name) ?? []).filter(isEnum)
  if (schema !== undefined) return named.find((object) => object.schema === schema)
  return named.length === 1 ? named[0] : named.find((object) => object.schema === 'public')
}
