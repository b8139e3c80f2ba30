import type { Catalog, Relation } from '../catalog/catalog.js'
import { qualifiedName } from '../catalog/difference.js'
import type { TextQuery } from '../catalog/introspect.js'
import { suggestName } from '../config/nearest-name.js'
import type { Checked, Problem } from '../config/problem.js'
import type { RuleFile, TableRule } from '../config/rule-file.js'
import { findTable, printTableName, tableNames } from '../config/table-name.js'
import { mapObjects } from '../rewrite/object-mapping.js'
import type { RelationRules, StepRules } from '../rewrite/plan-step.js'
import { loadParser, type Parser } from '../sql/parse.js'
import { bindColumns } from './bind-column.js'
import { bindMerged } from './bind-merged.js'
import { findContradictions } from './rule-contradictions.js'
import { type Scratch, withScratch } from './scratch.js'

/**
 * What a rule file adds to what identity shows of a step, with its expressions checked and pinned by the server. The
 * database need not have the relations of the step, only their types and the functions: a step in the middle of a chain
 * binds at the head. What the file says besides must be what the two catalogs show.
 *
 *     name: { type: text, read: "first || ' ' || last", write: { first: ..., last: ... } }  =>  a ComputedColumn
 */
export async function bindRules(
  query: TextQuery,
  before: Catalog,
  after: Catalog,
  file: RuleFile,
  known?: Parser,
): Promise<Checked<StepRules>> {
  const parser = known ?? (await loadParser())
  const problems: Problem[] = []
  // Old types as the newer version calls them.
  const older = mapObjects(before, after).before
  const tables = file.tables.flatMap((rule) => {
    const old = findTable(older, tableNames(rule).before)
    const now = old === undefined ? undefined : (after.byOid.get(old.oid) ?? findTable(after, tableNames(rule).after))
    if (old === undefined || now === undefined) {
      problems.push(missingTable(before, rule))
      return []
    }
    problems.push(...findContradictions(old, now, rule))
    return [{ rule, old, now }]
  })
  if (problems.length > 0) return { ok: false, problems }
  const bound = new Map<number, RelationRules>()
  const bindTables = async (scratch: Scratch | undefined) => {
    for (const table of tables) {
      const rules = await bindTable(table, scratch, parser, problems)
      if (rules !== undefined) bound.set(table.old.oid, rules)
    }
  }
  const hasExpressions = file.tables.some(
    ({ columns, merged }) => merged.length > 0 || columns.some((column) => column.computed ?? column.default),
  )
  if (hasExpressions) await withScratch(query, bindTables)
  else await bindTables(undefined)
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: bound }
}

interface BoundTable {
  readonly rule: TableRule
  readonly old: Relation
  readonly now: Relation
}

/** Undefined where the rule adds nothing to what identity shows. */
async function bindTable(
  { rule, old, now }: BoundTable,
  scratch: Scratch | undefined,
  parser: Parser,
  problems: Problem[],
): Promise<RelationRules | undefined> {
  const insert = rule.insert.map(({ column, expression }) => ({ column: column.value, expression: expression.value }))
  const { columns, defaults } =
    scratch === undefined
      ? { columns: new Map(), defaults: new Map() }
      : await bindColumns({ scratch, parser, rule, old, now, problems })
  const merged = scratch === undefined ? [] : await bindMerged({ scratch, parser, rule, old, now, problems })
  const same = new Set(rule.columns.filter(({ sameMeaning }) => sameMeaning).map(({ from }) => from.value))
  const renamed = renamedColumns(rule, old, now)
  const isRemade = old.oid !== now.oid || renamed.size > 0
  if (insert.length === 0 && merged.length === 0 && columns.size === 0 && defaults.size === 0 && same.size === 0) {
    if (!rule.sameMeaning && !isRemade && !rule.independent) return undefined
  }
  return {
    insert,
    columns,
    defaults,
    ...(merged.length > 0 ? { merged } : {}),
    same: { relation: rule.sameMeaning, columns: same },
    ...(rule.independent ? { independent: true } : {}),
    ...(isRemade ? { remade: { oid: now.oid, renamed } } : {}),
  }
}

/** By old name, what only the rule shows: of a relation or column that was dropped and made again. */
function renamedColumns({ columns }: TableRule, old: Relation, now: Relation): ReadonlyMap<string, string> {
  const kept = new Set(old.oid === now.oid ? now.columns.map(({ attnum }) => attnum) : [])
  return new Map(
    columns.flatMap(({ from, to, computed }) => {
      const column = old.columns.find(({ name }) => name === from.value)
      if (to === undefined || column === undefined || kept.has(column.attnum)) return []
      return computed === undefined || old.oid !== now.oid ? [[from.value, to.value] as const] : []
    }),
  )
}

function missingTable(catalog: Catalog, rule: TableRule): Problem {
  const name = printTableName(rule.from.value)
  const known = catalog.relations.flatMap((relation) => [relation.name, qualifiedName(relation)])
  return { place: rule.from.place, message: `there is no table "${name}"${suggestName(name, known)}` }
}
