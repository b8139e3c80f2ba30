import type { FuncCall, RangeFunction } from 'libpg-query'
import type { NamedObject } from '../catalog/catalog.js'
import type { ResolveContext } from './context.js'
import type { Namespace } from './namespace.js'
import { stringsOf } from './node.js'
import type { RangeVariable } from './range-variable.js'
import { lookUpType } from './type-name.js'

/** What a call's name may mean. */
export interface NamedFunctions {
  /** Functions of user schemas that take as many arguments, and the type that `mood('ok')` may be a cast to. */
  readonly objects: readonly NamedObject[]
  /** pg_catalog has functions of that name too. */
  readonly alsoSystem: boolean
}

const NONE: NamedFunctions = { objects: [], alsoSystem: false }

/**
 * Which functions a call may mean: all of the name on the path, as overloads are told apart by types of arguments that
 * are not known here. `count`: the number of arguments; undefined where any.
 */
export function lookUpFunctions(
  namespace: Namespace,
  schema: string | undefined,
  name: string,
  count: number | undefined,
): NamedFunctions {
  const named = namespace.catalog.objectsByName.get(name)
  if (named === undefined) return NONE
  const functions = named.filter(
    (object) =>
      object.kind === 'function' &&
      (schema === undefined ? namespace.path.includes(object.schema) : object.schema === schema) &&
      takes(object, count),
  )
  const type = count === 1 ? lookUpType(namespace, schema, name) : undefined
  return {
    objects: type !== undefined && 'object' in type ? [...functions, type.object] : functions,
    alsoSystem: schema === undefined && functions.some((object) => object.alsoSystem === true),
  }
}

function takes({ arguments: range }: NamedObject, count: number | undefined): boolean {
  return range === undefined || count === undefined || (count >= range.least && count <= range.most)
}

/** Where a call stands, if it is an item of FROM. */
export interface FromItem {
  readonly from?: RangeFunction
  /** Where its columns are those of a relation, which the caller reports. */
  readonly range?: RangeVariable
}

/** Reports a call of what may be a function of a user schema. */
export function reportCall(context: ResolveContext, node: FuncCall, { from, range }: FromItem): void {
  const names = stringsOf(node.funcname)
  const [schema, name = ''] = [names.at(-2), names.at(-1)]
  const count = (node.args?.length ?? 0) + (node.agg_within_group ? (node.agg_order?.length ?? 0) : 0)
  const found = lookUpFunctions(context.namespace, schema, name, count)
  if (found.objects.length > 0)
    context.references.push({ kind: 'call', node, schema, name, count, from, range, ...found })
}
