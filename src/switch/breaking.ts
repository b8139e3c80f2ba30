import { stringify } from 'yaml'
import type { Catalog } from '../catalog/catalog.js'
import { type Difference, formatDifference, type TableAnswer } from '../catalog/difference.js'
import { lostColumn } from '../rewrite/lost-column.js'
import { type RelationRules, rulesOf, type StepRules } from '../rewrite/plan-step.js'
import { type AttemptOutcome, failed } from './attempt.js'
import type { MissingCast } from './casts.js'

/** Columns that no cast leads to or from are lost. */
export function withLostColumns(rules: StepRules, casts: readonly MissingCast[], before: Catalog): StepRules {
  const all = new Map(rules)
  for (const { relation, column, type, difference } of casts) {
    const own: RelationRules = all.get(relation.oid) ?? rulesOf(relation, before, rules)
    all.set(relation.oid, { ...own, columns: new Map([...own.columns, [column, lostColumn(type, difference)]]) })
  }
  return all
}

/** Refused as it is: `fillIn` is part of a rule file that would answer it. */
export function wouldBreak(
  lines: readonly string[],
  { fillIn, mayAllow = true }: { readonly fillIn?: string | undefined; readonly mayAllow?: boolean } = {},
): AttemptOutcome {
  const allow = 'To let it break what is listed, run it with --allow-breaking'
  const answer = fillIn === undefined ? undefined : `fill this in, as a rule file for this migration:\n${fillIn}`
  const hints = mayAllow ? [allow, answer] : [answer]
  const hint = hints.filter((one) => one !== undefined).join('; or ')
  return failed(
    {
      sqlstate: '55000',
      message: 'the migration was rolled back: statements of the running app would not survive it',
      detail: lines.join('\n'),
      ...(hint === '' ? {} : { hint: fillIn === undefined ? `${hint}.` : hint }),
    },
    lines,
  )
}

/** As `wouldBreak`, of differences; some can be allowed by nobody. */
export function refuseDifferences(differences: readonly Difference[]): AttemptOutcome {
  const mayAllow = !differences.some(({ final }) => final)
  return wouldBreak(differences.map(formatDifference), { mayAllow, fillIn: ruleToFillIn(differences) })
}

/**
 * The part of a rule file that answers differences, `...` being what only its author knows; undefined where none has such an
 * answer.
 *
 *     tables: { public.users: { columns: { email: { dropped: true, type: text, read: "..." } } } }
 */
export function ruleToFillIn(differences: readonly Difference[]): string | undefined {
  const tables: Record<string, TableAnswer> = {}
  for (const { relation, rule } of differences) {
    if (rule !== undefined) tables[relation] = merge(tables[relation] ?? {}, rule)
  }
  if (Object.keys(tables).length === 0) return undefined
  return stringify({ tables }, { lineWidth: 0 })
}

/** An expression says more than `same_meaning`. */
function merge(one: TableAnswer, other: TableAnswer): TableAnswer {
  const merged: Record<string, unknown> = { ...one }
  for (const [key, value] of Object.entries(other)) {
    const known = merged[key]
    merged[key] = isAnswer(known) && isAnswer(value) ? merge(known, value) : value
  }
  if ('read' in merged) delete merged.same_meaning
  return merged
}

function isAnswer(value: unknown): value is TableAnswer {
  return typeof value === 'object' && value !== null
}
