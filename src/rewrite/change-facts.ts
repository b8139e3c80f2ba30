import { changedColumnNames, newColumnNames } from './closure.js'
import { computedColumn, hasOtherColumns, isReshaped, plainName, type RelationMapping } from './mapping.js'
import type { StepFacts } from './plan-context.js'

/** What each statement asks of a changed relation, worked out once. */
export interface ChangeFacts {
  /** See `changedColumnNames`. */
  readonly changedNames: ReadonlySet<string>
  /** See `newColumnNames`. */
  readonly newNames: ReadonlySet<string>
  /** Old columns have other names now, or are computed. */
  readonly otherColumns: boolean
  /** See `isReshaped`. */
  readonly reshaped: boolean
  /** Indexes of the old columns that are computed now. */
  readonly computed: readonly number[]
  /** For each new column the index of the old one that it is; undefined where it is none. */
  readonly oldIndexes: readonly (number | undefined)[]
}

export function changeFacts(change: RelationMapping): ChangeFacts {
  const { before, after, columns } = change
  const oldIndex = new Map(before.columns.map(({ name }, index) => [plainName(columns.get(name)), index]))
  return {
    changedNames: changedColumnNames(change),
    newNames: newColumnNames(change),
    otherColumns: hasOtherColumns(change),
    reshaped: isReshaped(change),
    computed: before.columns.flatMap(({ name }, index) => (computedColumn(change, name) === undefined ? [] : [index])),
    oldIndexes: after.columns.map(({ name }) => oldIndex.get(name)),
  }
}

/** What is known of a changed relation of the step. */
export function factsOf(step: StepFacts, change: RelationMapping): ChangeFacts {
  return step.changes.get(change) ?? changeFacts(change)
}
