import { locationOf } from '../resolve/node.js'
import type { RangeVariable } from '../resolve/range-variable.js'
import type {
  AbsentReference,
  AmbiguousReference,
  ColumnReference,
  OutputNameReference,
  UncertainReference,
  WholeRowReference,
} from '../resolve/reference.js'
import { findRange, type Scope } from '../resolve/scope.js'
import { type ByteString, toByteString } from '../sql/byte-string.js'
import { quoteIdentifier } from '../sql/identifier.js'
import { factsOf } from './change-facts.js'
import { refuseComposite } from './composite.js'
import { oldValueText, readText } from './computed.js'
import { type ComputedColumn, computedColumn, type RelationMapping } from './mapping.js'
import { edit, mappingOf, newColumnName, type PlanContext, refuseUnsupported } from './plan-context.js'
import { relationText } from './plan-range.js'
import type { Shown } from './presentation.js'
import { itemEnd, nameAt, tokenIndexAt } from './statement-source.js'

/** The mapping of a range variable whose references are edited one by one; undefined for all others. */
export function substituted(context: PlanContext, range: RangeVariable): RelationMapping | undefined {
  return range.role === 'target' || range.role === 'pseudo' || range.role === 'name'
    ? mappingOf(context, range)
    : undefined
}

/** What qualifies a range variable's columns after the rewrite, as SQL text; undefined where nothing can. */
export function qualifierText(context: PlanContext, range: RangeVariable): string | undefined {
  const shown = context.shown.get(range)
  if (shown?.aliasAdded) return quoteIdentifier(shown.name)
  if (range.name === undefined) return undefined
  const relation = shown?.relation ?? range.relation
  const needsSchema = range.schema !== undefined && context.sharedNames.has(range.name)
  return needsSchema && relation !== undefined ? relationText(relation) : quoteIdentifier(range.name)
}

/** What qualifies a column where a name of so many parts stood: `public.users.id` means no nearer `users`. */
function qualifierInPlace(context: PlanContext, range: RangeVariable, parts: number): string | undefined {
  const shown = context.shown.get(range)
  const relation = shown?.relation ?? range.relation
  if (parts <= 2 || shown?.aliasAdded === true || relation === undefined) return qualifierText(context, range)
  return relationText(relation)
}

export function planColumn(context: PlanContext, reference: ColumnReference): void {
  const { node, range, name } = reference
  if (context.keyed.has(node)) return
  if (refuseComposite(context, [range.relation?.columns[reference.index]], locationOf(node))) return
  const change = substituted(context, range)
  // A column alias list of the statement names the column: only unaliased columns follow the relation.
  const newName = reference.index < range.aliased ? name : newColumnName(change, name)
  const computed = reference.index < range.aliased ? undefined : computedColumn(change, name)
  if (newName !== name) context.renamedRefs.add(node)
  const raw = rawColumn(context, range, reference.index)
  const sameName = newName === name && computed === undefined && raw === undefined
  // Most columns: nothing of them has to be found in the text.
  if (sameName && (reference.qualified ? keepsQualifier(context, range, node) : !isCaptured(context, reference))) return
  const start = locationOf(node)
  const parts = nameAt(context.source, start)
  const last = parts.at(-1)
  if (last === undefined) return
  if (raw !== undefined) {
    planRawColumn(context, reference, raw, start, parts)
    return
  }
  if (computed !== undefined) {
    planComputedColumn(context, reference, computed, start, parts)
    return
  }
  if (reference.qualified) {
    planQualifier(context, range, start, parts)
    if (newName !== name) edit(context, last.start, last.end, quoteIdentifier(newName))
    return
  }
  if (reference.bareOnly) {
    edit(context, last.start, last.end, quoteIdentifier(newName))
    return
  }
  const qualifier = qualifierText(context, range)
  if (reference.merged || qualifier === undefined || !reaches(context, reference.scope, range)) {
    refuseUnsupported(
      context,
      `column reference "${name}" cannot be told apart from a new column`,
      `Qualify "${name}" with the alias of its table.`,
      start,
    )
    return
  }
  edit(context, last.start, last.end, `${qualifier}.${quoteIdentifier(newName)}`)
}

/** True where a bare column's name would mean a new column of a DML target. */
function isCaptured(context: PlanContext, reference: ColumnReference): boolean {
  return capturingTarget(context, reference.scope, reference.name, reference)
}

/** True where `planQualifier` changes nothing. */
function keepsQualifier(context: PlanContext, range: RangeVariable, node: ColumnReference['node']): boolean {
  const shown = context.shown.get(range)
  return shown === undefined || !changesQualifier(shown, range, (node.fields?.length ?? 0) > 2)
}

function changesQualifier(shown: Shown, range: RangeVariable, schemaNamed: boolean): boolean {
  return shown.aliasAdded ? schemaNamed || shown.name !== range.name : schemaNamed && shown.renamed
}

/** `users.zip` => `((people.zip)::text)`, of a DML target or a row that follows one. */
function planComputedColumn(
  context: PlanContext,
  reference: ColumnReference,
  computed: ComputedColumn,
  start: number,
  parts: readonly { readonly end: number }[],
): void {
  const { node, range, name } = reference
  const qualifier = reference.bareOnly ? '' : qualifierInPlace(context, range, parts.length)
  const reached = reference.bareOnly || reference.qualified || reaches(context, reference.scope, range)
  if (qualifier === undefined || reference.merged || !reached) {
    refuseUnsupported(
      context,
      `column reference "${name}" cannot be told apart from a new column`,
      `Qualify "${name}" with the alias of its table.`,
      start,
    )
    return
  }
  context.renamedRefs.add(node)
  edit(context, start, parts.at(-1)?.end ?? start, rowText(range, computed, qualifier))
}

/** The computed column that a derived table shows as its key column; undefined for all others. */
export function rawColumn(context: PlanContext, range: RangeVariable, index: number): ComputedColumn | undefined {
  const shown = context.shown.get(range)
  if (shown === undefined || shown.raw.size === 0) return undefined
  const name = shown.change?.before.columns[index]?.name ?? ''
  return shown.raw.has(name) ? computedColumn(shown.change, name) : undefined
}

/** `id` => `((id)::integer)`, of a column that USING compares by its index. */
function planRawColumn(
  context: PlanContext,
  { node, range, name }: ColumnReference,
  column: ComputedColumn,
  start: number,
  parts: readonly { readonly start: number; readonly end: number }[],
): void {
  const end = parts.at(-1)?.end ?? start
  const qualifier = parts.length > 1 ? qualifierInPlace(context, range, parts.length) : undefined
  const text = qualifier === undefined ? quoteIdentifier(name) : `${qualifier}.${quoteIdentifier(name)}`
  context.renamedRefs.add(node)
  edit(context, start, end, oldValueText(column, text))
}

/** OLD and NEW may be no row at all, of which every column is NULL, whatever is computed from it. */
export function rowText(range: RangeVariable, computed: ComputedColumn, qualifier: ByteString): ByteString {
  const read = readText(computed, qualifier)
  const isRow = range.role !== 'pseudo' || range.name === 'excluded' || range.relation?.kind === 'view'
  if (isRow) return read
  return `((CASE WHEN ${qualifier}.tableoid IS NOT NULL THEN ${read} END)::${toByteString(computed.type)})`
}

/** `public.users.id`: once the table has an alias, its schema cannot be named. */
export function planQualifier(
  context: PlanContext,
  range: RangeVariable,
  start: number,
  parts: readonly { readonly start: number }[],
): void {
  const shown = context.shown.get(range)
  const last = parts.at(-1)
  const table = parts.at(-2)
  if (shown === undefined || last === undefined || table === undefined) return
  if (!changesQualifier(shown, range, parts.length > 2)) return
  const text = shown.aliasAdded
    ? quoteIdentifier(shown.name)
    : `${quoteIdentifier(shown.relation.schema)}.${quoteIdentifier(shown.relation.name)}`
  // Up to the dot before the column; blanks and comments around the dots go with the old qualifier.
  const dot = context.source.tokens[tokenIndexAt(context.source, last.start) - 1]
  edit(context, start, dot?.start ?? last.start, text)
}

/** `count(users)`, `count(public.users.*)`: a whole row under the alias that its table has now. */
export function planRowName(context: PlanContext, { node, range }: WholeRowReference): void {
  const shown = context.shown.get(range)
  const start = locationOf(node)
  const parts = nameAt(context.source, start).filter(({ star }) => !star)
  const end = parts.at(-1)?.end ?? start
  const schemaNamed = parts.length > 1
  if (shown?.aliasAdded === true && (schemaNamed || shown.name !== range.name)) {
    context.renamedRefs.add(node)
    edit(context, start, end, quoteIdentifier(shown.name))
  } else if (shown?.aliasAdded === false && schemaNamed && shown.renamed) {
    edit(context, start, end, relationText(shown.relation))
  }
}

/** True where the qualifier that would be written at this level means this range variable. */
export function reaches(context: PlanContext, scope: Scope | undefined, range: RangeVariable): boolean {
  if (range.name === undefined) return false
  const aliased = context.shown.get(range)?.aliasAdded ?? false
  const schema = !aliased && context.sharedNames.has(range.name) ? range.schema : undefined
  return findRange(scope, schema, range.name) === range
}

/** True where a DML target on the level that a bare name binds to, or on one before it, has a new column of that name. */
export function capturingTarget(
  context: PlanContext,
  scope: Scope | undefined,
  name: string,
  bound: { readonly range: RangeVariable },
): boolean {
  for (let level = scope; level !== undefined; level = level.parent) {
    for (const range of level.ranges) {
      const change = substituted(context, range)
      if (change !== undefined && range.role !== 'pseudo' && factsOf(context.step, change).newNames.has(name))
        return true
    }
    // Deeper levels cannot see past the one that has the name.
    if (level.columns.some((column) => column.name === name && column.range === bound.range)) return false
  }
  return false
}

/** Range variables whose references are edited, on any visible level. */
function visibleTargets(context: PlanContext, scope: Scope | undefined): RelationMapping[] {
  const changes: RelationMapping[] = []
  for (let level = scope; level !== undefined; level = level.parent) {
    for (const range of level.ranges) {
      const change = substituted(context, range)
      if (change !== undefined) changes.push(change)
    }
  }
  return changes
}

export function planUncertain(context: PlanContext, reference: UncertainReference): void {
  const { name, node, scope } = reference
  const risky = visibleTargets(context, scope).some((change) => factsOf(context.step, change).changedNames.has(name))
  if (!risky) return
  refuseUnsupported(
    context,
    `column reference "${name}" may belong to a table that changed, or to a relation whose columns are not known`,
    `Qualify "${name}" with the alias of its table.`,
    locationOf(node),
  )
}

/** An ambiguous name fails as it did: with 42702, even where a rename would make it unambiguous. */
export function planAmbiguous(context: PlanContext, reference: AmbiguousReference): void {
  const { name, node, ranges } = reference
  const renamed = ranges.some((range) => {
    const change = substituted(context, range)
    return newColumnName(change, name) !== name || computedColumn(change, name) !== undefined
  })
  if (!renamed) return
  context.refusals.push({
    sqlstate: '42702',
    message: `column reference "${name}" is ambiguous`,
    at: locationOf(node),
  })
}

/** A name that the old version does not have must not start to mean a new column. */
export function planAbsent(context: PlanContext, reference: AbsentReference): void {
  const { name, node, range, scope } = reference
  const changes = range === undefined ? visibleTargets(context, scope) : [substituted(context, range)]
  if (!changes.some((change) => change !== undefined && factsOf(context.step, change).newNames.has(name))) {
    if (range !== undefined) {
      const start = locationOf(node)
      planQualifier(context, range, start, nameAt(context.source, start))
    }
    return
  }
  const what = range === undefined ? `column "${name}"` : `column ${range.name}.${name}`
  context.refusals.push({ sqlstate: '42703', message: `${what} does not exist`, at: locationOf(node) })
}

/** The columns of an INSERT's query go by position, and what they become stands around the whole item. */
function isInserted(context: PlanContext, { item }: OutputNameReference): boolean {
  return context.references.some(
    (reference) =>
      reference.kind === 'insert' &&
      reference.source.kind === 'select' &&
      mappingOf(context, reference.range) !== undefined &&
      reference.source.arms.some((arm) => arm.targetList?.some((one) => 'ResTarget' in one && one.ResTarget === item)),
  )
}

/** An unaliased output column keeps its old name: `RETURNING name` => `RETURNING users.full_name AS name`. */
export function planOutputName(context: PlanContext, reference: OutputNameReference): void {
  if (!context.renamedRefs.has(reference.leaf) || isInserted(context, reference)) return
  const end = itemEnd(context.source, locationOf(reference.item))
  edit(context, end, end, ` AS ${quoteIdentifier(reference.name)}`)
}
