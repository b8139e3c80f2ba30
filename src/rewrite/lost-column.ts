import type { Difference } from '../catalog/difference.js'
import { locationOf } from '../resolve/node.js'
import { type ByteString, toByteString } from '../sql/byte-string.js'
import type { ComputedColumn, Mapping, RelationMapping } from './mapping.js'
import { mappingOf, type PlanContext, refuseUnsupported } from './plan-context.js'

/** An old column of which nothing is known any more. */
export interface LostColumn {
  readonly change: RelationMapping
  readonly name: string
  readonly lost: Difference
}

/** A column of which a migration left nothing to read or write, for what its author has allowed to break. */
export function lostColumn(type: string, lost: Difference): ComputedColumn {
  return { kind: 'computed', type, read: [], writes: [], writable: false, lost }
}

/** The lost columns of a step. */
export function lostColumns({ relations }: Mapping): readonly LostColumn[] {
  return [...relations.values()].flatMap((change) =>
    [...change.columns].flatMap(([name, column]) =>
      column.kind === 'computed' && column.lost !== undefined ? [{ change, name, lost: column.lost }] : [],
    ),
  )
}

/** No SQL text has a NUL. */
const HERE = '\0'

/** What stands where a lost column is read, until `refuseLostReads` finds it. */
export function lostText({ relation, column }: Difference): ByteString {
  return `${HERE}${toByteString(`${relation}.${column}`)}${HERE}`
}

/** Whatever reads a lost column has put `lostText` into some edit. */
export function refuseLostReads(context: PlanContext): void {
  const { edits, step } = context
  if (step.lost.length === 0) return
  const read = edits.filter(({ text }) => text.includes(HERE)).map(({ text }) => text)
  for (const column of step.lost) {
    const here = lostText(column.lost)
    if (read.some((text) => text.includes(here))) refuse(context, column, placeOf(context, column))
  }
}

/** True where the column is a lost one, and was refused. */
export function refuseLost(context: PlanContext, { lost }: ComputedColumn, at: number | undefined): boolean {
  const column = lost && context.step.lost.find((one) => one.lost === lost)
  if (column === undefined) return false
  refuse(context, column, at)
  return true
}

function refuse(context: PlanContext, { change, name, lost }: LostColumn, at: number | undefined): void {
  refuseUnsupported(
    context,
    `column "${name}" of "${change.before.name}" was lost in a migration: ${lost.what}`,
    `Clients of older versions can use it again when the rule file ${context.step.name}.yaml says what it is: ${lost.hint}. Then reload.`,
    at,
  )
}

/** Where a statement names the column; undefined where all columns are meant. */
function placeOf(context: PlanContext, { change, name }: LostColumn): number | undefined {
  for (const reference of context.references) {
    if (reference.kind !== 'column' || mappingOf(context, reference.range) !== change) continue
    if (reference.range.relation?.columns[reference.index]?.name === name) return locationOf(reference.node)
  }
  return undefined
}
