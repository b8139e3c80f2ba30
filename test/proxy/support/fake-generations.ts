import { makeCatalog } from '../../../src/catalog/catalog.js'
import type { ActiveGeneration, GenerationSource } from '../../../src/proxy/contracts.js'
import type { ErrorFields, Outcome, RewriteRequest, Rewriter } from '../../../src/rewrite/outcome.js'

/** Rewrites by a function of the text alone (and, where it cares, of the whole request). */
export type TextRewrite = (text: string, request: RewriteRequest) => string | Outcome

const catalog = makeCatalog({
  databaseOid: 1,
  serverVersion: 180000,
  schemas: [],
  relations: [],
  rowTypeFunctions: [],
})

/** A generation of versions v1..vn of which every one but the last rewrites by the given function. */
export function fakeGeneration(
  number: number,
  names: readonly string[],
  rewrite: TextRewrite = (text) => text,
  mapError: (fields: ErrorFields) => ErrorFields = (fields) => fields,
): ActiveGeneration {
  const head = names.length - 1
  const rewriter: Rewriter = {
    rewrite(request) {
      const made = rewrite(request.text, request)
      if (typeof made !== 'string') return made
      if (made === request.text) return { kind: 'unchanged' }
      return { kind: 'rewritten', text: made, oldPosition: (position) => position }
    },
    speaksHead: (version) => version === head,
    mapError,
    stats: noStats,
  }
  return {
    generation: {
      number,
      versions: names.map((name) => ({ name, catalog })),
      steps: names.slice(1).map(() => ({ mapping: { relations: new Map() } })),
    },
    rewriter,
  }
}

const noStats: Rewriter['stats'] = () => {
  throw new Error('a fake rewriter counts nothing')
}

export interface FakeSource extends GenerationSource {
  publish(active: ActiveGeneration): void
}

export function fakeSource(first: ActiveGeneration): FakeSource {
  let active = first
  return {
    current: () => active,
    publish(next) {
      active = next
    },
  }
}

export function refusal(message: string, text: string, marker: string): Outcome {
  return {
    kind: 'refused',
    text,
    marker,
    refusal: { sqlstate: '0A000', message, hint: 'ask for less', position: 3 },
    oldPosition: (position) => position,
  }
}
