import type { NamedObject, Relation } from '../catalog/catalog.js'
import { findRemade } from '../catalog/diff.js'
import type { PlanContext, StepFacts } from './plan-context.js'

/** What an old relation is in the newer version; undefined where it is gone, whatever has its name now. */
export function relationNow(
  { before, mapping, after }: Pick<StepFacts, 'before' | 'mapping' | 'after'>,
  relation: Relation,
): Relation | undefined {
  return (
    mapping.relations.get(relation.oid)?.after ?? after.byOid.get(relation.oid) ?? findRemade(relation, before, after)
  )
}

/** What an old object is in the newer version; undefined where it is gone. */
export function objectNow(
  { mapping, after }: Pick<StepFacts, 'mapping' | 'after'>,
  object: NamedObject,
): NamedObject | undefined {
  return mapping.objects?.get(object.oid)?.after ?? after.objectByOid.get(object.oid)
}

const HINT = 'The migration dropped it, and nothing says how it is seen through the new schema.'

/** With the SQLSTATE that the server has for what is not there. */
export function refuseGoneRelation(context: PlanContext, { name }: Relation, at: number): void {
  context.refusals.push({ sqlstate: '42P01', message: `relation "${name}" no longer exists`, hint: HINT, at })
}

/** As `refuseGoneRelation`, of a function or a data type. */
export function refuseGoneObject(context: PlanContext, { kind, name }: NamedObject, at: number): void {
  const [what, sqlstate] = kind === 'function' ? ['function', '42883'] : ['type', '42704']
  context.refusals.push({ sqlstate, message: `${what} "${name}" no longer exists`, hint: HINT, at })
}
