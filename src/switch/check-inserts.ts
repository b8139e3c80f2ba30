import pg from 'pg'
import { qualifiedName } from '../catalog/difference.js'
import type { TextQuery } from '../catalog/introspect.js'
import type { Place, Problem } from '../config/problem.js'
import type { RuleFile } from '../config/rule-file.js'
import type { Generation } from '../rewrite/generation.js'
import { headIndex } from '../rewrite/generation.js'

/** Plans a statement without running it; gives the server's error, where it has one. */
export type TryStatement = (sql: string) => Promise<{ readonly sqlstate: string; readonly message: string } | undefined>

// What is wrong whatever the search_path of a client is: a type that does not fit, a literal that cannot be read.
const certain = /^(42804|22P02|22007|22008|22003|22001)$/

/**
 * Asks the server whether the values that rules give to new columns fit them, by planning an INSERT of each into the head:
 * a wrong one is an error at load, not of the first query.
 */
export async function checkInserts(
  tryStatement: TryStatement,
  generation: Generation,
  rules: readonly RuleFile[],
): Promise<Problem[]> {
  const head = generation.versions[headIndex(generation)]?.catalog
  const problems: Problem[] = []
  for (const [index, { mapping }] of generation.steps.entries()) {
    const version = generation.versions[index + 1]?.name ?? ''
    for (const { after, insert } of mapping.relations.values()) {
      const relation = head?.byOid.get(after.oid)
      for (const value of insert) {
        const attnum = after.columns.find((column) => column.name === value.column)?.attnum
        const column = relation?.columns.find((candidate) => candidate.attnum === attnum)
        if (relation === undefined || column === undefined) continue
        const table = `${pg.escapeIdentifier(relation.schema)}.${pg.escapeIdentifier(relation.name)}`
        const error = await tryStatement(
          `EXPLAIN INSERT INTO ${table} (${pg.escapeIdentifier(column.name)}) VALUES ((${value.expression}))`,
        )
        if (error === undefined || !certain.test(error.sqlstate)) continue
        const message = `the value for ${qualifiedName(after)}.${value.column} does not fit: ${error.message}`
        problems.push({ place: placeOf(rules, version, value.column, value.expression), message })
      }
    }
  }
  return problems
}

/** Where a rule gives this value; a migration's own rules are known by its version alone. */
function placeOf(rules: readonly RuleFile[], version: string, column: string, expression: string): Place {
  const file = rules.find((rule) => rule.version === version)
  const inserts = file?.tables.flatMap((table) => table.insert) ?? []
  const found = inserts.find((insert) => insert.column.value === column && insert.expression.value === expression)
  return found?.expression.place ?? { file: file?.file ?? version, line: 1, column: 1 }
}

/** On a connection of our own, outside a transaction. */
export function tryOn(query: TextQuery): TryStatement {
  return async (sql) => {
    try {
      await query(sql)
      return undefined
    } catch (error) {
      const { code, message } = error as { code?: string; message: string }
      if (code === undefined) throw error
      return { sqlstate: code, message }
    }
  }
}
