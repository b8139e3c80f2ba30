import type { Relation } from '../catalog/catalog.js'
import type { WrittenName } from '../resolve/reference.js'
import { refuseLost } from './lost-column.js'
import { type PlanContext, refuseUnsupported } from './plan-context.js'
import { isWrittenOtherwise, newColumns, type WrittenColumn } from './written-column.js'

/** A column of an INSERT list or a SET, and what is written instead. */
export interface Target {
  readonly written: WrittenColumn
  /** Absent for an INSERT without a list. */
  readonly name?: WrittenName
  /** True where it is given nothing but DEFAULT. */
  readonly isDefault: boolean
}

/** Refuses lists of columns to write to that name what cannot be written; true where it did. */
export function refuseTargets(
  context: PlanContext,
  before: Relation,
  targets: readonly Target[],
  list: 'SET' | 'INSERT',
): boolean {
  const known = context.refusals.length
  const seen = new Map<string, string>()
  const whole = new Set<string>()
  for (const target of targets) {
    const { name } = target.written
    const { location, inside = false } = target.name ?? {}
    refuseReadOnly(context, before, target, list)
    if (inside && isWrittenOtherwise(target.written)) {
      refuseUnsupported(
        context,
        `an element or a field of "${name}" is assigned, and the migration changed how the column is stored`,
        `Assign the whole value of "${name}".`,
        location,
      )
    }
    if (!inside && whole.has(name)) refuseTwice(context, name, location, list)
    if (!inside) whole.add(name)
    for (const column of newColumns(target.written)) {
      const other = seen.get(column)
      if (other !== undefined && other !== name) {
        refuseUnsupported(
          context,
          `"${other}" and "${name}" are both written to the new column "${column}"`,
          `Write one of "${other}" and "${name}" in a statement of its own.`,
          location,
        )
      }
      seen.set(column, name)
    }
  }
  return context.refusals.length > known
}

function refuseReadOnly(
  context: PlanContext,
  before: Relation,
  { written, name, isDefault }: Target,
  list: 'SET' | 'INSERT',
): void {
  if (written.kind === 'plain') return
  const at = name?.location
  const column = before.columns.find((one) => one.name === written.name)
  if (column?.generated !== 'none' && column !== undefined) {
    // As PostgreSQL says it of the old table.
    const message =
      list === 'SET'
        ? `column "${written.name}" can only be updated to DEFAULT`
        : `cannot insert a non-DEFAULT value into column "${written.name}"`
    const detail = `Column "${written.name}" is a generated column.`
    if (!isDefault) context.refusals.push({ sqlstate: '428C9', message, detail })
  } else if (refuseLost(context, written.column, at)) {
    return
  } else if (written.column.writable === false) {
    refuseUnsupported(
      context,
      `column "${written.name}" of "${before.name}" is written, and nothing says what becomes of it in the new schema`,
      `Say so in its rule: columns: { ${written.name}: { write: { ... } } }, or, where several old columns became one, write: { new: ... } for the table; or leave the column out.`,
      at,
    )
  }
}

/** As PostgreSQL says it; the new columns of a split have names that the client does not know. */
function refuseTwice(context: PlanContext, name: string, at: number | undefined, list: 'SET' | 'INSERT'): void {
  context.refusals.push(
    list === 'SET' || at === undefined
      ? { sqlstate: '42601', message: `multiple assignments to same column "${name}"` }
      : { sqlstate: '42701', message: `column "${name}" specified more than once`, at },
  )
}
