import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createOldDatabase, type DatabasePair, type OldDatabase } from './database-pair.js'
import { type OracleCase, readFixtures, readSchemaSet } from './fixture.js'
import type { Mode } from './migrated-side.js'
import type { Protocol } from './observe.js'
import { type Oracle, openOracle, protocolsOf, runCase } from './run-case.js'

/** A rollback does not take sequences back. */
export const resetSequences =
  "SELECT pg_catalog.setval(oid::regclass, 1000, false) FROM pg_catalog.pg_class WHERE relkind = 'S'"

/** Every statement of the fixtures after every migration of their schema. */
export async function describeFixtures(mode: Mode): Promise<void> {
  const schemas = await readSchemaSet('shop')
  const fixtures = await readFixtures('shop')
  let old: OldDatabase
  beforeAll(async () => {
    old = await createOldDatabase(schemas.before)
  })
  afterAll(() => old.drop())

  describe.each(schemas.migrations)('after $name', (migration) => {
    let pair: DatabasePair
    let oracle: Oracle
    beforeAll(async () => {
      pair = await old.migrate(migration)
      oracle = await openOracle(mode, pair, inject('postgresPort'), resetSequences)
    })
    afterAll(async () => {
      await oracle.close()
      await pair.drop()
    })

    test.each(fixtures)('old statements of $topic are answered as on the old schema', async ({ cases }) => {
      const wrong: string[] = []
      for (const item of cases) {
        // What the rewriter makes of a text does not hang on the protocol.
        const protocols = mode === 'proxy' ? protocolsOf(item) : protocolsOf(item).slice(-1)
        for (const protocol of protocols) {
          const complaint = await complaintOf(oracle, protocol, item, migration.name)
          if (complaint !== undefined) wrong.push(`${item.rule} (${protocol})\n${complaint}`)
        }
      }
      expect(wrong).toEqual([])
    })
  })
}

async function complaintOf(
  oracle: Oracle,
  protocol: Protocol,
  item: OracleCase,
  migration: string,
): Promise<string | undefined> {
  const mayRefuse = item.refused?.migrations.some((name) => name === migration || name === 'every') ?? false
  const verdict = await runCase(oracle, protocol, item)
  if (verdict.kind === 'different') return verdict.report
  if (verdict.kind === 'refused' && !mayRefuse) return `${item.sql}\nrefused: ${verdict.reason}\n${verdict.report}`
  if (verdict.kind === 'same' && mayRefuse) return `${item.sql}\nis not refused any more: take the mark out`
  return undefined
}
