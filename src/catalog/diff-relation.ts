import type { Column, Constraint, Index, Relation } from './catalog.js'
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

/** What old statements on a relation would not survive. */
export function diffRelation(before: Relation, after: Relation): Difference[] {
  const relation = qualifiedName(before)
  const differences: Difference[] = []
  const refuse = (what: string, hint: string, column?: string) =>
    differences.push(column === undefined ? { relation, what, hint } : { relation, column, what, hint })

  if (before.kind !== after.kind) {
    refuse(`the ${relationWords[before.kind]} became a ${relationWords[after.kind]}`, 'this is not supported yet')
  }
  if (before.parents.join() !== after.parents.join()) {
    refuse(
      'its parent table or partition changed',
      'rows would appear in or vanish from old queries on the parent: do it when no client speaks the old version',
    )
  }
  const now = new Map(after.columns.map((column) => [column.attnum, column]))
  for (const column of before.columns) {
    const other = now.get(column.attnum)
    if (other === undefined) continue
    for (const [what, hint] of diffColumn(column, other)) refuse(what, hint, column.name)
  }
  for (const [what, hint] of diffConstraints(before.constraints, after.constraints)) refuse(what, hint)
  for (const [what, hint] of diffUniqueIndexes(before, after)) refuse(what, hint)
  return differences
}

type Finding = readonly [what: string, hint: string]

function diffColumn(before: Column, after: Column): Finding[] {
  const findings: Finding[] = []
  if (!before.notNull && after.notNull) {
    findings.push([
      'it became NOT NULL',
      'old statements may still write NULL: do it when no client speaks the old version',
    ])
  }
  if (before.notNull && !after.notNull) {
    findings.push([
      'it is no longer NOT NULL',
      'old clients do not expect NULL: do it when no client speaks the old version',
    ])
  }
  if (before.identity !== after.identity || before.generated !== after.generated) {
    findings.push([
      'its identity or generation changed',
      'old INSERTs would give other values or fail: do it when no client speaks the old version',
    ])
  } else if (before.defaultTree !== after.defaultTree || before.hasDefault !== after.hasDefault) {
    findings.push([
      after.hasDefault ? 'its default changed' : 'its default was dropped',
      'old INSERTs rely on the default: do it when no client speaks the old version',
    ])
  }
  return findings
}

function diffConstraints(before: readonly Constraint[], after: readonly Constraint[]): Finding[] {
  const judged = (constraint: Constraint) => constraint.kind !== 'not null'
  const lost = unmatched(before.filter(judged), after)
  const gained = unmatched(after.filter(judged), before)
  return [
    ...lost.map(
      (c): Finding => [
        `the ${constraintWords[c.kind]} "${c.name}" was dropped or changed`,
        'old statements may rely on it: keep it until no client speaks the old version',
      ],
    ),
    ...gained.map(
      (c): Finding => [
        `a new ${constraintWords[c.kind]} "${c.name}": ${c.definition}`,
        'old statements may violate it: add it when no client speaks the old version',
      ],
    ),
  ]
}

const constraintWords = {
  primary: 'primary key',
  unique: 'unique constraint',
  foreign: 'foreign key',
  check: 'check constraint',
  exclusion: 'exclusion constraint',
  'not null': 'not-null constraint',
  trigger: 'constraint trigger',
} as const satisfies Record<Constraint['kind'], string>

/** Unique indexes that no constraint owns; an index that a constraint owns has its name and is judged with it. */
function diffUniqueIndexes(before: Relation, after: Relation): Finding[] {
  const own = (relation: Relation) => {
    const owned = new Set(relation.constraints.map((constraint) => constraint.name))
    return relation.indexes.filter((index) => index.unique && !owned.has(index.name))
  }
  return [
    ...unmatched(own(before), own(after)).map(
      (index): Finding => [
        `the unique index "${index.name}" was dropped or changed`,
        'ON CONFLICT of old statements may need it: keep it until no client speaks the old version',
      ],
    ),
    ...unmatched(own(after), own(before)).map(
      (index): Finding => [
        `a new unique index "${index.name}"`,
        'old statements may violate it: add it when no client speaks the old version',
      ],
    ),
  ]
}

/** Those of `some` that `others` does not have: by oid, or dropped and made again with the same shape. */
function unmatched<T extends Constraint | Index>(some: readonly T[], others: readonly T[]): T[] {
  const shapeOf = (thing: T) => thing.shape ?? thing.definition
  const byOid = new Map(others.map((thing) => [thing.oid, shapeOf(thing)]))
  const remade = new Set(others.map((thing) => `${thing.name} ${shapeOf(thing)}`))
  return some.filter(
    (thing) => byOid.get(thing.oid) !== shapeOf(thing) && !remade.has(`${thing.name} ${shapeOf(thing)}`),
  )
}
