import { randomBytes } from 'node:crypto'
import { mentions } from '../sql/mentions.js'
import { nameTable } from '../sql/name-table.js'
import type { Parser } from '../sql/parse.js'
import { CATALOG_NAMES, readsCatalog } from './catalog-query.js'
import type { Closure } from './closure.js'
import { contextKeys } from './context-key.js'
import type { Generation } from './generation.js'
import { headIndex } from './generation.js'
import { mapErrorBack } from './map-error.js'
import { type NamesBack, namesBack } from './names-back.js'
import type { ErrorFields, Outcome, RewriteRequest, Rewriter } from './outcome.js'
import { createOutcomeCache } from './outcome-cache.js'
import type { StepFacts } from './plan-context.js'
import { readText } from './read-text.js'
import { type RewriteTools, rewriteLast, rewriteText, type SizedOutcome } from './rewrite-text.js'
import { createStepFacts, type StepFactsOf } from './step-facts.js'
import { typeOidsOf } from './type-oids.js'

export interface RewriterOptions {
  readonly parser: Parser
  /** Told of a bug that a text met; its client gets an internal error (XX000), and the session lives on. */
  readonly onBug?: (error: unknown, text: string) => void
  /** Bytes that remembered texts and outcomes may take; default 64 MiB. */
  readonly cacheBytes?: number
  /** Shared by the rewriters of one database's generations; default: one of its own. */
  readonly stepFacts?: StepFactsOf
}

const DEFAULT_CACHE_BYTES = 64 * 1024 * 1024

/**
 * Looking for names in a text of so many bytes takes a few microseconds, about as long as looking it up in a large cache; and
 * it ends at the first name that changed, which mostly stands near the beginning. Longer texts are looked up first.
 */
const SHORT_TEXT = 512

const UNCHANGED: Outcome = { kind: 'unchanged' }
const UNMENTIONED: SizedOutcome = { outcome: UNCHANGED, bytes: 0, parsed: false }

/** Makes the rewriter of one generation. Same text, version, path and settings: same outcome, from the cache. */
export function createRewriter(generation: Generation, options: RewriterOptions): Rewriter {
  const steps = (options.stepFacts ?? createStepFacts())(generation)
  const closures = closuresFrom(steps).map((names) => nameTable(new Set([...names, ...CATALOG_NAMES])))
  const back = namesBackFrom(steps)
  const stepClosures = steps.map((step) => nameTable(step.closure))
  const tools: RewriteTools = { steps, closures: stepClosures, parser: options.parser, marker }
  const oids = generation.versions.map((_, version) => typeOidsOf(generation, version))
  const contexts = contextKeys()
  const maxBytes = options.cacheBytes ?? DEFAULT_CACHE_BYTES
  const cache = createOutcomeCache(maxBytes)
  const counted = { hits: 0, misses: 0, unmentioned: 0, parsed: 0, refused: 0 }
  const head = headIndex(generation)
  return {
    speaksHead: (version) => version >= head,
    typeOids: (version) => oids[version],
    rewrite(request) {
      if (request.version >= head) return UNCHANGED
      const closure = closures[request.version]
      const short = request.text.length <= SHORT_TEXT
      if (closure === undefined || (short && !mentions(request.text, closure, request))) {
        counted.misses++
        counted.unmentioned++
        return UNCHANGED
      }
      const key = contexts(request) + request.text
      const known = cache.get(key)
      if (known !== undefined) {
        counted.hits++
        return known
      }
      counted.misses++
      if (!short && !mentions(request.text, closure, request)) {
        counted.unmentioned++
        cache.set(key, UNMENTIONED)
        return UNCHANGED
      }
      const sized = noteCatalog(rewriteOrReport(tools, request, options.onBug), request)
      counted[sized.parsed ? 'parsed' : 'unmentioned']++
      if (sized.outcome.kind === 'refused') counted.refused++
      cache.set(key, sized)
      return sized.outcome
    },
    readNewest(request) {
      const catalog = generation.versions[head]?.catalog
      const read = catalog && unlessBug(() => readText(options.parser, catalog, request.text, request))
      return read?.kind === 'read' ? read : undefined
    },
    rewriteRead: (read) => unlessBug(() => rewriteLast(tools, read)),
    stats: () => ({ ...counted, entries: cache.entries, bytes: cache.bytes, maxBytes, evictions: cache.evictions }),
    mapError: (fields: ErrorFields, version: number, outcome: Outcome | undefined) => {
      const names = back(version)
      return names === undefined ? fields : mapErrorBack(fields, names, outcome)
    },
  }
}

/** Of a bug `rewrite` tells, which is asked then. */
function unlessBug<T>(task: () => T): T | undefined {
  try {
    return task()
  } catch {
    return undefined
  }
}

/** A bug in one statement must not end the other sessions: it is told, and the statement fails as an internal error. */
function rewriteOrReport(tools: RewriteTools, request: RewriteRequest, onBug: RewriterOptions['onBug']): SizedOutcome {
  try {
    return rewriteText(tools, request)
  } catch (error) {
    onBug?.(error, request.text)
    const name = tools.marker()
    const message = `pg-hotswap cannot rewrite this statement because of a bug: ${String(error)}`
    const refusal = { sqlstate: 'XX000', message, hint: 'Please report it, with the statement.' }
    const outcome: Outcome = {
      kind: 'refused',
      text: `SELECT "${name}"`,
      marker: name,
      refusal,
      oldPosition: noPosition,
    }
    return { outcome, bytes: 0, parsed: true }
  }
}

function noteCatalog(sized: SizedOutcome, request: RewriteRequest): SizedOutcome {
  const { outcome } = sized
  if (outcome.kind === 'refused' || !readsCatalog(request.text, request)) return sized
  return { ...sized, outcome: { ...outcome, readsCatalog: true } }
}

/** Keeps nothing of the text alive. */
function noPosition(): undefined {
  return undefined
}

/** For each version, all names that a step between it and the head changed. */
function closuresFrom(steps: readonly StepFacts[]): readonly Closure[] {
  return steps.map((_, index) => new Set(steps.slice(index).flatMap((step) => [...step.closure])))
}

/** Errors are rare: the way back from the head is prepared at a version's first one. */
function namesBackFrom(steps: readonly StepFacts[]): (version: number) => NamesBack | undefined {
  const prepared = new Map<number, NamesBack>()
  return (version) => {
    const known = prepared.get(version)
    if (known !== undefined || version >= steps.length) return known
    const names = namesBack(steps.slice(version))
    prepared.set(version, names)
    return names
  }
}

/** A name that no client can know or guess: 128 random bits. */
function marker(): string {
  return `hotswap_refused_${randomBytes(16).toString('hex')}`
}
