import type { WrittenName } from '../resolve/reference.js'
import { type PlanContext, refuseUnsupported } from './plan-context.js'
import { newColumns, type WrittenColumn } from './written-column.js'

/** Refuses lists of columns to write to that name what cannot be written; true where it did. */
export function refuseTargets(
  context: PlanContext,
  names: readonly WrittenName[],
  written: readonly WrittenColumn[],
  list: 'SET' | 'INSERT',
): boolean {
  const before = context.refusals.length
  const seen = new Map<string, string>()
  const whole = new Set<string>()
  names.forEach(({ name, location, inside }, index) => {
    const column = written[index]
    if (column === undefined) return
    if (inside && column.kind === 'computed') {
      refuseUnsupported(
        context,
        `an element or a field of "${name}" is assigned, and the migration changed how the column is stored`,
        `Assign the whole value of "${name}".`,
        location,
      )
    }
    if (!inside && whole.has(name)) refuseTwice(context, name, location, list)
    if (!inside) whole.add(name)
    for (const target of newColumns(column)) {
      const other = seen.get(target)
      if (other !== undefined && other !== name) {
        refuseUnsupported(
          context,
          `"${other}" and "${name}" are both written to the new column "${target}"`,
          `Write one of "${other}" and "${name}" in a statement of its own.`,
          location,
        )
      }
      seen.set(target, name)
    }
  })
  return context.refusals.length > before
}

/** As PostgreSQL says it; the new columns of a split have names that the client does not know. */
function refuseTwice(context: PlanContext, name: string, at: number, list: 'SET' | 'INSERT'): void {
  context.refusals.push(
    list === 'SET'
      ? { sqlstate: '42601', message: `multiple assignments to same column "${name}"` }
      : { sqlstate: '42701', message: `column "${name}" specified more than once`, at },
  )
}
