import fc from 'fast-check'
import { afterAll, describe, expect, inject, test } from 'vitest'
import { stringify } from 'yaml'
import { createOldDatabase } from './database-pair.js'
import type { OracleCase } from './fixture.js'
import { choicesOf } from './generate/choices.js'
import { type GeneratedStep, generateSteps } from './generate/migration.js'
import { randomBytes } from './generate/random.js'
import { generateTables, tablesSql } from './generate/schema.js'
import { generateStatement } from './generate/statement.js'
import type { Mode } from './migrated-side.js'
import { documentedRefusals, normalizedReason } from './refusals.js'
import { type Oracle, openOracle, protocolsOf, runCase, type Verdict } from './run-case.js'

const LONG = process.env.HOTSWAP_LONG !== undefined
/** Statements in one run of all modes. */
const STATEMENTS = Number(process.env.HOTSWAP_STATEMENTS ?? (LONG ? 100_000 : 2_400))
const SHARE = { rewriter: 0.65, proxy: 0.35 } as const satisfies Record<Mode, number>
/** Sets of tables of one round; they live beside each other in one pair of databases, each in schemas of its own. */
const SETS = LONG ? 24 : 12
const STATEMENTS_OF_SET = LONG ? 100 : 50
const MOST_STEPS = 6
/** Statements on their way at once. */
const WINDOW = 12
const LEAST_ANSWERED = 0.85
// Most of these are duplicate keys.
const MOST_FAILING = 0.2
const MOST_REPORTS = Number(process.env.HOTSWAP_REPORTS ?? 3)

// The gate asks the same questions every time; the long run asks new ones.
const seed = Number(process.env.HOTSWAP_SEED ?? (LONG ? Date.now() % 2 ** 31 : 1))

/** Generated statements over generated schemas, after generated migrations. */
export function describeGenerated(mode: Mode): void {
  const wanted = Math.round(STATEMENTS * SHARE[mode])
  const rounds = Array.from({ length: Math.ceil(wanted / (SETS * STATEMENTS_OF_SET)) }, (_, index) => index)
  describe(`generated statements, HOTSWAP_SEED=${seed}`, () => {
    const tally = createTally()

    test.each(rounds)('are answered as on the old schema: round %i', { timeout: 600_000 }, async (round) => {
      const reports = await runRound(mode, roundSeed(mode, round), tally)
      expect(reports.join('\n\n'), `${reports.length} differences`).toBe('')
    })

    test('few are refused, for reasons that are documented, and few fail on the old schema too', () => {
      const { runs, refused, failing } = tally.counts
      const undocumented = Object.keys(refused).filter((reason) => !documentedRefusals.includes(reason))
      expect.soft(undocumented).toEqual([])
      expect.soft(1 - total(refused) / runs, listOf(refused)).toBeGreaterThan(LEAST_ANSWERED)
      expect(total(failing) / runs, listOf(failing)).toBeLessThan(MOST_FAILING)
    })

    afterAll(() => {
      const { runs, refused, failing } = tally.counts
      console.info(
        `${mode}: ${runs} statements, ${total(refused)} refused, ${total(failing)} fail on the old schema too\n${listOf(refused)}`,
      )
    })
  })
}

function roundSeed(mode: Mode, round: number): number {
  return seed * 1_000 + round * 2 + (mode === 'proxy' ? 1 : 0)
}

/** What is different in a round, with what is needed to see it again. */
async function runRound(mode: Mode, ownSeed: number, tally: Tally): Promise<readonly string[]> {
  const random = randomBytes(ownSeed)
  const sets = Array.from({ length: SETS }, (_, index) => generateSet(index, random))
  const old = await createOldDatabase(sets.map((set) => set.before).join(';\n'))
  try {
    const steps = Array.from({ length: MOST_STEPS }, (_, index) => sets.flatMap((set) => set.steps[index] ?? []))
    const pair = await old.migrate({ name: 'generated', steps: steps.map(joinSteps) })
    const oracle = await openOracle(mode, pair, inject('postgresPort'), 'DEALLOCATE ALL')
    try {
      const different: { readonly numbers: readonly number[]; readonly set: TableSet; readonly report: string }[] = []
      const ask = async (set: TableSet) => {
        const numbers = Array.from({ length: random() + (random() % 150) }, random)
        const verdict = await askOne(oracle, numbers, set, tally)
        if (verdict.kind === 'different') different.push({ numbers, set, report: verdict.report })
      }
      for (const set of sets) {
        await oracle.after.usePath(set.schemas.main)
        const next = Array.from({ length: STATEMENTS_OF_SET }).values()
        await Promise.all(
          Array.from({ length: WINDOW }, async () => {
            for (const _ of next) await ask(set)
          }),
        )
      }
      const reports: string[] = []
      for (const { numbers, set, report } of different.slice(0, MOST_REPORTS)) {
        const shrunk = (await shrink(oracle, numbers, set)) ?? `${report}\nbut asked alone it is the same`
        reports.push(`${shrunk}\n\n${describeSet(set)}`)
      }
      return [...reports, ...different.slice(MOST_REPORTS).map(() => 'not shown')]
    } finally {
      await oracle.close()
      await pair.drop()
    }
  } finally {
    await old.drop()
  }
}

type TableSet = ReturnType<typeof generateSet>

function generateSet(index: number, random: () => number) {
  const choices = choicesOf(Array.from({ length: 2_000 }, random))
  const schemas = { main: `main_${index}`, other: `other_${index}`, third: `third_${index}` }
  const tables = generateTables(choices, schemas)
  return {
    schemas,
    tables,
    before: tablesSql(choices, schemas, tables),
    steps: generateSteps(choices, schemas, tables, MOST_STEPS),
  }
}

async function askOne(
  oracle: Oracle,
  numbers: readonly number[],
  set: TableSet,
  tally: Tally | undefined,
): Promise<Verdict> {
  const item = caseOf(numbers, set)
  const protocols = protocolsOf(item)
  const protocol = protocols[(numbers.at(-1) ?? 0) % protocols.length] ?? 'extended'
  const verdict = await runCase(oracle, protocol, item)
  tally?.add(verdict)
  return verdict
}

function caseOf(numbers: readonly number[], { schemas, tables }: TableSet): OracleCase {
  const { parameters, ...statement } = generateStatement(numbers, schemas, tables)
  const item = { rule: 'generated', ...statement, path: schemas.main }
  return parameters.length === 0 ? item : { ...item, parameters }
}

/** The report of the simplest statement near the one that these numbers decide upon; nothing where none is different. */
async function shrink(oracle: Oracle, numbers: readonly number[], set: TableSet): Promise<string | undefined> {
  let report: string | undefined
  const property = fc.asyncProperty(fc.array(fc.nat(0xff), { maxLength: 1_000 }), async (candidate) => {
    const verdict = await askOne(oracle, candidate, set, undefined)
    if (verdict.kind !== 'different') return
    report = verdict.report
    throw new Error('different')
  })
  await fc.check(property, { examples: [[[...numbers]]], numRuns: 1, interruptAfterTimeLimit: 10_000 })
  return report
}

function joinSteps(steps: readonly GeneratedStep[]) {
  return { sql: steps.map((step) => step.sql).join(';\n'), rules: rulesText(steps) }
}

function rulesText(steps: readonly GeneratedStep[]): string {
  return stringify({ tables: Object.assign({}, ...steps.map((step) => step.tables)) })
}

/** As a migration of the fixtures is written. */
function describeSet({ schemas, before, steps }: TableSet): string {
  const written = steps.map((step) => `${rulesText([step]).trimEnd().replace(/^/gm, '--| ')}\n${step.sql};`)
  return `SET search_path = ${schemas.main};\n${before};\n-- step\n${written.join('\n-- step\n')}`
}

interface Tally {
  readonly counts: {
    runs: number
    /** By reason. */
    readonly refused: Record<string, number>
    /** By SQLSTATE. */
    readonly failing: Record<string, number>
  }
  add(verdict: Verdict): void
}

function createTally(): Tally {
  const counts: Tally['counts'] = { runs: 0, refused: {}, failing: {} }
  const count = (words: Record<string, number>, word: string) => {
    words[word] = (words[word] ?? 0) + 1
  }
  return {
    counts,
    add(verdict) {
      counts.runs += 1
      if (verdict.kind === 'refused') count(counts.refused, normalizedReason(verdict.reason))
      if (verdict.kind === 'same' && verdict.error !== undefined) count(counts.failing, verdict.error)
    },
  }
}

function total(words: Readonly<Record<string, number>>): number {
  return Object.values(words).reduce((sum, number) => sum + number, 0)
}

/** Each word with the number of its occurrences, the most frequent first. */
function listOf(words: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(words).sort(([, left], [, right]) => right - left)
  return sorted.map(([word, count]) => `${count}x ${word}`).join('\n')
}
