import type { Catalog } from '../catalog/catalog.js'
import { ROW_NAME_FUNCTIONS } from '../resolve/call.js'
import { nameTable } from '../sql/name-table.js'
import { changeFacts } from './change-facts.js'
import { closureOf } from './closure.js'
import { rowTypesOf } from './composite.js'
import type { Generation } from './generation.js'
import { lostColumns } from './lost-column.js'
import type { Mapping } from './mapping.js'
import type { StepFacts } from './plan-context.js'
import { NATURAL } from './presentation.js'

type OwnFacts = Omit<StepFacts, 'number' | 'name'>

/** The steps of a generation with what is derived from them once. */
export type StepFactsOf = (generation: Generation) => readonly StepFacts[]

/** Derives what it has not derived for another generation, which mostly has the same steps. */
export function createStepFacts(): StepFactsOf {
  const known = new WeakMap<Mapping, OwnFacts>()
  return ({ versions, steps }) =>
    steps.map(({ mapping }, number) => {
      const before = versions[number]?.catalog
      const { name, catalog: after } = versions[number + 1] ?? {}
      if (before === undefined || after === undefined || name === undefined)
        throw new Error(`step ${number} leads from or to no version`)
      let facts = known.get(mapping)
      if (facts?.before !== before || facts.after !== after) facts = ownFacts(before, after, mapping)
      known.set(mapping, facts)
      return { number, name, ...facts }
    })
}

/** As createStepFacts, for one generation alone. */
export function stepFacts(generation: Generation): readonly StepFacts[] {
  return createStepFacts()(generation)
}

function ownFacts(before: Catalog, after: Catalog, mapping: Mapping): OwnFacts {
  const closure = closureOf(before, after, mapping)
  const changes = new Map([...mapping.relations.values()].map((change) => [change, changeFacts(change)]))
  return {
    before,
    after,
    mapping,
    closure,
    words: nameTable(new Set([...closure, ...NATURAL, ...ROW_NAME_FUNCTIONS])),
    rowTypes: rowTypesOf(mapping),
    lost: lostColumns(mapping),
    changes,
    computes: [...changes.values()].some(({ computed }) => computed.length > 0),
  }
}
