import type { Node } from 'libpg-query'
import type { NamedObject, Relation } from '../catalog/catalog.js'
import type { ResolveContext } from './context.js'
import { lookUpFunctions } from './function-name.js'
import { elementsOfArrayText, type NameInText, nameInText, namesOfSignature } from './name-text.js'
import { lookUpRelation } from './namespace.js'
import { locationOf, stringsOf } from './node.js'
import { lookUpType } from './type-name.js'

/** A type of which the input function reads names. */
export type NameType = 'regclass' | 'regtype' | 'regproc' | 'regprocedure'

const NAME_TYPES: ReadonlySet<string> = new Set<NameType>(['regclass', 'regtype', 'regproc', 'regprocedure'])

export function isNameType(name: string): name is NameType {
  return NAME_TYPES.has(name)
}

/** What a name inside a string means. */
export type NameMeaning =
  | { readonly kind: 'relation'; readonly relation: Relation }
  | { readonly kind: 'type'; readonly type: NamedObject }
  | {
      readonly kind: 'functions'
      readonly objects: readonly NamedObject[]
      readonly alsoSystem: boolean
      /** Number of arguments; undefined where any. */
      readonly count: number | undefined
    }

/** A name inside a string. */
export interface StringPart extends NameInText {
  readonly meaning: NameMeaning
  /** An element of an array literal, quotes included in its span. */
  readonly element: boolean
}

/** Reports the names in a string constant that is cast to a type of names, or to an array of it. */
export function resolveNamesString(
  context: ResolveContext,
  node: Node | undefined,
  type: NameType,
  isArray: boolean,
): void {
  if (node === undefined) return
  if ('A_ArrayExpr' in node) {
    for (const element of node.A_ArrayExpr.elements ?? []) resolveNamesString(context, element, type, false)
    return
  }
  if ('TypeCast' in node) {
    const cast = stringsOf(node.TypeCast.typeName?.names).at(-1) ?? ''
    if (TEXT_TYPES.has(cast)) resolveNamesString(context, node.TypeCast.arg, type, isArray)
    return
  }
  const text = 'A_Const' in node ? node.A_Const.sval?.sval : undefined
  if (!('A_Const' in node) || text === undefined) return
  const parts = isArray
    ? (elementsOfArrayText(text) ?? []).flatMap(({ value, start, end }) => {
        const [only, ...others] = partsOf(context, value, type)
        // Of an element with several names (a regprocedure's) only the whole could be put back.
        return only === undefined || others.length > 0 ? [] : [{ ...only, start, end, element: true }]
      })
    : partsOf(context, text, type)
  if (parts.length > 0)
    context.references.push({ kind: 'names-string', location: locationOf(node.A_Const), text, parts })
}

const TEXT_TYPES: ReadonlySet<string> = new Set(['text', 'varchar', 'bpchar'])

function partsOf(context: ResolveContext, text: string, type: NameType): StringPart[] {
  const { namespace } = context
  if (type === 'regprocedure') {
    const signature = namesOfSignature(text)
    if (signature === undefined) return []
    const { called, types, count } = signature
    return [...functionPart(context, called, count), ...types.flatMap((name) => typePart(context, name))]
  }
  const name = nameInText(text, 0)
  if (name === undefined) return []
  // 'mood[]'::regtype goes on after the name.
  if (type === 'regtype') return typePart(context, name)
  if (name.end !== text.length) return []
  if (type === 'regproc') return functionPart(context, name, undefined)
  const relation = lookUpRelation(namespace, name.schema, name.name)
  return relation === undefined ? [] : [{ ...name, meaning: { kind: 'relation', relation }, element: false }]
}

function functionPart({ namespace }: ResolveContext, name: NameInText, count: number | undefined): StringPart[] {
  const { objects, alsoSystem } = lookUpFunctions(namespace, name.schema, name.name, count)
  const functions = objects.filter((object) => object.kind === 'function')
  if (functions.length === 0) return []
  return [{ ...name, meaning: { kind: 'functions', objects: functions, alsoSystem, count }, element: false }]
}

function typePart({ namespace }: ResolveContext, name: NameInText): StringPart[] {
  const found = lookUpType(namespace, name.schema, name.name)
  if (found === undefined) return []
  const meaning: NameMeaning =
    'relation' in found ? { kind: 'relation', relation: found.relation } : { kind: 'type', type: found.object }
  return [{ ...name, meaning, element: false }]
}
