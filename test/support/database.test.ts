import pg from 'pg'
import { expect, test } from 'vitest'
import { createDatabase } from './database.js'

test('a test database is made, answers and is dropped', async () => {
  const database = await createDatabase('CREATE TABLE t (a int); INSERT INTO t VALUES (7)')
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  expect((await client.query('SELECT a FROM t')).rows).toEqual([{ a: 7 }])
  await client.end()
  await database.drop()
})
