import type { MigrationReport } from '../../src/switch/migration-report.js'
import type { LatencySummary } from './latency.js'
import type { AppReport } from './ticket-app.js'

/** What the demo has shown; its last line as JSON. */
export interface DemoOutcome {
  readonly ok: boolean
  readonly queries: number
  readonly failed: number
  readonly wrong: number
  readonly rewritten: number
  readonly reprepared: number
  readonly connections: number
  readonly heldMs: number
  readonly tries: number
  readonly before: LatencySummary
  readonly during: LatencySummary
  readonly after: LatencySummary
  /** What is not as it should be, in words. */
  readonly problems: readonly string[]
}

export interface DemoFacts {
  readonly app: AppReport
  readonly migration: MigrationReport
  readonly rewritten: number
  readonly reprepared: number
  /** Rows that the database has under the new names. */
  readonly rows: { readonly tickets: number; readonly comments: number }
}

/** Judges the run: every answer right, nothing lost, no connection made twice, queries on both sides of the switch. */
export function judge({ app, migration, rewritten, reprepared, rows }: DemoFacts): DemoOutcome {
  const { queries, failed, wrong, connections, before, during, after, totals } = app
  const problems = [
    ...app.failures,
    ...(connections === 8 ? [] : [`the app opened ${connections} connections, not 8`]),
    ...(before.queries > 0 && after.queries > 0 ? [] : ['the app did not run on both sides of the migration']),
    ...(rewritten > 0 ? [] : ['no statement was rewritten']),
    ...(rows.tickets === totals.tickets && rows.comments === totals.comments
      ? []
      : [`the app wrote ${JSON.stringify(totals)}, the database has ${JSON.stringify(rows)}`]),
  ]
  return {
    ok: problems.length === 0 && failed === 0 && wrong === 0,
    ...{ queries, failed, wrong, rewritten, reprepared, connections },
    ...{ heldMs: migration.heldMs, tries: migration.tries, before, during, after, problems },
  }
}

/** The closing table. */
export function formatOutcome(outcome: DemoOutcome): string {
  const { before, during, after } = outcome
  const row = (name: string, value: string | number) => `  ${name.padEnd(34)}${String(value).padStart(10)}`
  const times = (name: string, { queries, p50, p99, max }: LatencySummary) =>
    `  ${name.padEnd(22)}${String(queries).padStart(9)}${[p50, p99, max].map((ms) => ms.toFixed(2).padStart(10)).join('')}`
  return [
    row('queries', outcome.queries),
    row('failed', outcome.failed),
    row('wrong answers', outcome.wrong),
    row('statements rewritten', outcome.rewritten),
    row('prepared again after the switch', outcome.reprepared),
    row('connections that the app opened', outcome.connections),
    row('traffic held, ms', outcome.heldMs),
    '',
    '  latency, ms             queries       p50       p99       max',
    times('before', before),
    times('around the switch', during),
    times('after', after),
    ...outcome.problems.map((problem) => `  PROBLEM: ${problem}`),
  ].join('\n')
}
