import type { Catalog } from '../catalog/catalog.js'
import { type Difference, qualifiedName } from '../catalog/difference.js'
import type { Generation, Step, Version } from '../rewrite/generation.js'
import { planStep } from '../rewrite/plan-step.js'
import { deriveAfter, deriveBefore } from './derive-catalog.js'
import { addedColumns, type BoundRule, bindRule, fitRule } from './fit-rule.js'
import { firstVersion } from './load-rules.js'
import type { Checked, Problem } from './problem.js'
import type { RuleFile } from './rule-file.js'
import type { RuleServer, TypeTable } from './rule-server.js'
import { deriveOldTypes, findMissingTypes } from './shadow-rules.js'
import { findUnsaid } from './unsaid.js'

/** What rules alone say about a database. */
export interface DeclaredVersions {
  readonly generation: Generation
  /** Rule files whose migration has not run yet, in order. */
  readonly armed: readonly RuleFile[]
  /** What its author should know, as sentences. */
  readonly notes: readonly string[]
}

export interface DeclareOptions {
  readonly number: number
  readonly server: RuleServer
}

/**
 * The versions that rule files declare: they are steps in the order of their names, the head is after the last one that
 * fits the database, and each older catalog is derived from the next one. Files after the head are armed.
 *
 *     initial --0001-people--> 0001-people --0002-mail--> 0002-mail = head      armed: 0003-orders
 */
export async function planGeneration(
  head: Catalog,
  rules: readonly RuleFile[],
  options: DeclareOptions,
): Promise<Checked<DeclaredVersions>> {
  const types = await options.server.types(rules)
  for (let applied = rules.length; applied >= 0; applied--) {
    const [past, armed] = [rules.slice(0, applied), rules.slice(applied)]
    if (checkApplied(head, past, types).length > 0 || checkArmed(head, armed, types).length > 0) continue
    const planned = await deriveVersions(head, past, types, options)
    if (!planned.ok) return planned
    return { ok: true, value: { ...planned.value, armed } }
  }
  return { ok: false, problems: explainMisfit(head, rules, types) }
}

/** As `planGeneration`, for a head that is past: files that are not in force are given back without any check. */
export async function planApplied(
  head: Catalog,
  rules: readonly RuleFile[],
  options: DeclareOptions,
): Promise<Checked<DeclaredVersions>> {
  const types = await options.server.types(rules)
  let applied = rules.length
  while (applied > 0 && checkApplied(head, rules.slice(0, applied), types).length > 0) applied--
  const planned = await deriveVersions(head, rules.slice(0, applied), types, options)
  return planned.ok ? { ok: true, value: { ...planned.value, armed: rules.slice(applied) } } : planned
}

/** The head must be after all of these files. */
function checkApplied(head: Catalog, files: readonly RuleFile[], types: TypeTable): readonly Problem[] {
  let catalog = head
  for (const file of files.toReversed()) {
    const fit = fitRule(catalog, file, types)
    if (fit.kind === 'neither') return fit.problems
    if (fit.kind === 'before') {
      const place = file.tables[0]?.from.place ?? { file: file.file, line: 1, column: 1 }
      return [{ place, message: 'the database is as before this migration, although it is as after a later one' }]
    }
    catalog = deriveOldTypes(deriveBefore(catalog, bindRule(catalog, file, 'after', types), types), file)
  }
  return []
}

/** The head, changed by the files before, must be before each of these files. */
function checkArmed(head: Catalog, files: readonly RuleFile[], types: TypeTable): readonly Problem[] {
  let catalog = head
  for (const file of files) {
    const fit = fitRule(catalog, file, types)
    if (fit.kind === 'neither') return fit.problems
    if (fit.kind === 'after') {
      const place = file.tables[0]?.from.place ?? { file: file.file, line: 1, column: 1 }
      return [{ place, message: 'the database is as after this migration, although it is as before an earlier one' }]
    }
    catalog = deriveAfter(catalog, bindRule(catalog, file, 'before', types))
  }
  return []
}

/** The problems of the reading that was most likely meant: the head is after the last file that fits it. */
function explainMisfit(head: Catalog, rules: readonly RuleFile[], types: TypeTable): readonly Problem[] {
  const kinds = rules.map((file) => fitRule(head, file, types).kind)
  const applied = kinds.lastIndexOf('after') + 1
  const earlier = checkApplied(head, rules.slice(0, applied), types)
  return [...earlier, ...checkArmed(head, rules.slice(applied), types)]
}

async function deriveVersions(
  head: Catalog,
  files: readonly RuleFile[],
  types: TypeTable,
  { number, server }: DeclareOptions,
): Promise<Checked<Omit<DeclaredVersions, 'armed'>>> {
  const versions: Version[] = []
  const steps: Step[] = []
  const notes: string[] = []
  const problems: Problem[] = []
  let catalog = head
  for (const file of files.toReversed()) {
    if (fitRule(catalog, file, types).kind === 'either') {
      notes.push(`${file.file}: its names exist before and after its migration; it is taken as migrated`)
    }
    const bound = bindRule(catalog, file, 'after', types)
    const unsaid = [...findMissingTypes(catalog, file), ...bound.flatMap((entry) => findUnsaid(entry, types))]
    if (unsaid.length > 0) return { ok: false, problems: unsaid }
    const before = deriveOldTypes(deriveBefore(catalog, bound, types), file)
    const rules = await server.bind(before, catalog, file)
    if (!rules.ok) return rules
    const { mapping, differences } = planStep(before, catalog, rules.value)
    problems.push(...differences.map((difference) => placeDifference(difference, before, file, bound)))
    versions.unshift({ name: file.version, catalog })
    steps.unshift({ mapping })
    catalog = before
  }
  versions.unshift({ name: firstVersion, catalog })
  if (problems.length > 0) return { ok: false, problems }
  return { ok: true, value: { generation: { number, versions, steps }, notes } }
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
  const column = entry?.rule.columns.find(({ from }) => from.value === difference.column)
  const place = (entry === undefined ? undefined : addedColumns(entry.rule).get(difference.column ?? '')) ??
    column?.from.place ??
    entry?.rule.from.place ?? { file: file.file, line: 1, column: 1 }
  const subject = difference.column === undefined ? difference.relation : `${difference.relation}.${difference.column}`
  return { place, message: `${subject}: ${difference.what}; ${difference.hint}` }
}
