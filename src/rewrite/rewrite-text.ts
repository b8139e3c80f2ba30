import type { Relation } from '../catalog/catalog.js'
import { resolveStatement } from '../resolve/statement.js'
import { type ByteString, fromByteString } from '../sql/byte-string.js'
import type { ParsedStatement, Parser } from '../sql/parse.js'
import { scan } from '../sql/scan.js'
import type { Token } from '../sql/token.js'
import { type Earlier, noticeStatement, refuseAfter } from './earlier-statements.js'
import { mapNames, namesBack } from './map-error.js'
import type { Edit, Outcome, Refusal, RewriteRequest } from './outcome.js'
import type { PlannedRefusal, StepFacts } from './plan-context.js'
import { planStatement } from './plan-statement.js'
import { offsetOfPosition, positionOfOffset, type Spliced, splice } from './splice.js'

/** What rewriting needs besides the request. */
export interface RewriteTools {
  /** By index of the step. */
  readonly steps: readonly StepFacts[]
  readonly parser: Parser
  /** A new marker for a refused statement. */
  readonly marker: () => string
}

/** One step's answer to a whole text. */
interface StepResult {
  readonly spliced: Spliced
  readonly refusal: PlannedRefusal | undefined
  /** oids of the changed relations that the text names. */
  readonly relations: readonly number[]
}

/** Carries a text from the client's version to the head, step by step, each against its own catalog (decision 7). */
export function rewriteText(tools: RewriteTools, request: RewriteRequest): Outcome {
  const layers: StepResult[] = []
  let text = request.text
  let refusal: Refusal | undefined
  const marker = tools.marker()
  for (const step of tools.steps.slice(request.version)) {
    const result = rewriteStep(tools.parser, step, text, request, marker)
    if (result === undefined) continue
    if (result.refusal !== undefined) refusal = refusalForClient(tools, request, step, layers, result.refusal)
    layers.push(result)
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
    : { kind: 'refused', text, marker, refusal, oldPosition, relations }
}

/** A later step refuses in the names of its own version; the client knows those of its version. */
function refusalForClient(
  tools: RewriteTools,
  request: RewriteRequest,
  step: StepFacts,
  layers: readonly StepResult[],
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
function originalOffset(layers: readonly StepResult[], offset: number | undefined): number | undefined {
  let at = offset
  for (const layer of [...layers].reverse()) at = at === undefined ? undefined : layer.spliced.oldOffset(at)
  return at
}

/** Undefined where the step changes nothing in this text. */
function rewriteStep(
  parser: Parser,
  step: StepFacts,
  text: ByteString,
  request: RewriteRequest,
  marker: string,
): StepResult | undefined {
  const decoded = request.clientEncoding === 'UTF8' ? fromByteString(text) : undefined
  if (decoded === undefined) return refuseWhole(text, marker, UNREADABLE)
  const parsed = parser.parse(decoded)
  if (parsed.kind === 'error') {
    const { message, position } = parsed
    if (position === undefined) return refuseWhole(text, marker, { sqlstate: '54001', message })
    return refuseWhole(text, marker, { sqlstate: '42601', message, at: offsetOfPosition(text, position) })
  }
  const tokens = scan(text, { standardConformingStrings: request.standardConformingStrings })
  if (!Array.isArray(tokens)) return refuseWhole(text, marker, UNREADABLE)
  return planText(step, text, parsed.statements, tokens, request, marker)
}

const UNREADABLE: PlannedRefusal = {
  sqlstate: '0A000',
  message: 'the text of this statement cannot be read, and it names something that a migration changed',
  hint: 'Set client_encoding to UTF8, and keep standard_conforming_strings on.',
}

function refuseWhole(text: ByteString, marker: string, refusal: PlannedRefusal): StepResult {
  return { spliced: splice(text, [refusingEdit(0, text.length, marker)]), refusal, relations: [] }
}

/** A statement that parses, has no effect, and fails in analysis on a name that is in nobody's schema. */
function refusingEdit(start: number, end: number, marker: string): Edit {
  return { start, end, text: `SELECT "${marker}"` }
}

function planText(
  step: StepFacts,
  text: ByteString,
  statements: readonly ParsedStatement[],
  tokens: readonly Token[],
  request: RewriteRequest,
  marker: string,
): StepResult | undefined {
  const names: { path: readonly string[]; temporary: readonly Relation[] } = request
  const edits: Edit[] = []
  const relations: number[] = []
  const earlier: Earlier = { created: new Set(), pathChanged: false }
  for (const statement of statements) {
    const { node, start, end } = statement
    const references = resolveStatement(node, { catalog: step.before, ...names })
    const plan = planStatement({ text, tokens, start, end }, references, step, names)
    const refusal = plan.refusal ?? refuseAfter(earlier, references, plan.edits, start)
    if (refusal !== undefined) {
      // Statements after it would not run: PostgreSQL leaves a Query at its first error.
      return { spliced: splice(text, [...edits, refusingEdit(start, text.length, marker)]), refusal, relations }
    }
    edits.push(...plan.edits)
    relations.push(...plan.relations)
    noticeStatement(earlier, node)
  }
  return edits.length === 0 ? undefined : { spliced: splice(text, edits), refusal: undefined, relations }
}
