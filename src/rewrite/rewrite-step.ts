import type { Node } from 'libpg-query'
import type { Reference } from '../resolve/reference.js'
import { type ByteString, isAscii } from '../sql/byte-string.js'
import { mentions } from '../sql/mentions.js'
import { nameTable } from '../sql/name-table.js'
import type { Parser } from '../sql/parse.js'
import { type Earlier, noticeStatement, refuseAfter, withoutCreated } from './earlier-statements.js'
import type { Edit, RewriteRequest } from './outcome.js'
import type { NamePath, PlannedRefusal, StepFacts } from './plan-context.js'
import { planStatement } from './plan-statement.js'
import { type ReadText, readText, UNREADABLE } from './read-text.js'
import { type Spliced, splice } from './splice.js'

/** One step's answer to a whole text. */
export interface StepResult {
  readonly spliced: Spliced
  readonly refusal: PlannedRefusal | undefined
  /** oids of the changed relations that the text names. */
  readonly relations: readonly number[]
  readonly edits: readonly Edit[]
  readonly references: readonly Reference[]
}

/** Carries a text over one step; undefined where the step changes nothing in it. */
export function rewriteStep(
  parser: Parser,
  step: StepFacts,
  text: ByteString,
  request: RewriteRequest,
  marker: () => string,
): StepResult | undefined {
  const read = readText(parser, step.before, text, request)
  switch (read.kind) {
    case 'unreadable':
      return namesNothingChanged(step, text, request) ? undefined : refuseWhole(text, marker, UNREADABLE)
    case 'failed':
      return refuseWhole(text, marker, read.refusal)
    case 'read':
      return planText(step, read, marker)
  }
}

/** Of a text in an unknown encoding only ASCII can be read, which is enough where all changed names are ASCII. */
function namesNothingChanged(step: StepFacts, text: ByteString, request: RewriteRequest): boolean {
  return (
    [...step.closure].every(isAscii) &&
    !mentions(text.replace(/[\u0080-\u00ff]/g, '_'), nameTable(step.closure), request)
  )
}

function refuseWhole(text: ByteString, marker: () => string, refusal: PlannedRefusal): StepResult {
  const edits = [refusingEdit(0, text.length, marker())]
  return { spliced: splice(text, edits), refusal, relations: [], edits, references: [] }
}

/** A statement that parses, has no effect, and fails in analysis on a name that is in nobody's schema. */
function refusingEdit(start: number, end: number, marker: string): Edit {
  return { start, end, text: `SELECT "${marker}"` }
}

/** PREPARE declares types by name, which are not followed: they are known as not known. */
function typedNames(names: NamePath, node: Node): NamePath {
  const count = 'PrepareStmt' in node ? (node.PrepareStmt.argtypes?.length ?? 0) : 0
  return count === 0 ? names : { ...names, declaredTypes: Array.from({ length: count }, () => '-1').join(',') }
}

/** As rewriteStep, for a text that was read against the catalog that the step leads from. */
export function planText(step: StepFacts, read: ReadText, marker: () => string): StepResult | undefined {
  const { text, tokens, request } = read
  const { standardConformingStrings } = request
  const edits: Edit[] = []
  const relations: number[] = []
  const seen: Reference[] = []
  const earlier: Earlier = { created: new Set(), pathChanged: false }
  for (const statement of read.statements) {
    const { node, start, end } = statement
    const references = withoutCreated(earlier, statement.references)
    // Not spread into push: there may be more of them than a call can have arguments.
    for (const reference of references) seen.push(reference)
    const plan = planStatement(
      { text, tokens, start, end, standardConformingStrings },
      references,
      step,
      typedNames(request, node),
    )
    const refusal = plan.refusal ?? refuseAfter(earlier, references, plan.edits, start)
    if (refusal !== undefined) {
      // Statements after it would not run: PostgreSQL leaves a Query at its first error.
      edits.push(refusingEdit(start, text.length, marker()))
      return { spliced: splice(text, edits), refusal, relations, edits, references: seen }
    }
    for (const one of plan.edits) edits.push(one)
    for (const relation of plan.relations) relations.push(relation)
    if (statement !== read.statements.at(-1)) noticeStatement(earlier, node, references)
  }
  if (edits.length === 0) return undefined
  return { spliced: splice(text, edits), refusal: undefined, relations, edits, references: seen }
}
