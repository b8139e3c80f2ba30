import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Catalog } from '../../src/catalog/catalog.js'
import { formatDifference } from '../../src/catalog/difference.js'
import type { TextQuery } from '../../src/catalog/introspect.js'
import { loadRuleFile } from '../../src/config/load-rules.js'
import { formatProblem } from '../../src/config/problem.js'
import type { Mapping } from '../../src/rewrite/mapping.js'
import { type PlannedStep, planStep } from '../../src/rewrite/plan-step.js'
import type { Parser } from '../../src/sql/parse.js'
import { bindRules } from '../../src/switch/bind-rules.js'
import { draftRules } from './draft-rules.js'
import type { HistoryStep } from './history.js'

/** A step as the product would see it, and what stands against it. */
export interface StepPlan {
  readonly mapping: Mapping
  /** What identity and rules leave open. Such a step would not be taken; here its statements are tried all the same. */
  readonly open: readonly string[]
  /** What is wrong with the step's rule file. */
  readonly ruleProblems: readonly string[]
  /** `hints`: the rule file is what the hints said, to the letter. */
  readonly rules: 'none' | 'file' | 'hints'
}

export interface StepPlannerOptions {
  /** A folder of rule files, each named as the migration, or as its key. */
  readonly rules: string | undefined
  /** A folder for rule files made of hints, for steps that need one and have none. */
  readonly drafts: string | undefined
  readonly query: TextQuery
  readonly parser: Parser
}

export interface StepPlanner {
  plan(step: HistoryStep, before: Catalog, after: Catalog): Promise<StepPlan>
}

export async function createStepPlanner({ rules, drafts, query, parser }: StepPlannerOptions): Promise<StepPlanner> {
  const names = rules === undefined ? [] : await readdir(rules)
  const planWith = async (path: string, before: Catalog, after: Catalog): Promise<PlannedStep | readonly string[]> => {
    const file = await loadRuleFile(path, parser)
    const bound = file.ok ? await bindRules(query, before, after, file.value, parser) : file
    return bound.ok ? planStep(before, after, bound.value) : bound.problems.map(formatProblem)
  }
  return {
    async plan(step, before, after) {
      const bare = planStep(before, after)
      const name = names.find((file) => file === `${step.name}.yaml` || file === `${step.key}.yaml`)
      const given = name === undefined || rules === undefined ? undefined : join(rules, name)
      const draft = given === undefined && drafts !== undefined ? draftRules(bare.differences) : undefined
      const path = draft === undefined || drafts === undefined ? given : join(drafts, `${step.name}.yaml`)
      if (draft !== undefined && path !== undefined) await writeFile(path, draft)
      const ruled = path === undefined ? bare : await planWith(path, before, after)
      const taken = 'mapping' in ruled ? ruled : bare
      return {
        mapping: taken.mapping,
        open: taken.differences.map(formatDifference),
        ruleProblems: 'mapping' in ruled ? [] : ruled,
        rules: path === undefined ? 'none' : draft === undefined ? 'file' : 'hints',
      }
    },
  }
}
