import type { Catalog } from '../../catalog/catalog.js'
import { type Difference, formatDifference } from '../../catalog/difference.js'
import { type DeclareOptions, planApplied, planGeneration } from '../../config/declare.js'
import { fitRule } from '../../config/fit-rule.js'
import type { Problem } from '../../config/problem.js'
import type { RuleFile } from '../../config/rule-file.js'
import { planStep, type StepRules } from '../../rewrite/plan-step.js'
import { findRetypedElsewhere } from '../retyped-columns.js'
import type { RecordedStep, StoredState } from './store.js'

/** What became of a database that changed while no proxy was asked. */
export type ExplainedChange =
  /** Old statements see no difference. */
  | { readonly kind: 'same' }
  /** Migrations, to be recorded one after the other. */
  | { readonly kind: 'steps'; readonly steps: readonly Omit<RecordedStep, 'fingerprint'>[] }
  /** A rule file is needed. */
  | { readonly kind: 'unexplained'; readonly problems: readonly Problem[] }

/**
 * Finds the steps from the stored head to the database as it is: the armed rule files that fit it now, else what identity
 * shows, with the rule file of the step's own name, where there is one. What changed the meaning of values without a trace
 * (UPDATE, ALTER TYPE ... USING) it cannot see, so that types that changed need a rule.
 */
export async function explainChange(
  { steps, head }: Pick<StoredState, 'steps' | 'head'>,
  live: Catalog,
  rules: readonly RuleFile[],
  options: DeclareOptions,
): Promise<ExplainedChange> {
  const known = new Set(steps.map(({ name }) => name))
  const name = nextStepName(steps)
  const own = rules.find(({ version }) => version === name)
  if (own !== undefined) return await stepsOfFiles([head, live], [own], options)
  const open = rules.filter(({ version }) => !known.has(version))
  const older = await planApplied(steps[0]?.before ?? head, open, options)
  if (!older.ok) return { kind: 'unexplained', problems: older.problems }
  const stored = await planGeneration(head, older.value.armed, options)
  if (!stored.ok) return { kind: 'unexplained', problems: stored.problems }
  const { armed } = stored.value
  const single = await stepOfFirst(head, live, armed, options)
  if (single !== undefined) return single
  const newer = await planGeneration(live, armed, options)
  if (!newer.ok) return { kind: 'unexplained', problems: newer.problems }
  const files = armed.slice(0, armed.length - newer.value.armed.length)
  if (files.length > 0) {
    const catalogs = newer.value.generation.versions.map(({ catalog }) => catalog)
    return await stepsOfFiles([head, ...catalogs.slice(1)], files, options)
  }
  const { mapping, differences } = planStep(head, live)
  const problems = [...differences, ...findRetypedElsewhere(head, live, new Map())].map(problemOf(name))
  if (problems.length > 0) return { kind: 'unexplained', problems }
  if (mapping.relations.size === 0 && (mapping.objects?.size ?? 0) === 0) return { kind: 'same' }
  return { kind: 'steps', steps: [{ name, before: head, after: live, rules: new Map() }] }
}

/** The first armed file alone: what the old table was is known, so that the file need not say it. */
async function stepOfFirst(
  head: Catalog,
  live: Catalog,
  [file, ...rest]: readonly RuleFile[],
  options: DeclareOptions,
): Promise<ExplainedChange | undefined> {
  if (file === undefined || fitRule(live, file, await options.server.types([file])).kind !== 'after') return undefined
  const later = await planGeneration(live, rest, options)
  if (!later.ok || later.value.armed.length < rest.length) return undefined
  return await stepsOfFiles([head, live], [file], options)
}

/** One step a file; the catalogs between them are derived from the last one. */
async function stepsOfFiles(
  catalogs: readonly Catalog[],
  files: readonly RuleFile[],
  { server }: DeclareOptions,
): Promise<ExplainedChange> {
  const steps: Omit<RecordedStep, 'fingerprint'>[] = []
  const problems: Problem[] = []
  for (const [index, file] of files.entries()) {
    const [before, after] = [catalogs[index], catalogs[index + 1]]
    if (before === undefined || after === undefined) throw new Error('a rule file without its versions')
    const bound = await server.bind(before, after, file)
    if (!bound.ok) {
      problems.push(...bound.problems)
      continue
    }
    problems.push(...unexplained(before, after, bound.value).map(problemOf(file.file)))
    steps.push({ name: file.version, before, after, rules: bound.value })
  }
  return problems.length > 0 ? { kind: 'unexplained', problems } : { kind: 'steps', steps }
}

function unexplained(before: Catalog, after: Catalog, rules: StepRules): readonly Difference[] {
  return [...planStep(before, after, rules).differences, ...findRetypedElsewhere(before, after, rules)]
}

function problemOf(file: string): (difference: Difference) => Problem {
  return (difference) => ({ place: { file, line: 1, column: 1 }, message: formatDifference(difference) })
}

/** What the next step that is found, and that no rule file names, is called. */
export function nextStepName(steps: StoredState['steps']): string {
  const taken = new Set(steps.map(({ name }) => name))
  for (let number = 1; ; number++) {
    const name = `out-of-band-${number}`
    if (!taken.has(name)) return name
  }
}
