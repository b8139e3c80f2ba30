import { type Catalog, makeCatalog, type NamedObject } from '../catalog/catalog.js'
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
  const shadows = new Set<number>()
  for (const rule of types) {
    const [now, shadow] = [findEnum(after, newName(rule)), findEnum(after, rule.shadow.value)]
    if (now === undefined || shadow === undefined) continue
    // Which new label an old one is is said by the columns' rules, or by its name: not by its oid.
    const { labelOids: _, ...rest } = now
    const { schema = now.schema, name } = rule.from.value
    olds.set(now.oid, { ...rest, schema, name, shape: shadow.shape })
    shadows.add(shadow.oid)
  }
  const objects = (after.objects ?? [])
    .filter(({ oid }) => !shadows.has(oid))
    .map((object) => olds.get(object.oid) ?? object)
  return makeCatalog({ ...after, objects })
}

/** What of a file's types the database does not have. */
export function findMissingTypes(after: Catalog, { types = [] }: RuleFile): Problem[] {
  const known = (after.objects ?? []).filter(isEnum).map(({ schema, name }) => printTableName({ schema, name }))
  return types.flatMap((rule): Problem[] => {
    const missing: Problem[] = []
    const now = newName(rule)
    if (findEnum(after, now) === undefined) {
      const text = printTableName(now)
      const { place } = rule.to ?? rule.from
      missing.push({ place, message: `there is no enum "${text}"${suggestName(text, known)}` })
    }
    if (findEnum(after, rule.shadow.value) === undefined) {
      const { schema, name } = rule.shadow.value
      const message = `there is no enum "${printTableName(rule.shadow.value)}"; make it with the old labels in their order: CREATE TYPE ${qualifiedName(schema, name)} AS ENUM ('...'); GRANT USAGE ON SCHEMA ${schema ?? 'public'} TO PUBLIC`
      missing.push({ place: rule.shadow.place, message })
    }
    return missing
  })
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
