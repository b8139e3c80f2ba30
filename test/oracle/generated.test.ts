import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { stringify } from 'yaml'
import { createOldDatabase, type DatabasePair, type OldDatabase } from './database-pair.js'
import type { OracleCase } from './fixture.js'
import { choicesOf } from './generate/choices.js'
import { type GeneratedStep, generateSteps } from './generate/migration.js'
import { generateTables, tablesSql } from './generate/schema.js'
import { generateStatement } from './generate/statement.js'
import { type Oracle, openOracle, protocolsOf, runCase } from './run-case.js'

const SETS = 50
const LONG = process.env.HOTSWAP_LONG !== undefined
const STATEMENTS = LONG ? 400 : 40
/** Milliseconds for one set of tables. */
const TIME_LIMIT = STATEMENTS * 500
const MOST_REFUSED = 0.05
// Most of these are duplicate keys; over random seeds their share comes to 15 in a hundred and a little.
const MOST_FAILING = LONG ? 0.16 : 0.15

// The gate asks the same questions every time; the long run asks new ones.
const seed = Number(process.env.HOTSWAP_SEED ?? (LONG ? Date.now() % 2 ** 31 : 1))
// Bias towards small numbers would make most statements the simplest ones.
const decisions = fc.noBias(fc.array(fc.nat(0xff), { maxLength: 400, size: 'max' }))
const enough = fc.noBias(fc.array(fc.nat(0xff), { minLength: 400, maxLength: 400 }))

/** The sets of tables live beside each other in one pair of databases, each in schemas of its own. */
const sets = fc.sample(enough, { seed, numRuns: SETS }).map((numbers, index) => {
  const choices = choicesOf(numbers)
  const schemas = { main: `main_${index}`, other: `other_${index}`, third: `third_${index}` }
  const tables = generateTables(choices, schemas)
  return {
    index,
    schemas,
    tables,
    before: tablesSql(choices, schemas, tables),
    steps: generateSteps(choices, schemas, tables),
  }
})
type TableSet = (typeof sets)[number]

describe(`generated statements, HOTSWAP_SEED=${seed}`, () => {
  const refusals: string[] = []
  const failures: string[] = []
  let runs = 0
  let running: Promise<unknown> = Promise.resolve()
  let old: OldDatabase
  let pair: DatabasePair
  let oracle: Oracle

  beforeAll(async () => {
    old = await createOldDatabase(sets.map((set) => set.before).join(';\n'))
    pair = await old.migrate({ name: 'generated', steps: [0, 1, 2].map(stepOfAll) })
    oracle = await openOracle('proxy', pair, inject('postgresPort'))
  })
  afterAll(async () => {
    await oracle.close()
    await pair.drop()
    await old.drop()
  })

  const check = async (item: OracleCase, set: TableSet) => {
    for (const protocol of protocolsOf(item)) {
      runs += 1
      const verdict = await runCase(oracle, protocol, item)
      if (verdict.kind === 'different') throw new Error(`${verdict.report}\n\n${describeSet(set)}`)
      if (verdict.kind === 'refused') refusals.push(verdict.reason)
      if (verdict.kind === 'same' && verdict.error !== undefined) failures.push(verdict.error)
    }
  }

  test.each(sets)(
    'are answered as on the old schema: set $index',
    async (set) => {
      // A run that a time limit has left behind still uses the connections.
      await running.catch(() => undefined)
      const property = fc.asyncProperty(decisions, (numbers) => {
        const run = check(caseOf(numbers, set), set)
        running = run
        return run
      })
      // Shrinking ends with what it has by then.
      await fc.assert(property, { seed: seed + set.index, numRuns: STATEMENTS, interruptAfterTimeLimit: TIME_LIMIT })
    },
    2 * TIME_LIMIT,
  )

  test('few are refused, and few fail on the old schema too', () => {
    expect.soft(refusals.length / runs, tally(refusals)).toBeLessThan(MOST_REFUSED)
    expect(failures.length / runs, tally(failures)).toBeLessThan(MOST_FAILING)
  })
})

function stepOfAll(index: number) {
  const steps = sets.flatMap((set) => set.steps[index] ?? [])
  return { sql: steps.map((step) => step.sql).join(';\n'), rules: rulesText(steps) }
}

function rulesText(steps: readonly GeneratedStep[]): string {
  return stringify({ tables: Object.assign({}, ...steps.map((step) => step.tables)) })
}

function caseOf(numbers: readonly number[], { schemas, tables }: TableSet): OracleCase {
  const { sql, parameters, ordered } = generateStatement(numbers, schemas, tables)
  const item = { rule: 'generated', sql, copyData: [], ordered, path: schemas.main }
  return parameters.length === 0 ? item : { ...item, parameters }
}

function describeSet({ before, steps }: TableSet): string {
  return [before, ...steps.map((step) => `${step.sql}\n${rulesText([step])}`)].join('\n-- step\n')
}

/** Each word with the number of its occurrences, the most frequent first. */
function tally(words: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  const sorted = [...counts].sort(([, left], [, right]) => right - left)
  return sorted.map(([word, count]) => `${count}x ${word}`).join('\n')
}
