import type { Parser } from '../sql/parse.js'
import { mapNames, namesBack } from './map-error.js'
import type { Outcome, Refusal, RewriteRequest } from './outcome.js'
import type { PlannedRefusal, StepFacts } from './plan-context.js'
import { rewriteStep, type StepResult } from './rewrite-step.js'
import { offsetOfPosition, positionOfOffset } from './splice.js'

/** What rewriting needs besides the request. */
export interface RewriteTools {
  /** By index of the step. */
  readonly steps: readonly StepFacts[]
  readonly parser: Parser
  /** A new marker for a refused statement. */
  readonly marker: () => string
}

/** What stays of a step once its text is made: no tree, as outcomes are kept in the cache. */
type Layer = Pick<StepResult, 'spliced' | 'relations'>

/** Carries a text from the client's version to the head, step by step, each against its own catalog (decision 7). */
export function rewriteText(tools: RewriteTools, request: RewriteRequest): Outcome {
  const layers: Layer[] = []
  let text = request.text
  let refusal: Refusal | undefined
  let named: string | undefined
  const marker = (): string => {
    named ??= tools.marker()
    return named
  }
  for (const step of tools.steps.slice(request.version)) {
    const result = rewriteStep(tools.parser, step, text, request, marker)
    if (result === undefined) continue
    if (result.refusal !== undefined) refusal = refusalForClient(tools, request, step, layers, result.refusal)
    layers.push({ spliced: result.spliced, relations: result.relations })
    text = result.spliced.text
  }
  if (text === request.text) return { kind: 'unchanged' }
  const oldPosition = (position: number): number | undefined => {
    const offset = originalOffset(layers, offsetOfPosition(text, position))
    return offset === undefined ? undefined : positionOfOffset(request.text, offset)
  }
  const relations = new Set(layers.flatMap((layer) => layer.relations))
  return refusal === undefined
    ? { kind: 'rewritten', text, oldPosition, relations }
    : { kind: 'refused', text, marker: marker(), refusal, oldPosition, relations }
}

/** A later step refuses in the names of its own version; the client knows those of its version. */
function refusalForClient(
  tools: RewriteTools,
  request: RewriteRequest,
  step: StepFacts,
  layers: readonly Layer[],
  { sqlstate, message, detail, hint, at }: PlannedRefusal,
): Refusal {
  const first = tools.steps[request.version]
  const names = first === undefined || first === step ? undefined : namesBack(first.before, step.before)
  const relations = new Set(layers.flatMap((layer) => layer.relations))
  const said = names === undefined ? message : mapNames(new Map([['M', message]]), names, relations).get('M')
  const offset = originalOffset(layers, at)
  return {
    sqlstate,
    message: said ?? message,
    ...(detail === undefined ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
    ...(offset === undefined ? {} : { position: positionOfOffset(request.text, offset) }),
  }
}

/** An offset into the last layer's result, followed back to the client's text. */
function originalOffset(layers: readonly Layer[], offset: number | undefined): number | undefined {
  let at = offset
  for (const layer of [...layers].reverse()) at = at === undefined ? undefined : layer.spliced.oldOffset(at)
  return at
}
