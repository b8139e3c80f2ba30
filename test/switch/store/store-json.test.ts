import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Catalog } from '../../../src/catalog/catalog.js'
import { introspect } from '../../../src/catalog/introspect.js'
import { readRuleFile } from '../../../src/config/load-rules.js'
import { formatProblem } from '../../../src/config/problem.js'
import { planStep, type RelationRules, type StepRules } from '../../../src/rewrite/plan-step.js'
import { loadParser } from '../../../src/sql/parse.js'
import { bindRules } from '../../../src/switch/bind-rules.js'
import { createShadowTypes } from '../../../src/switch/shadow-types.js'
import { asciiLiteral } from '../../../src/switch/store/sql-literal.js'
import { decodeCatalog, decodeRules, encodeCatalog, encodeRules } from '../../../src/switch/store/store-json.js'
import { type Migration, readSchemaSet } from '../../oracle/fixture.js'
import { createDatabase, type TestDatabase } from '../../support/database.js'
import { withTextQuery } from '../../support/text-query.js'

interface ObservedStep {
  readonly before: Catalog
  readonly after: Catalog
  readonly rules: StepRules
}

const { before: schema, migrations } = await readSchemaSet('shop')

/** What a migration of the oracle's looks like to introspection and rules. */
async function observe({ steps }: Migration): Promise<readonly ObservedStep[]> {
  const database = await createDatabase(schema)
  const parser = await loadParser()
  try {
    return await withTextQuery(database.url, async (query) => {
      const observed: ObservedStep[] = []
      let before = await introspect(query)
      for (const [index, step] of steps.entries()) {
        await query(step.sql)
        const migrated = await introspect(query)
        await createShadowTypes(query, before, migrated, `v${index + 1}`)
        const after = await introspect(query)
        const file = readRuleFile('step.yaml', step.rules === '' ? 'tables: {}' : step.rules, parser)
        const bound = file.ok ? await bindRules(query, before, after, file.value, parser) : file
        if (!bound.ok) throw new Error(bound.problems.map(formatProblem).join('\n'))
        observed.push({ before, after, rules: bound.value })
        before = after
      }
      return observed
    })
  } finally {
    await database.drop()
  }
}

describe.each(migrations)('of the migration $name', (migration) => {
  test('catalogs and rules come back as they were stored, and give the same mapping', async () => {
    for (const { before, after, rules } of await observe(migration)) {
      const stored = {
        before: await decodeCatalog(await encodeCatalog(before), after),
        after: await decodeCatalog(await encodeCatalog(after), after),
        ...decodeRules(encodeRules({ rules })),
      }
      expect(stored).toEqual({ before, after, rules })
      expect(planStep(stored.before, stored.after, stored.rules)).toEqual(planStep(before, after, rules))
      expect(planStep(before, stored.before)).toMatchObject({ mapping: { relations: new Map() }, differences: [] })
    }
  })
})

const text = fc.string({ unit: 'binary' })
const expression = fc.array(fc.oneof(text, fc.record({ column: text })))

/** What rules may say; kept in step with RelationRules by the type-check. */
const relationRules: fc.Arbitrary<RelationRules> = fc.record({
  insert: fc.array(fc.record({ column: text, expression: text })),
  columns: fc
    .array(fc.tuple(text, expression), { maxLength: 3 })
    .map(
      (columns) =>
        new Map(
          columns.map(([name, read]) => [
            name,
            { kind: 'computed' as const, type: name, read, writes: [], labels: new Map([[name, name]]) },
          ]),
        ),
    ),
  merged: fc.array(fc.record({ column: text, expression })),
  defaults: fc.array(fc.tuple(text, text)).map((pairs) => new Map(pairs)),
  same: fc.record({ relation: fc.boolean(), columns: fc.array(text).map((names) => new Set(names)) }),
  remade: fc.record({ oid: fc.nat(), renamed: fc.array(fc.tuple(text, text)).map((pairs) => new Map(pairs)) }),
})

test('rules of any names and expressions come back as they were stored, by plain ASCII', () => {
  const ascii = /^[\x20-\x7e]*$/
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(), relationRules), { maxLength: 3 }), (pairs) => {
      const rules = new Map(pairs)
      const json = encodeRules({ rules })
      expect(json).toMatch(ascii)
      expect(decodeRules(json)).toEqual({ rules })
      expect(decodeRules(encodeRules({ rules, accepted: true }))).toEqual({ rules, accepted: true })
    }),
    { numRuns: 200 },
  )
})

test('a document of another format is not taken for one', () => {
  expect(() => decodeRules('{"format":2,"value":{"$map":[]}}')).toThrow('a document of format 2')
})

describe('a literal', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createDatabase()
  })
  afterAll(() => database.drop())

  test.each(['on', 'off'])('means its text with standard_conforming_strings = %s', async (setting) => {
    await withTextQuery(database.url, async (query) => {
      await query(`SET standard_conforming_strings = ${setting}`)
      await fc.assert(
        fc.asyncProperty(text, async (raw) => {
          const value = raw.replaceAll('\0', '')
          expect(await query(`SELECT ${asciiLiteral(value)}`)).toEqual([[value]])
        }),
        { numRuns: 300 },
      )
    })
  })
})
