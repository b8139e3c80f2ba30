import type { ColumnRef } from 'libpg-query'
import type { Catalog, Relation } from '../catalog/catalog.js'
import type { RangeVariable } from '../resolve/range-variable.js'
import type { OutputNameReference, Reference } from '../resolve/reference.js'
import type { NameTable } from '../sql/name-table.js'
import type { ChangeFacts } from './change-facts.js'
import type { Closure } from './closure.js'
import type { RowTypes } from './composite.js'
import type { KeyFacts } from './key-columns.js'
import type { LostColumn } from './lost-column.js'
import { type Mapping, plainName, type RelationMapping } from './mapping.js'
import type { Edit } from './outcome.js'
import type { Shown } from './presentation.js'
import type { StatementSource } from './statement-source.js'

/** A refusal whose position is still a byte offset into the text that was planned. */
export interface PlannedRefusal {
  readonly sqlstate: string
  readonly message: string
  readonly detail?: string
  readonly hint?: string
  readonly at?: number
}

/** What is known of a step, once for all statements. */
export interface StepFacts {
  /** Index of the step in its generation. */
  readonly number: number
  /** The version that it leads to. */
  readonly name: string
  readonly before: Catalog
  readonly after: Catalog
  readonly mapping: Mapping
  readonly closure: Closure
  /** All names that planners ask a statement about: the closure, NATURAL, and functions that show the names of fields. */
  readonly words: NameTable
  readonly rowTypes: RowTypes
  readonly lost: readonly LostColumn[]
  /** By the mapping of each changed relation; ask with `factsOf`. */
  readonly changes: ReadonlyMap<RelationMapping, ChangeFacts>
  /** True where some old column is computed now. */
  readonly computes: boolean
}

/** The session's share of a name's meaning. */
export interface NamePath {
  /** The oids of declared parameter types, as in RewriteRequest. */
  readonly declaredTypes?: string | undefined
  readonly path: readonly string[]
  readonly temporary: readonly Relation[]
}

/** What the planning of one statement shares; edits and refusals are gathered, then sorted. */
export interface PlanContext {
  readonly source: StatementSource
  readonly step: StepFacts
  readonly names: NamePath
  /** All references of the statement. */
  readonly references: readonly Reference[]
  readonly shown: ReadonlyMap<RangeVariable, Shown>
  readonly keyFacts: KeyFacts
  readonly edits: Edit[]
  readonly refusals: PlannedRefusal[]
  /** Column references, calls and type names of which the last part changed its name. */
  readonly renamedRefs: Set<OutputNameReference['leaf']>
  /** Names that several range variables without alias have, of different schemas. */
  readonly sharedNames: ReadonlySet<string>
  /** Column references that became their key column: nothing else edits them. */
  readonly keyed: Set<ColumnRef>
  /** True where some function of the statement shows the field names of rows. */
  readonly rowNamesSeen: () => boolean
}

export function edit(context: PlanContext, start: number, end: number, text: string): void {
  context.edits.push({ start, end, text })
}

/** Refuses what cannot be mapped: `feature_not_supported`. */
export function refuseUnsupported(context: PlanContext, message: string, hint: string, at?: number): void {
  const refusal = { sqlstate: '0A000', message, hint }
  context.refusals.push(at === undefined ? refusal : { ...refusal, at })
}

/** The mapping of the relation behind a range variable, where it changed. */
export function mappingOf(context: PlanContext, range: RangeVariable): RelationMapping | undefined {
  return range.relation === undefined ? undefined : context.step.mapping.relations.get(range.relation.oid)
}

/** The new name of an old column; the old one where nothing changed. */
export function newColumnName(change: RelationMapping | undefined, name: string): string {
  return plainName(change?.columns.get(name)) ?? name
}
