import type { Reference } from '../resolve/reference.js'
import { resolveStatement } from '../resolve/statement.js'
import { type ByteString, fromByteString } from '../sql/byte-string.js'
import type { Parser } from '../sql/parse.js'
import type { Generation } from './generation.js'
import type { Edit, Outcome, RewriteRequest } from './outcome.js'
import { rewriteStep } from './rewrite-step.js'
import { createRewriter } from './rewriter.js'
import { stepFacts } from './step-facts.js'

/** One reference of a statement, in words. */
export interface ExplainedReference {
  /** What stands there, e.g. `column name`. */
  readonly what: string
  /** What it is bound to, or why it is not. */
  readonly why: string
}

/** What one step makes of the text that reaches it. */
export interface ExplainedStep {
  readonly from: string
  readonly to: string
  readonly text: string
  readonly newText: string
  /** Byte offsets into `text`. */
  readonly edits: readonly Edit[]
  readonly references: readonly ExplainedReference[]
}

export interface Explanation {
  readonly outcome: Outcome
  readonly steps: readonly ExplainedStep[]
}

/** Rewrites one text as a session would, and tells every edit and every reference of each step. */
export function explainRewrite(generation: Generation, parser: Parser, request: RewriteRequest): Explanation {
  const outcome = createRewriter(generation, { parser }).rewrite(request)
  const steps: ExplainedStep[] = []
  let text = request.text
  for (const step of stepFacts(generation).slice(request.version)) {
    const result = rewriteStep(parser, step, text, request, () => 'hotswap_refused')
    const newText = result?.spliced.text ?? text
    const references = result?.references ?? referencesOf(parser, text, step.before, request)
    steps.push({
      from: generation.versions[step.number]?.name ?? '',
      to: generation.versions[step.number + 1]?.name ?? '',
      text: decoded(text),
      newText: decoded(newText),
      edits: result?.edits ?? [],
      references: references.map(explainReference),
    })
    if (result?.refusal !== undefined) break
    text = newText
  }
  return { outcome, steps }
}

function decoded(text: ByteString): string {
  return fromByteString(text) ?? text
}

function referencesOf(
  parser: Parser,
  text: ByteString,
  catalog: Parameters<typeof resolveStatement>[1]['catalog'],
  { path, temporary }: RewriteRequest,
): readonly Reference[] {
  const parsed = parser.parse(decoded(text))
  if (parsed.kind === 'error') return []
  return parsed.statements.flatMap(({ node }) => resolveStatement(node, { catalog, path, temporary }))
}

/** One sentence part for each kind of reference; a kind without one fails the type-check. */
const WORDS: { readonly [K in Reference['kind']]: (reference: Extract<Reference, { kind: K }>) => ExplainedReference } =
  {
    range: ({ range }) => ({ what: `relation ${range.name}`, why: `is ${nameOf(range.relation)}, as ${range.role}` }),
    'function-range': ({ range }) => ({
      what: `function ${range.name}`,
      why: `gives rows of ${nameOf(range.relation)}`,
    }),
    column: ({ name, range }) => ({ what: `column ${name}`, why: `belongs to ${range.name ?? 'a subquery'}` }),
    comparison: ({ form }) => ({ what: `comparison (${form})`, why: 'may use an index' }),
    merged: ({ left }) => ({ what: `column ${left.name}`, why: 'is merged from both sides of a join' }),
    sort: ({ range, index }) => ({ what: 'ORDER BY', why: `sorts by ${range.columns?.[index]} of ${range.name}` }),
    grouping: ({ columns }) => ({ what: 'GROUP BY', why: `groups by ${columns.length} columns` }),
    uncertain: ({ name }) => ({ what: `column ${name}`, why: 'may belong to a relation whose columns are not known' }),
    ambiguous: ({ name }) => ({ what: `column ${name}`, why: 'is ambiguous' }),
    absent: ({ name }) => ({ what: `column ${name}`, why: 'is in no visible relation of this version' }),
    'missing-range': ({ name }) => ({ what: `relation ${name}`, why: 'is not in FROM' }),
    'whole-row': ({ range, use }) => ({ what: `whole row ${range.name}`, why: `is used as ${use}` }),
    star: ({ range }) => ({
      what: range === undefined ? '*' : `${range.name}.*`,
      why: 'shows the columns of this version',
    }),
    'system-column': ({ range }) => ({ what: 'system column', why: `belongs to ${range.name}` }),
    'target-column': ({ name, range }) => ({ what: `column ${name}`, why: `is written in ${range.name}` }),
    'output-name': ({ name }) => ({ what: `output ${name}`, why: 'takes its name from a column, call or cast' }),
    'set-list': ({ range, assignments }) => ({
      what: `SET of ${range.name}`,
      why: `assigns ${assignments.length} times`,
    }),
    insert: ({ range, listed }) => ({
      what: `INSERT into ${range.name}`,
      why: listed === undefined ? 'names no columns' : `names ${listed} columns`,
    }),
    copy: ({ range, from }) => ({ what: `COPY ${range.name}`, why: from ? 'takes rows' : 'gives rows' }),
    constraint: ({ name, range }) => ({ what: `constraint ${name}`, why: `belongs to ${range.name}` }),
    'name-string': ({ relation }) => ({ what: 'string', why: `names ${nameOf(relation)}` }),
    'column-string': ({ relation, name }) => ({ what: 'string', why: `names column ${name} of ${nameOf(relation)}` }),
    'names-string': ({ parts }) => ({ what: 'string', why: `names ${parts.map(({ name }) => name).join(', ')}` }),
    type: ({ type }) => ({ what: `type ${type.name}`, why: `is ${nameOf(type)}` }),
    'type-oid': () => ({ what: 'oid', why: 'is that of a type, which is told by name' }),
    call: ({ name, objects }) => ({
      what: `function ${name}`,
      why: `may be ${[...new Set(objects.map(nameOf))].join(', ')}`,
    }),
    'row-type': ({ relation }) => ({ what: 'type', why: `is the row type of ${nameOf(relation)}` }),
    'row-function': () => ({ what: 'function', why: "has a relation's row type among its arguments or as its result" }),
    'row-source': () => ({ what: 'function', why: 'shows the fields of rows that it is given' }),
    field: ({ name }) => ({ what: `field ${name ?? '*'}`, why: 'is of a composite value' }),
    'unknown-relation': ({ node }) => ({ what: `relation ${node.relname}`, why: 'is not in this version' }),
    'unknown-name': ({ name }) => ({ what: `string '${name}'`, why: 'names no relation of this version' }),
    'hidden-query': () => ({ what: 'function', why: 'has a query or a table in a string' }),
    created: ({ node }) => ({ what: `name ${node.relname}`, why: 'of what is made: taken where the version has it' }),
    'built-upon': ({ relation }) => ({ what: `table ${relation.name}`, why: 'that a new table is built upon' }),
    'index-definition': ({ relation }) => ({
      what: `index of ${relation.name}`,
      why: 'that is made, or there already',
    }),
    'standing-column': ({ name }) => ({ what: `column ${name}`, why: 'that is there already' }),
    unfollowed: ({ tag }) => ({ what: tag, why: 'passes only where it names nothing that changed' }),
  }

function explainReference(reference: Reference): ExplainedReference {
  return (WORDS[reference.kind] as (reference: Reference) => ExplainedReference)(reference)
}

function nameOf(relation: { readonly schema: string; readonly name: string } | undefined): string {
  return relation === undefined ? 'unknown' : `${relation.schema}.${relation.name}`
}
