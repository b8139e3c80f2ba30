import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Catalog } from '../../src/catalog/catalog.js'
import { formatDifference } from '../../src/catalog/difference.js'
import type { TextQuery } from '../../src/catalog/introspect.js'
import { loadRuleFile } from '../../src/config/load-rules.js'
import { formatProblem } from '../../src/config/problem.js'
import type { Mapping } from '../../src/rewrite/mapping.js'
import { planStep, type StepRules } from '../../src/rewrite/plan-step.js'
import type { Parser } from '../../src/sql/parse.js'
import { bindRules } from '../../src/switch/bind-rules.js'
import type { HistoryStep } from './history.js'

/** A step as the product would see it, and what stands against it. */
export interface StepPlan {
  readonly mapping: Mapping
  /** What identity and rules leave open. Such a step would not be taken; here its statements are tried all the same. */
  readonly open: readonly string[]
  /** What is wrong with the step's rule file. */
  readonly ruleProblems: readonly string[]
  readonly hasRules: boolean
}

export interface StepPlanner {
  plan(step: HistoryStep, before: Catalog, after: Catalog): Promise<StepPlan>
}

/** Plans steps with the rule files of a folder, each named as the migration, or as its key. */
export async function createStepPlanner(
  directory: string | undefined,
  query: TextQuery,
  parser: Parser,
): Promise<StepPlanner> {
  const names = directory === undefined ? [] : await readdir(directory)
  const readRules = async (step: HistoryStep, before: Catalog, after: Catalog) => {
    const name = names.find((file) => file === `${step.name}.yaml` || file === `${step.key}.yaml`)
    if (name === undefined || directory === undefined) return undefined
    const file = await loadRuleFile(join(directory, name), parser)
    return file.ok ? await bindRules(query, before, after, file.value, parser) : file
  }
  return {
    async plan(step, before, after) {
      const checked = await readRules(step, before, after)
      const rules: StepRules = checked?.ok ? checked.value : new Map()
      const { mapping, differences } = planStep(before, after, rules)
      return {
        mapping,
        open: differences.map(formatDifference),
        ruleProblems: checked === undefined || checked.ok ? [] : checked.problems.map(formatProblem),
        hasRules: checked !== undefined,
      }
    },
  }
}
