import type { Catalog } from '../catalog/catalog.js'
import { formatDifference } from '../catalog/difference.js'
import { type DeclaredVersions, type DeclareOptions, planApplied, planGeneration } from '../config/declare.js'
import type { Checked, Problem } from '../config/problem.js'
import type { RuleFile } from '../config/rule-file.js'
import type { Step, Version } from '../rewrite/generation.js'
import { type PlannedStep, planStep, type RelationRules, rulesOf, type StepRules } from '../rewrite/plan-step.js'

/** A migration that a proxy saw: what it led from is known exactly, not derived from rules. */
export interface AppliedStep {
  /** The version that it led to. */
  readonly name: string
  readonly before: Catalog
  readonly rules: StepRules
  /** Its author has said yes to what breaks old statements. */
  readonly accepted?: true
}

/** The newest version's catalog. */
export function headOf({ generation }: Pick<DeclaredVersions, 'generation'>): Catalog {
  const head = generation.versions.at(-1)
  if (head === undefined) throw new Error('a generation without versions')
  return head.catalog
}

/** Without the oldest versions that nobody may speak any more; the newest stays. */
export function withoutRetired(versions: DeclaredVersions, retired: readonly string[]): DeclaredVersions {
  const { generation } = versions
  const kept = generation.versions.findIndex(({ name }) => !retired.includes(name))
  const from = kept < 0 ? generation.versions.length - 1 : kept
  if (from === 0) return versions
  const rest = { versions: generation.versions.slice(from), steps: generation.steps.slice(from) }
  return { ...versions, generation: { ...generation, ...rest } }
}

/**
 * The versions of a database whose rule files are `rules`, and whose migrations so far were `applied`.
 *
 *     rule files in force at applied[0] | applied steps | rule files migrated since then | armed
 *
 * A rule file of the same name as an applied step is that step, told beforehand; where the step breaks old statements, as
 * was allowed, the file says what becomes of what was lost.
 */
export async function planVersions(
  head: Catalog,
  rules: readonly RuleFile[],
  applied: readonly AppliedStep[],
  options: DeclareOptions,
  planOf: PlanOfStep = createStepPlans(),
): Promise<Checked<DeclaredVersions>> {
  const first = applied[0]
  if (first === undefined) return await planGeneration(head, rules, options)

  const names = new Set(applied.map((step) => step.name))
  const open = rules.filter((file) => !names.has(file.version))
  const older = await planApplied(first.before, open, options)
  if (!older.ok) return older
  const newer = await planGeneration(head, older.value.armed, options)
  if (!newer.ok) return newer

  const versions: Version[] = [...older.value.generation.versions]
  const steps: Step[] = [...older.value.generation.steps]
  const problems: Problem[] = []
  const [base, ...rest] = newer.value.generation.versions
  if (base === undefined) throw new Error('a generation without versions')
  for (const [index, step] of applied.entries()) {
    const after = applied[index + 1]?.before ?? base.catalog
    const told = await rulesFor(step, after, rules, options)
    if (!told.ok) {
      problems.push(...told.problems)
      continue
    }
    const { mapping, differences } = planOf(step, after, told.value)
    versions.push({ name: step.name, catalog: after })
    steps.push({ mapping })
    problems.push(
      ...differences
        .filter(({ final }) => final === true || step.accepted !== true)
        .map((difference) => ({
          place: { file: step.name, line: 1, column: 1 },
          message: `the database was changed since this migration: ${formatDifference(difference)}`,
        })),
    )
  }
  if (problems.length > 0) return { ok: false, problems }
  return {
    ok: true,
    value: {
      generation: {
        number: options.number,
        versions: [...versions, ...rest],
        steps: [...steps, ...newer.value.generation.steps],
      },
      armed: newer.value.armed,
      notes: [...older.value.notes, ...newer.value.notes],
    },
  }
}

/** Plans an applied step that leads to `after`. */
export type PlanOfStep = (step: AppliedStep, after: Catalog, rules: StepRules) => PlannedStep

/** Steps stay what they are while others come: with the same catalogs and rules nothing is planned again. */
export function createStepPlans(): PlanOfStep {
  const planned = new WeakMap<
    AppliedStep,
    { readonly after: Catalog; readonly rules: StepRules; readonly plan: PlannedStep }
  >()
  return (step, after, rules) => {
    const known = planned.get(step)
    if (known !== undefined && known.after === after && known.rules === rules) return known.plan
    const plan = planStep(step.before, after, rules)
    planned.set(step, { after, rules, plan })
    return plan
  }
}

/** The rules of an applied step; of one that was allowed to break something, with what a rule file says since then. */
async function rulesFor(
  { name, before, rules, accepted }: AppliedStep,
  after: Catalog,
  files: readonly RuleFile[],
  { server }: DeclareOptions,
): Promise<Checked<StepRules>> {
  const file = accepted === true ? files.find(({ version }) => version === name) : undefined
  if (file === undefined) return { ok: true, value: rules }
  const bound = await server.bind(before, after, file)
  if (!bound.ok) return bound
  const all = new Map(rules)
  for (const oid of new Set([...rules.keys(), ...bound.value.keys()])) {
    const relation = before.byOid.get(oid)
    // A partition's own rules stand before those of its parent.
    if (relation !== undefined) all.set(oid, withLater(rules.get(oid), rulesOf(relation, before, bound.value)))
  }
  return { ok: true, value: all }
}

function withLater(known: RelationRules | undefined, later: RelationRules): RelationRules {
  if (known === undefined) return later
  const given = new Set(later.insert.map(({ column }) => column))
  const merged = later.merged ?? known.merged
  return {
    ...known,
    ...later,
    insert: [...known.insert.filter(({ column }) => !given.has(column)), ...later.insert],
    columns: new Map([...known.columns, ...later.columns]),
    defaults: new Map([...(known.defaults ?? []), ...(later.defaults ?? [])]),
    same: {
      relation: known.same?.relation === true || later.same?.relation === true,
      columns: new Set([...(known.same?.columns ?? []), ...(later.same?.columns ?? [])]),
    },
    ...(merged === undefined ? {} : { merged }),
  }
}
