import { setImmediate as others } from 'node:timers/promises'
import { type Catalog, makeCatalog, type Relation } from '../../catalog/catalog.js'
import { isSystemSchema } from '../../catalog/diff.js'
import type { Reference } from '../../resolve/reference.js'
import type { Generation } from '../../rewrite/generation.js'
import type { Rewriter } from '../../rewrite/outcome.js'
import { planStep } from '../../rewrite/plan-step.js'
import type { ReadText } from '../../rewrite/read-text.js'
import type { CheckedStatement } from './checked-statement.js'

/** Statements that are rewritten at once, and in all. */
const AT_ONCE = 5
const MOST = 60

/**
 * Plans and rewrites for a step that nobody makes: a column of another name. A proxy switches once in weeks, and what V8 has
 * not run for a while is compiled anew; so that happens here, before traffic is held.
 */
export async function rehearse(
  statements: readonly CheckedStatement[],
  head: Catalog,
  createRewriter: (generation: Generation) => Rewriter,
): Promise<void> {
  const reads = statements.flatMap(({ read }) => read ?? []).slice(0, MOST)
  const after = withOtherName(head, reads)
  if (after === undefined) return
  const { mapping } = planStep(head, after)
  const versions = [
    { name: 'now', catalog: head },
    { name: 'rehearsed', catalog: after },
  ]
  const rewriter = createRewriter({ number: 0, versions, steps: [{ mapping }] })
  for (let at = 0; at < reads.length; at += AT_ONCE) {
    await others()
    for (const read of reads.slice(at, at + AT_ONCE)) rewriter.rewriteRead?.(read)
  }
}

/** The catalog with another name for the last column of the first table that a statement reads. */
function withOtherName(head: Catalog, reads: readonly ReadText[]): Catalog | undefined {
  const [table] = reads
    .flatMap(({ statements }) => statements)
    .flatMap(({ references }) => references)
    .flatMap(tableOf)
  const last = table?.columns.at(-1)
  if (table === undefined || last === undefined) return undefined
  const columns = [...table.columns.slice(0, -1), { ...last, name: `${last.name}_` }]
  const relations = head.relations.map((relation) => (relation === table ? { ...table, columns } : relation))
  return makeCatalog({ ...head, relations })
}

function tableOf(reference: Reference): Relation[] {
  const relation = reference.kind === 'range' ? reference.range.relation : undefined
  return relation === undefined || relation.kind !== 'table' || isSystemSchema(relation.schema) ? [] : [relation]
}
