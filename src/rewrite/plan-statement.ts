import { ROW_NAME_FUNCTIONS } from '../resolve/call.js'
import type { Namespace } from '../resolve/namespace.js'
import type { Reference } from '../resolve/reference.js'
import { findKeys } from './key-columns.js'
import { refuseLostReads } from './lost-column.js'
import type { Edit } from './outcome.js'
import { planAbsent, planAmbiguous, planColumn, planOutputName, planUncertain } from './plan-column.js'
import { planComparison, planSort } from './plan-comparison.js'
import type { NamePath, PlanContext, PlannedRefusal, StepFacts } from './plan-context.js'
import { planCopy } from './plan-copy.js'
import { planBuiltUpon, planCreated, planIndexDefinition, planStandingColumn } from './plan-definition.js'
import { planGrouping } from './plan-grouping.js'
import { planHiddenQuery, planUnknownName } from './plan-hidden-query.js'
import { planInsert } from './plan-insert.js'
import { planColumnString, planConstraint, planNameString, planUnfollowed } from './plan-name.js'
import { planCall, planFieldCall, planNamesString, planType } from './plan-object.js'
import { planFunctionRange, planMissingRange, planRange, planUnknownRelation } from './plan-range.js'
import { planFieldReference, planRowFunction, planRowSource, planRowType, planWholeRow } from './plan-row.js'
import { planSetList } from './plan-set-list.js'
import { planStar, planSystemColumn } from './plan-star.js'
import { planTargetColumn } from './plan-target.js'
import { planTypeOid } from './plan-type-oid.js'
import { presentRanges } from './presentation.js'
import { mentionsIn, type StatementSource } from './statement-source.js'

/** What one step makes of one statement. */
export interface StatementPlan {
  readonly edits: readonly Edit[]
  /** Why the statement cannot be mapped; then the edits are meaningless. */
  readonly refusal: PlannedRefusal | undefined
  /** oids of the changed relations that the statement names. */
  readonly relations: readonly number[]
}

/** Plans the edits that carry one statement over one step. */
export function planStatement(
  source: StatementSource,
  references: readonly Reference[],
  step: StepFacts,
  names: NamePath,
): StatementPlan {
  const namespace: Namespace = { catalog: step.before, ...names }
  const mentioned = mentionsIn(source, step.words)
  const shown = presentRanges(references, step, namespace, mentioned)
  const context: PlanContext = {
    source,
    step,
    names,
    references,
    shown,
    keyFacts: findKeys(references, step, shown),
    edits: [],
    refusals: [],
    renamedRefs: new Set(),
    keyed: new Set(),
    sharedNames: sharedNames(references),
    // Few statements ask. No getter: each object with one has a hidden class of its own, which keeps all that it reaches
    // alive until the next full collection.
    rowNamesSeen: () => mentioned(ROW_NAME_FUNCTIONS) || references.some((reference) => reference.kind === 'field'),
  }
  // First, since they take over column references.
  for (const reference of references) {
    if (reference.kind === 'comparison' || reference.kind === 'sort') planReference(context, reference, mentioned)
  }
  for (const reference of references) {
    if (reference.kind !== 'comparison' && reference.kind !== 'sort') planReference(context, reference, mentioned)
  }
  refuseLostReads(context)
  // The first refusal in the text, as PostgreSQL would report the first error that it meets.
  const [refusal] = context.refusals.sort((a, b) => (a.at ?? 0) - (b.at ?? 0))
  const relations = [...[...context.shown.values()].map((shown) => shown.relation.oid), ...takenNames(references)]
  return { edits: context.edits, refusal, relations }
}

/** What has the name of something that the statement makes: the server may tell of it. */
function takenNames(references: readonly Reference[]): number[] {
  const oids: number[] = []
  for (const reference of references) {
    if (reference.kind === 'created' && reference.taken !== undefined) oids.push(reference.taken.oid)
  }
  return oids
}

function sharedNames(references: readonly Reference[]): ReadonlySet<string> {
  const seen = new Set<string>()
  const shared = new Set<string>()
  for (const reference of references) {
    if (reference.kind !== 'range' || reference.range.schema === undefined) continue
    const { name = '' } = reference.range
    if (seen.has(name)) shared.add(name)
    seen.add(name)
  }
  return shared
}

type Mentioned = (names: ReadonlySet<string>) => boolean

/** One planner for each kind of reference; a kind without one fails the type-check. */
const PLANNERS: {
  readonly [K in Reference['kind']]: (
    context: PlanContext,
    reference: Extract<Reference, { kind: K }>,
    mentioned: Mentioned,
  ) => void
} = {
  range: planRange,
  'function-range': planFunctionRange,
  column: planColumn,
  comparison: planComparison,
  sort: planSort,
  merged: () => {},
  grouping: planGrouping,
  uncertain: planUncertain,
  ambiguous: planAmbiguous,
  absent: (context, reference) => {
    planAbsent(context, reference)
    planFieldCall(context, reference, reference.node.location)
  },
  'missing-range': planMissingRange,
  'whole-row': planWholeRow,
  star: planStar,
  'system-column': planSystemColumn,
  'target-column': planTargetColumn,
  'output-name': planOutputName,
  'set-list': planSetList,
  insert: planInsert,
  copy: planCopy,
  constraint: planConstraint,
  'name-string': planNameString,
  'column-string': planColumnString,
  'names-string': planNamesString,
  type: planType,
  'type-oid': planTypeOid,
  call: planCall,
  'row-type': planRowType,
  'row-function': planRowFunction,
  'row-source': planRowSource,
  field: (context, reference) => {
    planFieldReference(context, reference)
    planFieldCall(context, reference)
  },
  'unknown-relation': planUnknownRelation,
  'unknown-name': planUnknownName,
  'hidden-query': planHiddenQuery,
  created: planCreated,
  'built-upon': planBuiltUpon,
  'index-definition': planIndexDefinition,
  'standing-column': planStandingColumn,
  unfollowed: planUnfollowed,
}

function planReference(context: PlanContext, reference: Reference, mentioned: Mentioned): void {
  const plan = PLANNERS[reference.kind] as (context: PlanContext, reference: Reference, mentioned: Mentioned) => void
  plan(context, reference, mentioned)
}
