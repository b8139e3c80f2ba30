import { TYPE_OID_ALIAS } from '../resolve/call.js'
import { locationOf } from '../resolve/node.js'
import type { TypeOidReference } from '../resolve/reference.js'
import { expressionText } from './computed.js'
import type { PlanContext } from './plan-context.js'
import { closingParenthesis, elementsIn, nameAt, tokenIndexAt } from './statement-source.js'
import { newTypeOid } from './type-catalogs.js'

/**
 * Where the server is to tell a type's name it must be given the oid that the type has now.
 *
 *     format_type(t.oid, NULL) => format_type((SELECT CASE WHEN value = '16390' THEN '16470' ELSE value END
 *                                              FROM (SELECT t.oid) AS hotswap_type (value)), NULL)
 */
export function planTypeOid(context: PlanContext, { node }: TypeOidReference): void {
  const replaced = newTypeOid(context.step.mapping.objects?.values() ?? [])
  if (replaced === undefined) return
  const { source } = context
  const at = locationOf(node)
  let [start, end] = [at, at]
  if ('subselect' in node) {
    end = source.tokens[closingParenthesis(source, tokenIndexAt(source, at))]?.end ?? at
  } else if ('fields' in node) {
    end = nameAt(source, at).at(-1)?.end ?? at
  } else {
    const parts = nameAt(source, at)
    const [first, second] = elementsIn(source, tokenIndexAt(source, at) + parts.length * 2 - 1)
    if (first === undefined || second === undefined) return
    start = source.tokens[first]?.start ?? at
    end = source.tokens[second - 2]?.end ?? at
  }
  const before = `(SELECT ${expressionText(replaced, () => `${TYPE_OID_ALIAS}.value`)} FROM (SELECT `
  context.edits.push({ start, end: start, text: before, encloses: 'before' })
  context.edits.push({ start: end, end, text: `) AS ${TYPE_OID_ALIAS} (value))`, encloses: 'after' })
}
