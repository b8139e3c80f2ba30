import type { Catalog } from '../catalog/catalog.js'
import { qualifiedName } from '../catalog/difference.js'
import { heldColumns } from '../config/fit-rule.js'
import { suggestName } from '../config/nearest-name.js'
import type { Checked, Problem } from '../config/problem.js'
import type { RuleFile, TableRule } from '../config/rule-file.js'
import { findTable, printTableName, tableNames } from '../config/table-name.js'
import type { StepRules } from '../rewrite/plan-step.js'

/**
 * What a rule file adds to what identity shows of a migration: the values for its new columns. What else it says must
 * be what the migration did.
 */
export function bindInserts(before: Catalog, after: Catalog, file: RuleFile): Checked<StepRules> {
  const problems: Problem[] = []
  const inserts = new Map(
    file.tables.flatMap((rule) => {
      const old = findTable(before, tableNames(rule).before)
      if (old === undefined) {
        const name = printTableName(rule.from.value)
        const known = before.relations.flatMap((relation) => [relation.name, qualifiedName(relation)])
        problems.push({ place: rule.from.place, message: `there is no table "${name}"${suggestName(name, known)}` })
        return []
      }
      problems.push(...contradictions(before, after, old.oid, rule))
      const insert = rule.insert.map(({ column, expression }) => ({
        column: column.value,
        expression: expression.value,
      }))
      return insert.length === 0 ? [] : [[old.oid, { insert, columns: new Map() }] as const]
    }),
  )
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: inserts }
}

function contradictions(before: Catalog, after: Catalog, oid: number, rule: TableRule): Problem[] {
  const old = before.byOid.get(oid)
  const now = after.byOid.get(oid)
  if (old === undefined || now === undefined) return []
  const problems: Problem[] = []
  const to = rule.to?.value
  if (to !== undefined && (to.name !== now.name || (to.schema ?? old.schema) !== now.schema)) {
    problems.push({
      place: rule.to?.place ?? rule.from.place,
      message: `the rule says that "${old.name}" becomes "${printTableName(to)}", but the migration made it ${qualifiedName(now)}`,
    })
  }
  const names = new Map(now.columns.map((column) => [column.attnum, column.name]))
  for (const { from, to: target } of heldColumns(rule)) {
    const column = old.columns.find(({ name }) => name === from.value)
    const name = column === undefined ? undefined : names.get(column.attnum)
    if (column === undefined) {
      const known = old.columns.map((known) => known.name)
      const message = `${qualifiedName(old)} has no column "${from.value}"${suggestName(from.value, known)}`
      problems.push({ place: from.place, message })
    } else if (name !== undefined && name !== target.value) {
      const message = `the rule says that "${from.value}" becomes "${target.value}", but after the migration it is "${name}"`
      problems.push({ place: target.place, message })
    }
  }
  const added = new Set(now.columns.map((column) => column.name))
  for (const { value, place } of rule.added) {
    if (!added.has(value)) problems.push({ place, message: `the migration added no column "${value}"` })
  }
  return problems
}
