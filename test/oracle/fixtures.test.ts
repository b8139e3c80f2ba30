import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { toByteString } from '../../src/sql/byte-string.js'
import { serverMajor } from '../support/database.js'
import { connectRaw, type RawClient } from '../support/raw-client.js'
import { createOldDatabase, type OldDatabase } from './database-pair.js'
import { isExpected, type OracleCase, readFixtures, readSchemaSet } from './fixture.js'
import { resetSequences } from './fixture-suite.js'
import { observe, type Protocol } from './observe.js'
import { errorOf, preludeOf, protocolsOf } from './run-case.js'

const fixtures = await readFixtures('shop')
let old: OldDatabase
let client: RawClient
let major: number

beforeAll(async () => {
  major = await serverMajor()
  old = await createOldDatabase((await readSchemaSet('shop')).before)
  client = await connectRaw({ host: '127.0.0.1', port: inject('postgresPort'), database: old.name })
})
afterAll(async () => {
  await client.end()
  await old.drop()
})

test('the fixtures hold at least 1,200 statements', () => {
  expect(fixtures.flatMap(({ cases }) => cases).length).toBeGreaterThanOrEqual(1_200)
})

test.each(fixtures)('on the old schema each statement of $topic does what its fixture says', async ({ cases }) => {
  const wrong: string[] = []
  for (const item of cases) {
    for (const protocol of protocolsOf(item)) {
      const error = await errorOnOldSchema(protocol, item)
      if (!isExpected(item, error, major)) {
        wrong.push(`${item.sql}\n${protocol}: expected ${item.error}, got ${error}`)
      }
    }
  }
  expect(wrong).toEqual([])
})

async function errorOnOldSchema(protocol: Protocol, item: OracleCase): Promise<string | undefined> {
  const answer = await observe(client, protocol, preludeOf(item, resetSequences), {
    sql: toByteString(item.sql),
    parameters: item.parameters ?? [],
    copyData: item.copyData,
  })
  return errorOf(answer)
}
