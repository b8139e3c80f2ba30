import type { Verdict } from './compare-answers.js'
import type { ReplayReport, Tried } from './replay.js'

export interface Counts {
  readonly queries: number
  readonly same: number
  readonly types: number
  readonly refused: number
  readonly failed: number
  /** Those that were run and gave other rows. */
  readonly values: number
  /** How many were sent with another text. */
  readonly rewritten: number
}

export function countVerdicts(tried: readonly Tried[]): Counts {
  const of = (kind: Verdict['kind']) => tried.filter(({ verdict }) => verdict.kind === kind).length
  return {
    queries: tried.length,
    same: of('same'),
    types: of('types'),
    refused: of('refused'),
    failed: of('failed'),
    values: of('values'),
    rewritten: tried.filter(({ sent }) => sent !== undefined).length,
  }
}

/** The table of a run: steps whose mapping or answers changed anything, then totals, then the reasons. */
export function formatReport({ steps, jumps, skipped }: ReplayReport, full: boolean): string {
  const changed = steps.filter(
    ({ plan, tried }) =>
      full || plan.open.length > 0 || tried.some(({ verdict, sent }) => isOdd(verdict) || sent !== undefined),
  )
  const rows = [
    ...changed.map(({ name, tried, plan }) => row(name, tried, plan.rules === 'none' ? '' : plan.rules)),
    row(
      `all ${steps.length} steps`,
      steps.flatMap(({ tried }) => tried),
    ),
    ...jumps.map(({ version, steps: count, tried }) => row(`${version} -> head (${count} steps)`, tried)),
    row(
      `all ${jumps.length} jumps`,
      jumps.flatMap(({ tried }) => tried),
    ),
  ]
  return [
    '| step | queries | rewritten | same | types differ | refused | failed | other rows | |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rows,
    '',
    ...skipped.map(({ name, reason }) => `migration not taken by the server: ${name}: ${reason}`),
    ...steps.flatMap(({ name, plan }) => plan.ruleProblems.map((problem) => `rule problem at ${name}: ${problem}`)),
    ...steps.flatMap(({ name, plan }) => plan.open.map((text) => `open at ${name}: ${text}`)),
    '',
    'In steps:',
    ...reasons(steps.flatMap(({ tried }) => tried)),
    'In jumps:',
    ...reasons(jumps.flatMap(({ tried }) => tried)),
  ].join('\n')
}

function row(title: string, tried: readonly Tried[], note = ''): string {
  const { queries, rewritten, same, types, refused, failed, values } = countVerdicts(tried)
  return `| ${title} | ${queries} | ${rewritten} | ${same} | ${types} | ${refused} | ${failed} | ${values} | ${note} |`
}

function isOdd({ kind }: Verdict): boolean {
  return kind !== 'same'
}

/** Each reason with how often it stands, and the names of a few statements that met it. */
function reasons(tried: readonly Tried[]): readonly string[] {
  const groups = new Map<string, Set<string>>()
  const counts = new Map<string, number>()
  for (const { verdict, query } of tried) {
    if (verdict.kind === 'same') continue
    const key = `${verdict.kind}: ${verdict.reason}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
    groups.set(key, (groups.get(key) ?? new Set()).add(query.name))
  }
  return [...counts]
    .sort(([, one], [, other]) => other - one)
    .map(([key, count]) => `  ${count} x ${key}  [${[...(groups.get(key) ?? [])].slice(0, 4).join(', ')}]`)
}
