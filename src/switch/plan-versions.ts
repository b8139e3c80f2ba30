import type { Catalog } from '../catalog/catalog.js'
import { formatDifference } from '../catalog/difference.js'
import { type DeclaredVersions, type DeclareOptions, planApplied, planGeneration } from '../config/declare.js'
import type { Checked, Problem } from '../config/problem.js'
import type { RuleFile } from '../config/rule-file.js'
import type { Step, Version } from '../rewrite/generation.js'
import { planStep, type StepRules } from '../rewrite/plan-step.js'

/** A migration that a proxy saw: what it led from is known exactly, not derived from rules. */
export interface AppliedStep {
  /** The version that it led to. */
  readonly name: string
  readonly before: Catalog
  readonly rules: StepRules
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
 * A rule file of the same name as an applied step is that step, told beforehand.
 */
export async function planVersions(
  head: Catalog,
  rules: readonly RuleFile[],
  applied: readonly AppliedStep[],
  options: DeclareOptions,
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
  applied.forEach((step, index) => {
    const after = applied[index + 1]?.before ?? base.catalog
    const { mapping, differences } = planStep(step.before, after, step.rules)
    versions.push({ name: step.name, catalog: after })
    steps.push({ mapping })
    problems.push(
      ...differences.map((difference) => ({
        place: { file: step.name, line: 1, column: 1 },
        message: `the database was changed since this migration: ${formatDifference(difference)}`,
      })),
    )
  })
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
