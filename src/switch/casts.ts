import type { Relation } from '../catalog/catalog.js'
import { type Difference, qualifiedName } from '../catalog/difference.js'
import type { Place, Problem } from '../config/problem.js'
import type { RuleFile } from '../config/rule-file.js'
import type { Generation } from '../rewrite/generation.js'
import type { ColumnMapping, Mapping, RelationMapping } from '../rewrite/mapping.js'
import type { TryStatement } from './check-inserts.js'

/** A statement that fails where one type cannot be cast to the other and back. */
export function bothCasts(before: string, after: string): string {
  return `SELECT NULL::${after}::${before}, NULL::${before}::${after}`
}

export function noCast(before: string, after: string): string {
  return `PostgreSQL has no cast from ${after} to ${before} and back: give a rule with "read" and "write"`
}

/** A column whose type changed, and which no cast reads or writes. */
export interface MissingCast {
  readonly relation: Relation
  /** By its old name. */
  readonly column: string
  /** The old type. */
  readonly type: string
  readonly difference: Difference
}

/** The columns of one step that identity alone reads by a cast that the server does not have. */
export async function findMissingCasts(tryStatement: TryStatement, { relations }: Mapping): Promise<MissingCast[]> {
  const known = new Map<string, boolean>()
  const missing: MissingCast[] = []
  for (const relation of relations.values()) {
    for (const [name, column] of relation.columns) {
      const types = castTypes(relation, column)
      if (types === undefined || (await isCast(tryStatement, known, types))) continue
      const rule = { columns: { [name]: { type: types.before, read: '...', write: '...' } } }
      const what = `PostgreSQL has no cast from ${types.after} to ${types.before} and back`
      const hint = 'give a rule with "read" and "write"'
      const difference = { relation: qualifiedName(relation.before), column: name, what, hint, rule }
      missing.push({ relation: relation.before, column: name, type: types.before, difference })
    }
  }
  return missing
}

async function isCast(
  tryStatement: TryStatement,
  known: Map<string, boolean>,
  types: { readonly before: string; readonly after: string },
): Promise<boolean> {
  const statement = bothCasts(types.before, types.after)
  // 42846: cannot cast.
  const exists = known.get(statement) ?? (await tryStatement(statement))?.sqlstate !== '42846'
  known.set(statement, exists)
  return exists
}

/** Asks the server whether the casts that stand in for rules exist; a missing one is a problem of the step's file. */
export async function checkCasts(
  tryStatement: TryStatement,
  generation: Generation,
  rules: readonly RuleFile[],
): Promise<Problem[]> {
  const known = new Map<string, boolean>()
  const problems: Problem[] = []
  for (const [index, { mapping }] of generation.steps.entries()) {
    const version = generation.versions[index + 1]?.name ?? ''
    const place: Place = { file: rules.find((rule) => rule.version === version)?.file ?? version, line: 1, column: 1 }
    for (const relation of mapping.relations.values()) {
      for (const [name, column] of relation.columns) {
        const types = castTypes(relation, column)
        if (types === undefined || (await isCast(tryStatement, known, types))) continue
        const message = `${qualifiedName(relation.before)}.${name}: ${noCast(types.before, types.after)}`
        problems.push({ place, message })
      }
    }
  }
  return problems
}

/** The types of a column that is read by a cast alone. */
function castTypes(relation: RelationMapping, column: ColumnMapping) {
  if (column.kind === 'column') return undefined
  const [only, ...others] = column.read
  if (others.length > 0 || only === undefined || typeof only === 'string') return undefined
  const after = relation.after.columns.find(({ name }) => name === only.column)?.type
  return after === undefined || after === column.type ? undefined : { before: column.type, after }
}
