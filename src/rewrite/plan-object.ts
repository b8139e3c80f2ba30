import type { NamedObject } from '../catalog/catalog.js'
import { lookUpFunctions } from '../resolve/function-name.js'
import type { StringPart } from '../resolve/names-string.js'
import { lookUpRelation, type Namespace } from '../resolve/namespace.js'
import { locationOf, stringsOf } from '../resolve/node.js'
import type {
  AbsentReference,
  CallReference,
  FieldReference,
  NamesStringReference,
  TypeReference,
} from '../resolve/reference.js'
import { lookUpType } from '../resolve/type-name.js'
import { type ByteString, fromByteString } from '../sql/byte-string.js'
import { qualifiedName, quoteIdentifier, quoteLiteral } from '../sql/identifier.js'
import { objectNow, refuseGoneObject, refuseGoneRelation, relationNow } from './gone.js'
import { edit, type PlanContext, refuseUnsupported } from './plan-context.js'
import { closingParenthesis, isSymbol, isWord, nameAt, tokenIndexAt } from './statement-source.js'

function namespaceAfter({ names, step }: PlanContext): Namespace {
  return { ...names, catalog: step.after }
}

/** `'ok'::mood` => `'ok'::app.feeling`. */
export function planType(context: PlanContext, { type, node }: TypeReference): void {
  const start = locationOf(node)
  const now = objectNow(context.step, type)
  if (now === undefined) {
    refuseGoneObject(context, type, start)
    return
  }
  const names = stringsOf(node.names)
  if (meansType(context, names.at(-2), names.at(-1) ?? '', now)) return
  if (now.name !== names.at(-1)) context.renamedRefs.add(node)
  edit(context, start, nameAt(context.source, start).at(-1)?.end ?? start, qualifiedName(now.schema, now.name))
}

function meansType(context: PlanContext, schema: string | undefined, name: string, now: NamedObject): boolean {
  const found = lookUpType(namespaceAfter(context), schema, name)
  return found !== undefined && 'object' in found && found.object === now
}

/** `feel(1)` => `app.sense(1)`; in FROM its name is that of a range variable and of a column too. */
export function planCall(context: PlanContext, reference: CallReference): void {
  const { node, name } = reference
  const start = locationOf(node)
  const now = functionNow(context, reference, start)
  if (now === undefined) return
  const parts = nameAt(context.source, start)
  edit(context, start, parts.at(-1)?.end ?? start, qualifiedName(now.schema, now.name))
  if (now.name === name) return
  context.renamedRefs.add(node)
  planFunctionAlias(context, reference, tokenIndexAt(context.source, start) + parts.length * 2 - 1)
}

/** The one name that a call must have now; undefined where its own still means the same, or it was refused. */
function functionNow(
  context: PlanContext,
  called: Pick<CallReference, 'objects' | 'alsoSystem' | 'schema' | 'name'> & { readonly count: number | undefined },
  at: number,
): NamedObject | undefined {
  const { objects, alsoSystem, schema, name, count } = called
  const images = new Set<NamedObject>()
  for (const object of objects) {
    const now = objectNow(context.step, object)
    if (now === undefined) {
      refuseGoneObject(context, object, at)
      return undefined
    }
    images.add(now)
  }
  const after = namespaceAfter(context)
  if (isSame(lookUpFunctions(after, schema, name, count).objects, images)) return undefined
  const [first] = images
  if (first === undefined) return undefined
  const oneName = [...images].every((image) => image.schema === first.schema && image.name === first.name)
  const meant = lookUpFunctions(after, first.schema, first.name, count).objects
  if (oneName && !alsoSystem && isSame(meant, images)) return first
  refuseUnsupported(
    context,
    `it is not certain which function "${name}" means now`,
    'A migration renamed, moved or added functions of that name: give those that old statements call names that no other function has.',
    at,
  )
  return undefined
}

function isSame(found: readonly NamedObject[], images: ReadonlySet<NamedObject>): boolean {
  return found.length === images.size && found.every((object) => images.has(object))
}

/** `FROM feel(1)` => `FROM app.sense(1) AS feel`: a function's range variable, and its one column, have its name. */
function planFunctionAlias(context: PlanContext, { from, range, name, node }: CallReference, open: number): void {
  if (from === undefined || from.alias !== undefined) return
  if (range !== undefined && context.shown.get(range)?.aliasAdded) return
  if (from.is_rowsfrom) {
    refuseUnsupported(
      context,
      `the columns of ROWS FROM are named after function "${name}", which has another name now`,
      'Give ROWS FROM (...) an alias with a list of its columns.',
      locationOf(node),
    )
    return
  }
  const { source } = context
  let index = closingParenthesis(source, open)
  if (isWord(source, index + 1, 'with')) index += 2
  const alias = quoteIdentifier(name)
  // `FROM feel(1) AS (a integer)`: a list of column definitions, of which AS is there already.
  const as = isWord(source, index + 1, 'as') && isSymbol(source, index + 2, '(')
  const end = source.tokens[as ? index + 1 : index]?.end
  if (end !== undefined) edit(context, end, end, as ? ` ${alias}` : ` AS ${alias}`)
}

/** `'{users,"Odd"}'::regclass[]` => `'{public.people,"Odd"}'::regclass[]`. */
export function planNamesString(context: PlanContext, { location, text, parts }: NamesStringReference): void {
  let changed = text
  for (const part of [...parts].reverse()) {
    const name = newName(context, part, location)
    if (name === undefined) continue
    const plain = fromByteString(name) ?? name
    const written = part.element ? `"${plain.replace(/["\\]/g, '\\$&')}"` : plain
    changed = changed.slice(0, part.start) + written + changed.slice(part.end)
  }
  if (changed === text) return
  const token = context.source.tokens[tokenIndexAt(context.source, location)]
  if (token !== undefined) edit(context, token.start, token.end, quoteLiteral(changed))
}

/** What a name in a string must be now; undefined where it still means the same. */
function newName(context: PlanContext, part: StringPart, at: number): ByteString | undefined {
  const { meaning, schema, name } = part
  const { step } = context
  switch (meaning.kind) {
    case 'relation': {
      const { relation } = meaning
      // One of the session's own means what it meant.
      if (step.before.byOid.get(relation.oid) !== relation) return undefined
      const [now, found] = [relationNow(step, relation), lookUpRelation(namespaceAfter(context), schema, name)]
      if (now === undefined && found !== undefined) refuseGoneRelation(context, relation, at)
      if (now === undefined || found === now) return undefined
      return qualifiedName(now.schema, now.name)
    }
    case 'type': {
      // As an oid it is looked for in catalogs, where a shadow type goes by the oid of the type itself.
      const now = step.mapping.objects?.get(meaning.type.oid)?.relabelled?.now ?? objectNow(step, meaning.type)
      const found = lookUpType(namespaceAfter(context), schema, name)
      if (now === undefined && found !== undefined) refuseGoneObject(context, meaning.type, at)
      if (now === undefined || (found !== undefined && 'object' in found && found.object === now)) return undefined
      return qualifiedName(now.schema, now.name)
    }
    case 'functions': {
      const now = functionNow(context, { ...meaning, schema, name }, at)
      return now === undefined ? undefined : qualifiedName(now.schema, now.name)
    }
  }
}

/** `u.full_name`, `(u).full_name`: a call in the form of a field, which cannot take a schema. */
export function planFieldCall(context: PlanContext, { name }: AbsentReference | FieldReference, at?: number): void {
  const functions = (context.step.before.objectsByName.get(name ?? '') ?? []).filter(({ kind }) => kind === 'function')
  const renamed = functions.some((object) => {
    const now = objectNow(context.step, object)
    return now?.name !== object.name || now.schema !== object.schema
  })
  if (!renamed) return
  refuseUnsupported(
    context,
    `"${name}" may be a call of function "${name}", which was renamed or moved, in the form of a field`,
    `Write it as a call: ${name}(...).`,
    at,
  )
}
