import { randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Relation } from '../catalog/catalog.js'
import { mentions } from '../sql/mentions.js'
import type { Parser } from '../sql/parse.js'
import type { Closure } from './closure.js'
import type { Generation } from './generation.js'
import { headIndex } from './generation.js'
import { mapErrorBack, type NamesBack, namesBack } from './map-error.js'
import type { ErrorFields, Outcome, RewriteRequest, Rewriter } from './outcome.js'
import type { StepFacts } from './plan-context.js'
import { type RewriteTools, rewriteText } from './rewrite-text.js'
import { stepFacts } from './step-facts.js'

export interface RewriterOptions {
  readonly parser: Parser
  /** Told of a bug that a text met; its client gets an internal error (XX000), and the session lives on. */
  readonly onBug?: (error: unknown, text: string) => void
  /** Bytes that remembered texts and outcomes may take; default 64 MiB. */
  readonly cacheBytes?: number
}

const DEFAULT_CACHE_BYTES = 64 * 1024 * 1024
const UNCHANGED: Outcome = { kind: 'unchanged' }

/** Makes the rewriter of one generation. Same text, version, path and settings: same outcome, from the cache. */
export function createRewriter(generation: Generation, options: RewriterOptions): Rewriter {
  const steps = stepFacts(generation)
  const closures = closuresFrom(steps)
  const back = namesBackFrom(generation)
  const tools: RewriteTools = { steps, parser: options.parser, marker }
  const contexts = contextKeys()
  const cache = new LRUCache<string, Outcome>({
    maxSize: options.cacheBytes ?? DEFAULT_CACHE_BYTES,
    sizeCalculation: (outcome, key) => key.length + 200 + (outcome.kind === 'unchanged' ? 0 : outcome.text.length),
  })
  const head = headIndex(generation)
  return {
    speaksHead: (version) => version >= head,
    rewrite(request) {
      if (request.version >= head) return UNCHANGED
      const key = contexts(request) + request.text
      const known = cache.get(key)
      if (known !== undefined) return known
      const closure = closures[request.version]
      const mentioned = closure !== undefined && mentions(request.text, closure, request)
      const outcome = mentioned ? rewriteOrReport(tools, request, options.onBug) : UNCHANGED
      cache.set(key, outcome)
      return outcome
    },
    mapError: (fields: ErrorFields, version: number, outcome: Outcome | undefined) => {
      const names = back(version)
      return names === undefined ? fields : mapErrorBack(fields, names, outcome)
    },
  }
}

/** A bug in one statement must not end the other sessions: it is told, and the statement fails as an internal error. */
function rewriteOrReport(tools: RewriteTools, request: RewriteRequest, onBug: RewriterOptions['onBug']): Outcome {
  try {
    return rewriteText(tools, request)
  } catch (error) {
    onBug?.(error, request.text)
    const name = tools.marker()
    const message = `pg-hotswap cannot rewrite this statement because of a bug: ${String(error)}`
    const refusal = { sqlstate: 'XX000', message, hint: 'Please report it, with the statement.' }
    return { kind: 'refused', text: `SELECT "${name}"`, marker: name, refusal, oldPosition: () => undefined }
  }
}

/** For each version, all names that a step between it and the head changed. */
function closuresFrom(steps: readonly StepFacts[]): readonly Closure[] {
  return steps.map((_, index) => new Set(steps.slice(index).flatMap((step) => [...step.closure])))
}

/** Errors are rare: the way back from the head is prepared at a version's first one. */
function namesBackFrom(generation: Generation): (version: number) => NamesBack | undefined {
  const prepared = new Map<number, NamesBack>()
  const head = generation.versions.at(-1)?.catalog
  return (version) => {
    const known = prepared.get(version)
    const catalog = generation.versions[version]?.catalog
    if (known !== undefined || head === undefined || catalog === undefined || catalog === head) return known
    const names = namesBack(catalog, head)
    prepared.set(version, names)
    return names
  }
}

/** A name that no client can know or guess: 128 random bits. */
function marker(): string {
  return `hotswap_refused_${randomBytes(16).toString('hex')}`
}

/** The part of a cache key that is not the text. Sessions with temporary relations share with nobody. */
function contextKeys(): (request: RewriteRequest) => string {
  const paths = new WeakMap<readonly string[], string>()
  const temporaries = new WeakMap<readonly Relation[], number>()
  let nextTemporary = 1
  const temporaryKey = (temporary: readonly Relation[]): number => {
    if (temporary.length === 0) return 0
    const known = temporaries.get(temporary) ?? nextTemporary++
    temporaries.set(temporary, known)
    return known
  }
  return ({ path, temporary, version, standardConformingStrings, clientEncoding }) => {
    let pathKey = paths.get(path)
    if (pathKey === undefined) {
      pathKey = JSON.stringify(path)
      paths.set(path, pathKey)
    }
    return `${version} ${temporaryKey(temporary)} ${standardConformingStrings ? 1 : 0} ${clientEncoding} ${pathKey} `
  }
}
