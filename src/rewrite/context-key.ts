import { LRUCache } from 'lru-cache'
import type { RewriteRequest } from './outcome.js'

/** What decides an outcome besides the text. */
type RewriteContext = Omit<RewriteRequest, 'text'>

/**
 * How each part of a context enters the key of an outcome; a part that is forgotten here fails the type-check. Decision 12
 * names one more: the generation, as each has a rewriter and a cache of its own.
 */
const KEYED: { readonly [K in keyof RewriteContext]-?: (context: RewriteContext, identities: Identities) => string } = {
  version: ({ version }) => String(version),
  path: ({ path }) => JSON.stringify(path),
  // Sessions with temporary relations share with nobody.
  temporary: ({ temporary }, identities) => (temporary.length === 0 ? '' : String(identityOf(identities, temporary))),
  standardConformingStrings: ({ standardConformingStrings }) => String(standardConformingStrings),
  clientEncoding: ({ clientEncoding }) => clientEncoding,
  declaredTypes: ({ declaredTypes }) => declaredTypes ?? '',
}

const PARTS = Object.keys(KEYED) as readonly (keyof RewriteContext)[]

interface Identities {
  readonly known: WeakMap<object, number>
  next: number
}

function identityOf(identities: Identities, object: object): number {
  const known = identities.known.get(object) ?? identities.next++
  identities.known.set(object, known)
  return known
}

interface KnownContext {
  readonly context: RewriteContext
  readonly key: string
}

/** Contexts of which the short key is remembered; one that was forgotten gets another key, and so starts anew. */
const CONTEXTS = 10_000

/** Contexts that are remembered for the same path object: a session has one, and one for each list of types that its Parses declare. */
const CONTEXTS_OF_PATH = 8

/** The part of a cache key that is not the text, of a few characters; equal contexts have equal keys. */
export function contextKeys(): (request: RewriteRequest) => string {
  const identities: Identities = { known: new WeakMap(), next: 1 }
  // Room for so many takes a millisecond to make, and the first use comes after a switch, not within it.
  let keys: LRUCache<string, string> | undefined
  let next = 0
  const keyOf = (context: RewriteContext): string => {
    keys ??= new LRUCache({ max: CONTEXTS })
    const whole = JSON.stringify(PARTS.map((part) => KEYED[part](context, identities)))
    const key = keys.get(whole) ?? `${(next++).toString(36)} `
    keys.set(whole, key)
    return key
  }
  const ofPath = new WeakMap<readonly string[], KnownContext[]>()
  return (request) => {
    const known = ofPath.get(request.path) ?? []
    for (const { context, key } of known) if (isSame(context, request)) return key
    const { text, ...context } = request
    const key = keyOf(context)
    ofPath.set(request.path, [{ context, key }, ...known.slice(0, CONTEXTS_OF_PATH - 1)])
    return key
  }
}

// Spelled out, as it is asked for each statement; the type fails where a part is missing.
function isSame(context: RewriteContext, request: RewriteRequest): boolean {
  const same: { readonly [K in keyof RewriteContext]-?: boolean } = {
    version: context.version === request.version,
    path: context.path === request.path,
    temporary: context.temporary === request.temporary || context.temporary.length + request.temporary.length === 0,
    standardConformingStrings: context.standardConformingStrings === request.standardConformingStrings,
    clientEncoding: context.clientEncoding === request.clientEncoding,
    declaredTypes: context.declaredTypes === request.declaredTypes,
  }
  return (
    same.version &&
    same.path &&
    same.temporary &&
    same.standardConformingStrings &&
    same.clientEncoding &&
    same.declaredTypes
  )
}
