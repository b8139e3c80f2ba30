import type { ByteString } from '../sql/byte-string.js'
import { mentions } from '../sql/mentions.js'
import type { NameTable } from '../sql/name-table.js'
import type { Parser } from '../sql/parse.js'
import { mapNames } from './map-error.js'
import { namesBack } from './names-back.js'
import type { Outcome, Refusal, RewriteRequest } from './outcome.js'
import type { PlannedRefusal, StepFacts } from './plan-context.js'
import type { ReadText } from './read-text.js'
import { refusalReason } from './refusal-reasons.js'
import { planText, rewriteStep, type StepResult } from './rewrite-step.js'
import { offsetOfPosition, positionOfOffset } from './splice.js'
import { oldOffset, type WayBack } from './way-back.js'

/** What rewriting needs besides the request. */
export interface RewriteTools {
  /** By index of the step. */
  readonly steps: readonly StepFacts[]
  /** The closure of each step, by its index. */
  readonly closures: readonly NameTable[]
  readonly parser: Parser
  /** A new marker for a refused statement. */
  readonly marker: () => string
}

/** What stays of a step once its text is made: no tree and no text, as outcomes are kept in the cache. */
interface Layer extends Pick<StepResult, 'relations'> {
  readonly wayBack: WayBack
}

/** What a text became, and at what cost. */
export interface SizedOutcome {
  readonly outcome: Outcome
  /** Bytes that the outcome keeps besides the texts in it. */
  readonly bytes: number
  /** False where each step saw without a parse that it changes nothing. */
  readonly parsed: boolean
}

/** Carries a text from the client's version to the head, step by step, each against its own catalog (decision 7). */
export function rewriteText(tools: RewriteTools, request: RewriteRequest): SizedOutcome {
  const layers: Layer[] = []
  let text = request.text
  let parsed = false
  let refusal: Refusal | undefined
  let named: string | undefined
  const marker = (): string => {
    named ??= tools.marker()
    return named
  }
  for (const step of tools.steps.slice(request.version)) {
    if (!isMentioned(tools, step, text, request)) continue
    parsed = true
    const result = rewriteStep(tools.parser, step, text, request, marker)
    if (result === undefined) continue
    if (result.refusal !== undefined) refusal = refusalForClient(tools, request, step, layers, result.refusal)
    layers.push({ wayBack: result.spliced.wayBack, relations: result.relations })
    text = result.spliced.text
  }
  if (text === request.text) return { outcome: { kind: 'unchanged' }, bytes: 0, parsed }
  const ways = layers.map(({ wayBack }) => wayBack)
  const oldPosition = positionsBack(request.text, text, ways)
  const relations = new Set(layers.flatMap((layer) => layer.relations))
  const bytes = ways.reduce((sum, way) => sum + way.byteLength, 0)
  return refusal === undefined
    ? { outcome: { kind: 'rewritten', text, oldPosition, relations }, bytes, parsed }
    : { outcome: { kind: 'refused', text, marker: marker(), refusal, oldPosition, relations }, bytes, parsed }
}

/** What the last step makes of a text that was read ahead; undefined where the whole chain has to tell. */
export function rewriteLast(tools: RewriteTools, read: ReadText): string | undefined {
  const step = tools.steps.at(-1)
  if (step === undefined || step.before !== read.catalog) return undefined
  if (!isMentioned(tools, step, read.text, read.request)) return read.text
  const result = planText(step, read, tools.marker)
  return result?.refusal === undefined ? (result?.spliced.text ?? read.text) : undefined
}

/** The closure of each step is asked too: most statements of a long chain are about few of its steps. */
function isMentioned(tools: RewriteTools, step: StepFacts, text: ByteString, request: RewriteRequest): boolean {
  const closure = tools.closures[step.number]
  return closure === undefined || mentions(text, closure, request)
}

// A function of its own: what is made in the same scope as a closure lives as long as the closure does.
function positionsBack(
  oldText: ByteString,
  newText: ByteString,
  ways: readonly WayBack[],
): (position: number) => number | undefined {
  return (position) => {
    const offset = originalOffset(ways, offsetOfPosition(newText, position))
    return offset === undefined ? undefined : positionOfOffset(oldText, offset)
  }
}

/** SQLSTATEs of refusals that are ours; other messages are PostgreSQL's own. */
const REASONED: ReadonlySet<string> = new Set(['0A000', '42P01', '42883', '42704'])

/** A later step refuses in the names of its own version; the client knows those of its version. */
function refusalForClient(
  tools: RewriteTools,
  request: RewriteRequest,
  step: StepFacts,
  layers: readonly Layer[],
  { sqlstate, message, detail, hint, at }: PlannedRefusal,
): Refusal {
  const passed = tools.steps.slice(request.version, tools.steps.indexOf(step))
  const names = passed.length === 0 ? undefined : namesBack(passed)
  const relations = new Set(layers.flatMap((layer) => layer.relations))
  const said = names === undefined ? message : mapNames(new Map([['M', message]]), names, relations).get('M')
  const ways = layers.map(({ wayBack }) => wayBack)
  const offset = originalOffset(ways, at)
  const reason = REASONED.has(sqlstate) ? refusalReason(message) : undefined
  return {
    sqlstate,
    message: said ?? message,
    ...(reason === undefined ? {} : { reason }),
    ...(detail === undefined ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
    ...(offset === undefined ? {} : { position: positionOfOffset(request.text, offset) }),
  }
}

/** An offset into the last step's result, followed back to the client's text. */
function originalOffset(ways: readonly WayBack[], offset: number | undefined): number | undefined {
  let at = offset
  for (const way of [...ways].reverse()) at = at === undefined ? undefined : oldOffset(way, at)
  return at
}
