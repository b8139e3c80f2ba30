import type { Relation } from './catalog.js'
import type { ChangedRelation, Declared } from './diff.js'
import { diffConstraints, diffUniqueIndexes } from './diff-constraints.js'
import { type Difference, qualifiedName } from './difference.js'

/** A relation's kind, for messages. */
export const relationWords = {
  table: 'table',
  partitioned: 'partitioned table',
  view: 'view',
  materialized: 'materialized view',
  foreign: 'foreign table',
  sequence: 'sequence',
  composite: 'composite type',
} as const satisfies Record<Relation['kind'], string>

/**
 * What old statements on a relation would not survive, besides what its columns are now and what their defaults give.
 * What rules declare to mean the same is not judged.
 */
export function diffRelation(change: ChangedRelation, declared: Declared): Difference[] {
  const { before, after } = change
  const relation = qualifiedName(before)
  const differences: Difference[] = []
  const same = { same_meaning: true }
  const refuse = (what: string, hint: string, column?: string) =>
    differences.push(
      column === undefined
        ? { relation, what, hint, rule: same }
        : { relation, column, what, hint, rule: { columns: { [column]: same } } },
    )

  if (declared.allSame) return differences
  if (before.kind !== after.kind) {
    refuse(
      `the ${relationWords[before.kind]} became a ${relationWords[after.kind]}`,
      `where old statements read and write it alike, say so: tables: { ${before.name}: { same_meaning: true } }`,
    )
  }
  if (before.parents.join() !== after.parents.join()) {
    refuse(
      'its parent table or partition changed',
      'rows would appear in or vanish from old queries on the parent: do it when no client speaks the old version',
    )
  }
  const security = diffRowSecurity(before.rowSecurity, after.rowSecurity)
  if (security !== undefined) {
    refuse(
      security,
      `old clients may read and write other rows then: do it when none speaks the old version, or say that they do not: tables: { ${before.name}: { same_meaning: true } }`,
    )
  }
  for (const { before: column, after: now } of change.columns) {
    if (declared.same.has(column.name) || declared.computed.has(column.name)) continue
    const isSettled = `say that they do not: columns: { ${column.name}: { same_meaning: true } }`
    if (!column.notNull && now.notNull) {
      refuse('it became NOT NULL', `old statements may still write NULL; ${isSettled}`, column.name)
    }
    if (column.notNull && !now.notNull) {
      refuse(
        'it is no longer NOT NULL',
        `old clients would read NULLs that they do not expect; ${isSettled}`,
        column.name,
      )
    }
  }
  for (const { what, hint } of diffConstraints(change, declared)) refuse(what, hint)
  for (const { what, hint } of diffUniqueIndexes(change, declared)) refuse(what, hint)
  return differences
}

function diffRowSecurity(
  before: readonly string[] | undefined,
  after: readonly string[] | undefined,
): string | undefined {
  if (before === undefined && after === undefined) return undefined
  if (before === undefined) return 'row level security was enabled'
  if (after === undefined) return 'row level security was disabled'
  if (before[0] !== after[0])
    return `row level security is ${after[0] === 'forced' ? 'forced' : 'no longer forced'} for its owner`
  return before.join('\n') === after.join('\n') ? undefined : 'its policies changed'
}
