import type { Relation } from '../catalog/catalog.js'
import { qualifiedName } from '../catalog/difference.js'
import { suggestName } from '../config/nearest-name.js'
import type { Problem } from '../config/problem.js'
import type { TableRule } from '../config/rule-file.js'
import { printTableName } from '../config/table-name.js'

/** What a table's rule says otherwise than the relation shows before and after its migration. */
export function findContradictions(old: Relation, now: Relation, rule: TableRule): Problem[] {
  const problems: Problem[] = []
  const to = rule.to?.value
  if (to !== undefined && (to.name !== now.name || (to.schema ?? old.schema) !== now.schema)) {
    problems.push({
      place: rule.to?.place ?? rule.from.place,
      message: `the rule says that "${old.name}" becomes "${printTableName(to)}", but the migration made it ${qualifiedName(now)}`,
    })
  }
  // The columns of a relation that was made again are numbered anew.
  const names = new Map(old.oid === now.oid ? now.columns.map((column) => [column.attnum, column.name]) : [])
  for (const { from, to, computed } of rule.columns) {
    const column = old.columns.find(({ name }) => name === from.value)
    if (column === undefined) {
      const known = old.columns.map((known) => known.name)
      const message = `${qualifiedName(old)} has no column "${from.value}"${suggestName(from.value, known)}`
      problems.push({ place: from.place, message })
      continue
    }
    const name = names.get(column.attnum)
    // A computed column may be kept in another one than it was.
    if (computed === undefined && to !== undefined && name !== undefined && name !== to.value) {
      const message = `the rule says that "${from.value}" becomes "${to.value}", but after the migration it is "${name}"`
      problems.push({ place: to.place, message })
    }
    if (computed?.dropped === true && name !== undefined) {
      const message = `the rule says that "${from.value}" was dropped, but after the migration it is "${name}"`
      problems.push({ place: from.place, message })
    }
  }
  const added = new Set(now.columns.map((column) => column.name))
  for (const { value, place } of rule.added) {
    if (!added.has(value)) problems.push({ place, message: `the migration added no column "${value}"` })
  }
  return problems
}
