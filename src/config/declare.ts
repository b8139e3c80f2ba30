import type { Catalog } from '../catalog/catalog.js'
import { type Difference, qualifiedName } from '../catalog/difference.js'
import type { Generation, Step, Version } from '../rewrite/generation.js'
import { planStep, type StepRules } from '../rewrite/plan-step.js'
import { deriveAfter, deriveBefore } from './derive-catalog.js'
import { addedColumns, type BoundRule, bindRule, fitRule } from './fit-rule.js'
import { firstVersion } from './load-rules.js'
import type { Checked, Problem } from './problem.js'
import type { RuleFile } from './rule-file.js'

/** What rules alone say about a database. */
export interface DeclaredVersions {
  readonly generation: Generation
  /** Rule files whose migration has not run yet, in order. */
  readonly armed: readonly RuleFile[]
  /** What its author should know, as sentences. */
  readonly notes: readonly string[]
}

/**
 * The versions that rule files declare: they are steps in the order of their names, the head is after the last one that
 * fits the database, and each older catalog is derived from the next one. Files after the head are armed.
 *
 *     initial --0001-people--> 0001-people --0002-mail--> 0002-mail = head      armed: 0003-orders
 */
export function planGeneration(
  head: Catalog,
  rules: readonly RuleFile[],
  options: { readonly number: number },
): Checked<DeclaredVersions> {
  for (let applied = rules.length; applied >= 0; applied--) {
    const problems = [...checkApplied(head, rules.slice(0, applied)), ...checkArmed(head, rules.slice(applied))]
    if (problems.length > 0) continue
    const planned = deriveVersions(head, rules.slice(0, applied), options.number)
    if (!planned.ok) return planned
    return { ok: true, value: { ...planned.value, armed: rules.slice(applied) } }
  }
  return { ok: false, problems: explainMisfit(head, rules) }
}

/** As `planGeneration`, for a head that is past: files that are not in force are given back without any check. */
export function planApplied(
  head: Catalog,
  rules: readonly RuleFile[],
  options: { readonly number: number },
): Checked<DeclaredVersions> {
  let applied = rules.length
  while (applied > 0 && checkApplied(head, rules.slice(0, applied)).length > 0) applied--
  const planned = deriveVersions(head, rules.slice(0, applied), options.number)
  return planned.ok ? { ok: true, value: { ...planned.value, armed: rules.slice(applied) } } : planned
}

/** The head must be after all of these files. */
function checkApplied(head: Catalog, files: readonly RuleFile[]): readonly Problem[] {
  let catalog = head
  for (const file of files.toReversed()) {
    const fit = fitRule(catalog, file)
    if (fit.kind === 'neither') return fit.problems
    if (fit.kind === 'before') {
      const place = file.tables[0]?.from.place ?? { file: file.file, line: 1, column: 1 }
      return [{ place, message: 'the database is as before this migration, although it is as after a later one' }]
    }
    catalog = deriveBefore(catalog, bindRule(catalog, file, 'after'))
  }
  return []
}

/** The head, changed by the files before, must be before each of these files. */
function checkArmed(head: Catalog, files: readonly RuleFile[]): readonly Problem[] {
  let catalog = head
  for (const file of files) {
    const fit = fitRule(catalog, file)
    if (fit.kind === 'neither') return fit.problems
    if (fit.kind === 'after') {
      const place = file.tables[0]?.from.place ?? { file: file.file, line: 1, column: 1 }
      return [{ place, message: 'the database is as after this migration, although it is as before an earlier one' }]
    }
    catalog = deriveAfter(catalog, bindRule(catalog, file, 'before'))
  }
  return []
}

/** The problems of the reading that was most likely meant: the head is after the last file that fits it. */
function explainMisfit(head: Catalog, rules: readonly RuleFile[]): readonly Problem[] {
  const kinds = rules.map((file) => fitRule(head, file).kind)
  const applied = kinds.lastIndexOf('after') + 1
  const earlier = checkApplied(head, rules.slice(0, applied))
  return [...earlier, ...checkArmed(head, rules.slice(applied))]
}

function deriveVersions(
  head: Catalog,
  files: readonly RuleFile[],
  number: number,
): Checked<Omit<DeclaredVersions, 'armed'>> {
  const versions: Version[] = []
  const steps: Step[] = []
  const notes: string[] = []
  const problems: Problem[] = []
  let catalog = head
  for (const file of files.toReversed()) {
    if (fitRule(catalog, file).kind === 'either') {
      notes.push(`${file.file}: its names exist before and after its migration; it is taken as migrated`)
    }
    const bound = bindRule(catalog, file, 'after')
    const before = deriveBefore(catalog, bound)
    const { mapping, differences } = planStep(before, catalog, stepRules(bound))
    problems.push(...differences.map((difference) => placeDifference(difference, before, file, bound)))
    versions.unshift({ name: file.version, catalog })
    steps.unshift({ mapping })
    catalog = before
  }
  versions.unshift({ name: firstVersion, catalog })
  if (problems.length > 0) return { ok: false, problems }
  return { ok: true, value: { generation: { number, versions, steps }, notes } }
}

/** What the rules give to new columns, by the oid of the relation. */
export function stepRules(bound: readonly BoundRule[]): StepRules {
  return new Map(
    bound
      .filter(({ rule }) => rule.insert.length > 0)
      .map(({ rule, relation }) => [
        relation.oid,
        {
          insert: rule.insert.map(({ column, expression }) => ({ column: column.value, expression: expression.value })),
          columns: new Map(),
        },
      ]),
  )
}

function placeDifference(
  difference: Difference,
  before: Catalog,
  file: RuleFile,
  bound: readonly BoundRule[],
): Problem {
  const entry = bound.find(({ relation }) => {
    const old = before.byOid.get(relation.oid)
    return old !== undefined && qualifiedName(old) === difference.relation
  })
  const place = (entry === undefined ? undefined : addedColumns(entry.rule).get(difference.column ?? '')) ??
    entry?.rule.from.place ?? { file: file.file, line: 1, column: 1 }
  const subject = difference.column === undefined ? difference.relation : `${difference.relation}.${difference.column}`
  return { place, message: `${subject}: ${difference.what}; ${difference.hint}` }
}
