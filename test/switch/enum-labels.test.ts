import { afterEach, expect, test } from 'vitest'
import { startTestHotswap, type TestHotswap } from '../support/start-hotswap.js'

const schema = `
  CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
  CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, feeling mood NOT NULL DEFAULT 'sad');
  INSERT INTO users VALUES (1, 'Ada', 'happy'), (2, 'Bob', 'sad'), (3, 'Cid', 'ok');
`

let hotswap: TestHotswap | undefined
afterEach(async () => {
  await hotswap?.stop()
  hotswap = undefined
})

test('a running client keeps the old label over ALTER TYPE ... RENAME VALUE, by text and by prepared statement', async () => {
  hotswap = await startTestHotswap(schema)
  const client = await hotswap.connect()
  const read = { name: 'read', text: 'SELECT id, feeling FROM users WHERE feeling = $1', values: ['sad'] }
  const write = {
    name: 'write',
    text: 'UPDATE users SET feeling = $1 WHERE id = $2 RETURNING feeling',
    values: ['sad', 3],
  }
  const before = await client.query(read)
  expect(before.rows).toEqual([{ id: 2, feeling: 'sad' }])
  await client.query({ ...write, values: ['ok', 3] })

  const { error, report } = await hotswap.migrate('0001-mood', `ALTER TYPE mood RENAME VALUE 'sad' TO 'unhappy'`)
  expect(error).toBeUndefined()
  expect(report?.changed).toContain('public.mood -> public.mood')

  const after = await client.query(read)
  expect(after.rows).toEqual([{ id: 2, feeling: 'sad' }])
  expect(after.fields).toMatchObject(before.fields.map(({ name, dataTypeID }) => ({ name, dataTypeID })))
  expect((await client.query(write)).rows).toEqual([{ feeling: 'sad' }])
  await client.query("INSERT INTO users (id, name) VALUES (4, 'Dora')")
  await client.query("INSERT INTO users VALUES (5, 'Eve', 'sad'), (6, 'Fay', 'happy'::mood)")
  expect((await client.query("SELECT id FROM users WHERE feeling < 'ok'::mood ORDER BY feeling, id")).rows).toEqual(
    [2, 3, 4, 5].map((id) => ({ id })),
  )
  await expect(client.query("SELECT 'unhappy'::mood")).rejects.toMatchObject({
    code: '22P02',
    message: 'invalid input value for enum mood: "unhappy"',
  })
  const fresh = await hotswap.connect('-c hotswap.version=0001-mood')
  expect((await fresh.query('SELECT feeling FROM users WHERE id IN (3, 4, 5) ORDER BY id')).rows).toEqual(
    [1, 2, 3].map(() => ({ feeling: 'unhappy' })),
  )
})
