import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { toByteString } from '../../src/sql/byte-string.js'
import { connectRaw, type RawClient } from '../support/raw-client.js'
import { createOldDatabase, type DatabasePair, type OldDatabase } from './database-pair.js'
import { type OracleCase, readFixtures, readSchemaSet } from './fixture.js'
import { observe, type Protocol } from './observe.js'
import { errorOf, type Oracle, openOracle, protocolsOf, runCase, setPath } from './run-case.js'

const schemas = await readSchemaSet('shop')
const fixtures = await readFixtures('shop')
// A rollback does not take sequences back.
const resetSequences =
  "SELECT pg_catalog.setval(oid::regclass, 1000, false) FROM pg_catalog.pg_class WHERE relkind = 'S'"
let old: OldDatabase

beforeAll(async () => {
  old = await createOldDatabase(schemas.before)
})
afterAll(() => old.drop())

describe('on the old schema', () => {
  let client: RawClient
  beforeAll(async () => {
    client = await connectRaw({ host: '127.0.0.1', port: inject('postgresPort'), database: old.name })
  })
  afterAll(() => client.end())

  test.each(fixtures)('each statement of $topic does what its fixture says', async ({ cases }) => {
    const wrong: string[] = []
    for (const item of cases) {
      for (const protocol of protocolsOf(item)) {
        const error = await errorOn(client, protocol, item)
        if (error !== item.error) wrong.push(`${item.sql}\n${protocol}: expected ${item.error}, got ${error}`)
      }
    }
    expect(wrong).toEqual([])
  })
})

describe.each(schemas.migrations)('after $name', (migration) => {
  let pair: DatabasePair
  let oracle: Oracle
  beforeAll(async () => {
    pair = await old.migrate(migration)
    oracle = await openOracle(pair, inject('postgresPort'), resetSequences)
  })
  afterAll(async () => {
    await oracle.close()
    await pair.drop()
  })

  test.each(fixtures)('old statements of $topic are answered as on the old schema', async ({ cases }) => {
    const wrong: string[] = []
    for (const item of cases) {
      for (const protocol of protocolsOf(item)) {
        const complaint = await complaintOf(oracle, protocol, item, migration.name)
        if (complaint !== undefined) wrong.push(`${item.rule} (${protocol})\n${complaint}`)
      }
    }
    expect(wrong).toEqual([])
  })
})

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

/** The SQLSTATE of the first error. */
async function errorOn(client: RawClient, protocol: Protocol, item: OracleCase): Promise<string | undefined> {
  const answer = await observe(client, protocol, setPath(item.path) + resetSequences, {
    sql: toByteString(item.sql),
    parameters: item.parameters ?? [],
    copyData: item.copyData,
  })
  return errorOf(answer)
}
