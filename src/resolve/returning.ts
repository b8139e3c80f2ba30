import type { ReturningClause } from 'libpg-query'
import type { Place, ResolveContext } from './context.js'
import { type OutputColumns, resolveTargetList } from './query.js'
import type { RangeVariable } from './range-variable.js'
import type { Scope, Visible } from './scope.js'

/** Resolves RETURNING; from PostgreSQL 18 `old` and `new` (or the names that WITH gives them) show the target's row. */
export function resolveReturning(
  context: ResolveContext,
  place: Place,
  clause: ReturningClause | undefined,
  target: RangeVariable,
  visible: Visible,
): OutputColumns {
  if (clause === undefined) return undefined
  const names = { old: 'old', new: 'new' }
  for (const option of clause.options ?? []) {
    if (!('ReturningOption' in option)) continue
    const { option: which, value = '' } = option.ReturningOption
    names[which === 'RETURNING_OPTION_OLD' ? 'old' : 'new'] = value
  }
  const pseudo = [names.old, names.new]
    .filter((name) => !visible.ranges.some((range) => range.name === name))
    .map((name): RangeVariable => ({ ...target, role: 'pseudo', name, schema: undefined, node: undefined }))
  const scope: Scope = { ...visible, ranges: [...visible.ranges, ...pseudo], parent: undefined }
  const outputs = resolveTargetList(context, { ...place, scope }, clause.exprs)
  return outputs.complete ? outputs.names : undefined
}
