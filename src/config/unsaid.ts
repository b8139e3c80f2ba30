import { qualifiedName } from '../catalog/difference.js'
import { type BoundRule, oldColumnNames, vanishedColumns } from './fit-rule.js'
import { suggestName } from './nearest-name.js'
import type { Problem } from './problem.js'
import type { TypeTable } from './rule-server.js'

/**
 * What a rule must say where its migration is not known otherwise: the types of old columns that are not as they were,
 * and the order of the old columns where the new table does not show it.
 */
export function findUnsaid({ rule, relation }: BoundRule, types: TypeTable): Problem[] {
  const problems: Problem[] = []
  for (const { from, computed } of rule.columns) {
    if (computed === undefined) continue
    const type = computed.type === undefined ? undefined : types.get(computed.type.value)
    if (computed.type === undefined) {
      const message = `say the type that "${from.value}" had in the old version, e.g. type: text`
      problems.push({ place: computed.place, message })
    } else if (type !== undefined && 'problem' in type) {
      problems.push({ place: computed.type.place, message: type.problem })
    }
  }
  const names = oldColumnNames(rule, relation)
  const { order } = rule
  if (order === undefined) {
    if (isOrderKnown({ rule, relation })) return problems
    const message = `say in which order the old table had its columns, e.g. order: [${names.join(', ')}]; ${qualifiedName(relation)} does not show it`
    return [...problems, { place: rule.from.place, message }]
  }
  const listed = new Set<string>()
  for (const { value, place } of order.columns) {
    if (!names.includes(value)) {
      const message = `the old table had no column "${value}"${suggestName(value, names)}`
      problems.push({ place, message })
    }
    if (listed.has(value)) problems.push({ place, message: `"${value}" stands here twice` })
    listed.add(value)
  }
  const missing = names.filter((name) => !listed.has(name))
  if (missing.length > 0) {
    problems.push({
      place: order.place,
      message: `expected all old columns in their order: ${missing.join(', ')} is missing`,
    })
  }
  return problems
}

/**
 * A column that is gone may have stood anywhere, and one that is read from another may have been another column, which
 * was dropped: then a number is free before it.
 */
function isOrderKnown({ rule, relation }: BoundRule): boolean {
  if (vanishedColumns(rule, relation).length > 0) return false
  const used = new Set(relation.columns.map(({ attnum }) => attnum))
  return rule.columns.every(({ from, to, computed }) => {
    if (computed === undefined || to === undefined || to.value === from.value) return true
    const held = relation.columns.find(({ name }) => name === to.value)?.attnum ?? 0
    return Array.from({ length: held }, (_, index) => index + 1).every((attnum) => used.has(attnum))
  })
}
