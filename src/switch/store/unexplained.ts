import { randomBytes } from 'node:crypto'
import type { Catalog, Relation } from '../../catalog/catalog.js'
import { type Difference, formatDifference, qualifiedName } from '../../catalog/difference.js'
import { type Generation, headIndex } from '../../rewrite/generation.js'
import type { Mapping } from '../../rewrite/mapping.js'
import type { Outcome, Rewriter } from '../../rewrite/outcome.js'
import { planStep } from '../../rewrite/plan-step.js'
import { mentions } from '../../sql/mentions.js'
import { nameTable } from '../../sql/name-table.js'
import { findRetypedElsewhere } from '../retyped-columns.js'

/** A change that was made elsewhere, and that no rule file explains. */
export interface UnexplainedChange {
  /** The step that it will be. */
  readonly name: string
  /** The database as it is. */
  readonly live: Catalog
  /** What identity shows of it. */
  readonly mapping: Mapping
  /** Names of what it does not show: no old statement may name one of these. */
  readonly guarded: ReadonlySet<string>
  /** What it does not show, as sentences. */
  readonly differences: readonly string[]
}

export function describeUnexplained(name: string, head: Catalog, live: Catalog): UnexplainedChange {
  const planned = planStep(head, live)
  const differences = [...planned.differences, ...findRetypedElsewhere(head, live, new Map())]
  const guarded = guardedNames(head, live, planned.mapping, differences)
  return { name, live, mapping: planned.mapping, guarded, differences: differences.map(formatDifference) }
}

/** Old and new names of what differs, and of all through which a statement reaches it. */
function guardedNames(
  head: Catalog,
  live: Catalog,
  mapping: Mapping,
  differences: readonly Difference[],
): ReadonlySet<string> {
  const subjects = new Set(differences.map(({ relation }) => relation))
  const names = new Set([...subjects].map((subject) => subject.slice(subject.lastIndexOf('.') + 1)))
  const objects = (head.objects ?? []).filter((object) => subjects.has(qualifiedName(object)))
  for (const object of objects) {
    names.add(object.name)
    const now = mapping.objects?.get(object.oid)?.after ?? live.objectByOid.get(object.oid)
    if (now !== undefined) names.add(now.name)
  }
  const types = new Set(objects.flatMap(({ oid, arrayOid }) => [oid, arrayOid]))
  const reached = reach(
    head.relations.filter(
      (relation) => subjects.has(qualifiedName(relation)) || relation.columns.some(({ typeOid }) => types.has(typeOid)),
    ),
    head,
  )
  for (const relation of reached) {
    names.add(relation.name)
    const now = mapping.relations.get(relation.oid)?.after ?? live.byOid.get(relation.oid)
    if (now !== undefined) names.add(now.name)
  }
  const oids = new Set([...reached].map(({ oid }) => oid))
  for (const used of head.rowTypeFunctions) if (oids.has(used.relationOid)) names.add(used.name)
  return names
}

/** With views that read them, and with their parents and children. */
function reach(start: readonly Relation[], { relations, byOid }: Catalog): ReadonlySet<Relation> {
  const found = new Set(start)
  for (const relation of found) {
    for (const oid of relation.parents) {
      const parent = byOid.get(oid)
      if (parent !== undefined) found.add(parent)
    }
    for (const other of relations) {
      if (other.parents.includes(relation.oid) || other.reads?.includes(relation.oid) === true) found.add(other)
    }
  }
  return found
}

/** The generation with the database as it is at its end, so that what identity shows is followed. */
export function withUnexplained(generation: Generation, { name, live, mapping }: UnexplainedChange): Generation {
  return {
    ...generation,
    versions: [...generation.versions, { name, catalog: live }],
    steps: [...generation.steps, { mapping }],
  }
}

/** Refuses statements of older versions that may name what changed in a way that nobody knows. */
export function guardRewriter(rewriter: Rewriter, generation: Generation, change: UnexplainedChange): Rewriter {
  if (change.guarded.size === 0) return rewriter
  const names = nameTable(change.guarded)
  const head = headIndex(generation)
  return {
    ...rewriter,
    rewrite: (request) =>
      request.version < head && mentions(request.text, names, request) ? refuse(change) : rewriter.rewrite(request),
  }
}

function refuse({ name, differences }: UnexplainedChange): Outcome {
  const marker = `hotswap_refused_${randomBytes(16).toString('hex')}`
  return {
    kind: 'refused',
    text: `SELECT "${marker}"`,
    marker,
    refusal: {
      sqlstate: '0A000',
      message: 'the database was changed elsewhere, and nobody has said what became of what this statement names',
      detail: differences.join('\n'),
      hint: `Write the rule file ${name}.yaml, and let the proxy reload its rules.`,
    },
    oldPosition: () => undefined,
  }
}
