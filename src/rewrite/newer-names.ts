import type { Catalog } from '../catalog/catalog.js'
import { type Generation, headIndex } from './generation.js'
import type { Outcome, Refused, Rewriter } from './outcome.js'

/**
 * A rewriter that takes a statement for one of a newer version where its own version does not know a name of it and that
 * one does: new code speaks on connections that old code opened (decision 22).
 *
 *     SELECT full_name FROM people    of a client of version 1, which knows users.name    =>  as it stands, like head's
 */
export function withNewerNames(rewriter: Rewriter, generation: Generation): Rewriter {
  const head = headIndex(generation)
  return {
    ...rewriter,
    rewrite(request) {
      const outcome = rewriter.rewrite(request)
      const name = outcome.kind === 'refused' ? unknownName(outcome) : undefined
      if (name === undefined) return outcome
      for (let version = request.version + 1; version <= head; version++) {
        if (!knows(generation.versions[version]?.catalog, name)) continue
        const newer: Outcome = version === head ? { kind: 'unchanged' } : rewriter.rewrite({ ...request, version })
        if (newer.kind !== 'refused') return { ...newer, speaks: version }
      }
      return outcome
    },
    mapError: (fields, version, outcome) =>
      rewriter.mapError(
        fields,
        outcome !== undefined && 'speaks' in outcome ? (outcome.speaks ?? version) : version,
        outcome,
      ),
  }
}

/** The last name of what PostgreSQL would not have found: undefined_table and undefined_column, as it words them. */
function unknownName({ refusal }: Refused): string | undefined {
  if (refusal.reason !== undefined || !/^(?:42P01|42703)$/.test(refusal.sqlstate)) return undefined
  const [, quoted, dotted] = /^(?:relation|column) (?:"([^"]+)"|(\S+))/.exec(refusal.message) ?? []
  return (quoted ?? dotted)?.split('.').at(-1)
}

function knows(catalog: Catalog | undefined, name: string): boolean {
  return (
    catalog?.relations.some((one) => one.name === name || one.columns.some((column) => column.name === name)) === true
  )
}
