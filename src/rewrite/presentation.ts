import type { Relation } from '../catalog/catalog.js'
import { findRemade } from '../catalog/diff.js'
import type { Namespace } from '../resolve/namespace.js'
import { lookUpRelation } from '../resolve/namespace.js'
import type { RangeVariable } from '../resolve/range-variable.js'
import type { FunctionRangeReference, RangeReference, Reference } from '../resolve/reference.js'
import { findRange } from '../resolve/scope.js'
import { type ChangeFacts, factsOf } from './change-facts.js'
import type { RelationMapping } from './mapping.js'
import type { StepFacts } from './plan-context.js'
import { rawColumns } from './raw-columns.js'
import { referencesByRange } from './references-of-range.js'
import { isUnlistable, rangesOfStar } from './star-list.js'

/**
 * How a range variable of a changed relation is shown to the rest of its statement.
 *
 * - `columns`: under its old column names, by a column alias list: `people AS users(id, name)`. PostgreSQL then
 *   resolves every name as it did on the old schema, and the relation stays itself (row locks, GROUP BY on a key,
 *   table oids, indexes). Columns that the old version lacks get names that no statement uses.
 * - `derived`: as a subquery with the old columns, where a computed column is used, or columns are counted by position or
 *   all shown. PostgreSQL pulls it up: indexes, row locks and the table's oid survive it, a GROUP BY on a key does not.
 * - `plain`: by its new name alone; references are edited one by one. A DML target cannot have column aliases.
 */
export interface Shown {
  readonly as: 'columns' | 'derived' | 'plain'
  readonly change: RelationMapping | undefined
  /** The relation as the newer version has it. */
  readonly relation: Relation
  /** True where the name in the text must change. */
  readonly renamed: boolean
  /** The name that qualified references use after the rewrite. */
  readonly name: string
  /** True where an alias is added to a range variable that had none. */
  readonly aliasAdded: boolean
  /** System columns that a derived table has to show. */
  readonly systemColumns: ReadonlySet<string>
  /** Indexes of the old columns that a derived table has to show; undefined for all of them. */
  readonly columns: ReadonlySet<number> | undefined
  /** Old columns that a derived table shows as their key column: each reference reads them as the old type. */
  readonly raw: ReadonlySet<string>
}

/** Decides for every range variable that has text of its own and does not stay as it is. */
export function presentRanges(
  references: readonly Reference[],
  step: StepFacts,
  namespace: Namespace,
  mentioned: (names: ReadonlySet<string>) => boolean,
): ReadonlyMap<RangeVariable, Shown> {
  const after: Namespace = { ...namespace, catalog: step.after }
  const shown = new Map<RangeVariable, Shown>()
  const referencesOf = referencesByRange(references)
  for (const reference of references) {
    if (reference.kind !== 'range' && reference.kind !== 'function-range') continue
    const uses = referencesOf(reference.range)
    const presented =
      reference.kind === 'range'
        ? presentRange(reference, uses, step, after, mentioned)
        : presentFunction(reference, uses, step, mentioned)
    if (presented !== undefined) shown.set(reference.range, presented)
  }
  for (const [range, raw] of rawColumns(references, step, shown)) {
    const presented = shown.get(range)
    if (presented !== undefined) shown.set(range, { ...presented, raw })
  }
  return shown
}

function presentRange(
  reference: RangeReference,
  references: readonly Reference[],
  step: StepFacts,
  after: Namespace,
  mentioned: (names: ReadonlySet<string>) => boolean,
): Shown | undefined {
  const { range, node } = reference
  const before = range.relation
  // A temporary relation has an oid that no catalog knows and is never part of a step.
  if (before === undefined || step.before.byOid.get(before.oid) !== before) return undefined
  const change = step.mapping.relations.get(before.oid)
  const relation = change?.after ?? step.after.byOid.get(before.oid) ?? findRemade(before, step.before, step.after)
  if (relation === undefined) return undefined
  const found = lookUpRelation(after, node.schemaname, node.relname ?? '')
  const renamed = found !== relation
  const as =
    change === undefined ? 'plain' : presentationOf(range, change, factsOf(step, change), references, mentioned)
  if (!renamed && as === 'plain' && change === undefined) return undefined
  const unaliased = node.alias === undefined
  const nameChanged = renamed && relation.name !== node.relname
  const aliasAdded = unaliased && range.role !== 'name' && (nameChanged || as !== 'plain')
  const collides =
    aliasAdded &&
    (reference.siblings.some((other) => other.name === range.name && other.schema !== range.schema) ||
      references.some((use) => isShadowed(use, range)))
  const name = collides ? `${before.schema}.${before.name}` : (range.name ?? before.name)
  const systemColumns = as === 'derived' ? systemColumnsOf(range, references) : NONE
  const columns = as === 'derived' ? usedColumns(range, references, mentioned) : undefined
  return { as, change, relation, renamed, name, aliasAdded, systemColumns, columns, raw: NONE }
}

/** True where only the schema tells a reference from one to a nearer range variable of that name: an alias has none. */
function isShadowed(use: Reference, range: RangeVariable): boolean {
  if ((use.kind !== 'column' && use.kind !== 'whole-row') || use.range !== range) return false
  return (use.node.fields?.length ?? 0) > 2 && findRange(use.scope, undefined, range.name ?? '') !== range
}

function systemColumnsOf(range: RangeVariable, references: readonly Reference[]): ReadonlySet<string> {
  return new Set(
    references.flatMap((reference) =>
      reference.kind === 'system-column' && reference.range === range ? [reference.name] : [],
    ),
  )
}

/** The columns that a statement uses, where all of its uses are known: the role may not be allowed to read others. */
function usedColumns(
  range: RangeVariable,
  references: readonly Reference[],
  mentioned: (names: ReadonlySet<string>) => boolean,
): ReadonlySet<number> | undefined {
  if (range.aliased > 0 || range.inJoin !== undefined || mentioned(NATURAL)) return undefined
  const used = new Set<number>()
  for (const reference of references) {
    switch (reference.kind) {
      case 'column':
        if (reference.range === range) used.add(reference.index)
        break
      case 'merged':
        for (const side of [reference.left, reference.right]) if (side.range === range) used.add(side.index)
        break
      case 'star':
        if (rangesOfStar(reference).has(range)) return undefined
        break
      case 'whole-row':
        if (reference.range === range) return undefined
        break
      case 'uncertain':
      case 'ambiguous':
      case 'unfollowed':
        return undefined
    }
  }
  return used.size === 0 ? undefined : used
}

/** The rows of a function keep the function's name, and get a column alias list where their relation changed. */
function presentFunction(
  { range, node }: FunctionRangeReference,
  references: readonly Reference[],
  step: StepFacts,
  mentioned: (names: ReadonlySet<string>) => boolean,
): Shown | undefined {
  const change = range.relation === undefined ? undefined : step.mapping.relations.get(range.relation.oid)
  if (change === undefined) return undefined
  const as = presentationOf(range, change, factsOf(step, change), references, mentioned)
  const aliasAdded = node.alias === undefined && as !== 'plain'
  return {
    as,
    change,
    relation: change.after,
    renamed: false,
    name: range.name ?? '',
    aliasAdded,
    systemColumns: NONE,
    columns: undefined,
    raw: NONE,
  }
}

function presentationOf(
  range: RangeVariable,
  change: RelationMapping,
  facts: ChangeFacts,
  references: readonly Reference[],
  mentioned: (names: ReadonlySet<string>) => boolean,
): Shown['as'] {
  if (range.role !== 'from' && range.role !== 'function') return 'plain'
  const columnsRenamed = facts.otherColumns
  if (reachesComputed(range, change, facts, references, mentioned)) return 'derived'
  const rowUses = references.flatMap((reference) =>
    reference.kind === 'whole-row' && reference.range === range ? [reference.use] : [],
  )
  const gained = facts.reshaped || change.added.length > 0
  // The row of a table is built where it is used; that of a view has no tableoid to tell a row from none.
  const built = change.before.kind !== 'view'
  if (!built && (columnsRenamed || gained) && rowUses.includes('names')) return 'derived'
  const fieldsSeen = (!built && rowUses.includes('value')) || rowUses.includes('fields')
  if (
    gained &&
    (fieldsSeen ||
      range.inJoin === 'by position' ||
      isInUnlistableStar(range, references) ||
      isInJoinRow(range, references))
  ) {
    return 'derived'
  }
  if (!columnsRenamed && !gained) return 'plain'
  if (!isShownWhole(range, references) && range.aliased === 0 && range.inJoin === undefined) {
    return mentioned(facts.changedNames) || mentioned(NATURAL) ? 'columns' : 'plain'
  }
  // Inside of a join alias a new column could make a name of the other side ambiguous.
  if (columnsRenamed || (gained && range.inJoin !== undefined)) return 'columns'
  // Columns that were only added meet nothing, unless a name in the statement could mean them.
  return gained && (mentioned(facts.changedNames) || mentioned(NATURAL)) ? 'columns' : 'plain'
}

/** Whether all columns of a range variable are used at once, without being named. */
function isShownWhole(range: RangeVariable, references: readonly Reference[]): boolean {
  return references.some(
    (reference) =>
      (reference.kind === 'whole-row' && reference.range === range) ||
      (reference.kind === 'star' && rangesOfStar(reference).has(range)),
  )
}

/** Whether the statement uses a column of this range variable that no new column is. */
function reachesComputed(
  range: RangeVariable,
  change: RelationMapping,
  { computed }: ChangeFacts,
  references: readonly Reference[],
  mentioned: (names: ReadonlySet<string>) => boolean,
): boolean {
  if (computed.length === 0) return false
  const names = new Set(computed.map((index) => range.columns?.[index] ?? change.before.columns[index]?.name ?? ''))
  // The columns of a join alias are used without a reference of their own.
  if (range.inJoin !== undefined || mentioned(NATURAL)) return true
  return references.some((reference) => {
    switch (reference.kind) {
      case 'column':
        return reference.range === range && names.has(reference.name)
      case 'merged':
        return [reference.left, reference.right].some((side) => side.range === range && names.has(side.name))
      case 'uncertain':
        return names.has(reference.name)
      case 'ambiguous':
        return reference.ranges.includes(range) && names.has(reference.name)
      case 'whole-row':
        // A function of the table's row type is given the row as it is.
        return reference.range === range && reference.use !== 'count' && reference.use !== 'argument'
      case 'star':
        return rangesOfStar(reference).has(range)
      default:
        return false
    }
  })
}

function isInUnlistableStar(range: RangeVariable, references: readonly Reference[]): boolean {
  return references.some(
    (reference) => reference.kind === 'star' && isUnlistable(reference) && rangesOfStar(reference).has(range),
  )
}

/** The row of a join alias has the columns of both sides. */
function isInJoinRow(range: RangeVariable, references: readonly Reference[]): boolean {
  const holds = (join: RangeVariable): boolean =>
    (join.joined ?? []).some((column) => column.range === range || holds(column.range))
  return references.some((reference) => reference.kind === 'whole-row' && holds(reference.range))
}

/** The key word of joins that compare all columns of one name. */
export const NATURAL: ReadonlySet<string> = new Set(['natural'])
const NONE: ReadonlySet<string> = new Set()
