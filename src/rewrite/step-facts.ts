import { closureOf } from './closure.js'
import { rowTypesOf } from './composite.js'
import type { Generation } from './generation.js'
import type { StepFacts } from './plan-context.js'

/** The steps of a generation with what is derived from them once. */
export function stepFacts(generation: Generation): readonly StepFacts[] {
  return generation.steps.map(({ mapping }, number) => {
    const before = generation.versions[number]?.catalog
    const after = generation.versions[number + 1]?.catalog
    if (before === undefined || after === undefined) throw new Error(`step ${number} leads from or to no version`)
    return { number, before, after, mapping, closure: closureOf(before, after, mapping), rowTypes: rowTypesOf(mapping) }
  })
}
