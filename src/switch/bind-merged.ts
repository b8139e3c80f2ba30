import pg from 'pg'
import type { ColumnWrite } from '../rewrite/mapping.js'
import { sourcesOf } from '../rewrite/merged-column.js'
import { bindAs } from './bind-as.js'
import { newColumn, readCollations, type TableContext } from './bind-column.js'
import { columnDefinition } from './bind-expression.js'

/**
 * Binds the new columns that a table's rule makes of several old ones: expressions over the old row. What is wrong with
 * them is added to the problems.
 *
 *     write: { name: "first || ' ' || last" }
 */
export async function bindMerged(context: TableContext): Promise<readonly ColumnWrite[]> {
  const { rule, old, scratch, problems } = context
  if (rule.merged.length === 0) return []
  const known = problems.length
  const bound: ColumnWrite[] = []
  const collations = await readCollations(scratch)
  const bindAll = await scratch.attempt(async () => {
    const shown = old.columns.map((column) =>
      columnDefinition(column.name, column.type, collations.get(column.collationOid)),
    )
    await scratch.query(`CREATE TEMPORARY TABLE hotswap_old (${shown.join(', ')})`)
    const row = {
      from: `pg_temp.hotswap_old AS ${pg.escapeIdentifier(old.name)}`,
      columns: old.columns.map(({ name }) => name),
    }
    for (const { column, expression } of rule.merged) {
      const target = newColumn(context, column)
      const found = target && (await bindAs(context, expression, row, target))
      if (found === undefined) continue
      if (sourcesOf({ expression: found }).size > 0) bound.push({ column: column.value, expression: found })
      else problems.push({ place: expression.place, message: 'expected an expression over the old columns' })
    }
  })
  if (!bindAll.ok) problems.push({ place: rule.from.place, message: bindAll.error.message })
  if (problems.length > known) return []
  const used = new Set(bound.flatMap((one) => [...sourcesOf(one)]))
  for (const { from, computed } of rule.columns) {
    if (computed?.merged !== true || used.has(from.value)) continue
    const message = `the "write" of the table does not use "${from.value}": give it a "write" of its own, dropped: true or read_only: true`
    problems.push({ place: from.place, message })
  }
  return bound
}
