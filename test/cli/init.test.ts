import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database.js'
import { withTextQuery } from '../support/text-query.js'
import { mustStartOn } from '../switch/store/start-on.js'
import { runProgram } from './run-program.js'

const role = `r_${randomBytes(4).toString('hex')}`
let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase(`
    CREATE TABLE users (id int PRIMARY KEY);
    CREATE ROLE ${role} LOGIN PASSWORD 'secret';
    ALTER TABLE users OWNER TO ${role};
    GRANT CREATE ON SCHEMA public TO ${role};
  `)
})
afterAll(async () => {
  await database.run(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
  await database.drop()
})

test('init makes the store that a proxy without rights works with, says what is there, and begins anew when asked', async () => {
  const own = `postgres://${role}:secret@127.0.0.1:${database.port}/${database.name}`
  const refused = await runProgram('init', '--upstream', own)
  expect(refused).toMatchObject({ code: 1, out: '' })
  expect(refused.err).toContain(`CREATE SCHEMA hotswap AUTHORIZATION "${role}";`)

  const made = await runProgram('init', '--upstream', own, '--control', database.url, '--role', role)
  expect(made).toMatchObject({ code: 0, err: '' })
  expect(made.out).toBe(`the version store of 127.0.0.1:${database.port}/${database.name} was made\n`)

  const proxy = await mustStartOn(own)
  expect(await proxy.migrate('one', 'ALTER TABLE users RENAME TO people')).toBeUndefined()
  expect(proxy.versions.storedNumber).toBe(2)
  await proxy.stop()

  const again = await runProgram('init', '--upstream', own, '--json')
  expect(JSON.parse(again.out)).toEqual({ ok: true, created: false })

  const trigger = await runProgram('init', '--upstream', own, '--event-trigger')
  expect(trigger).toMatchObject({ code: 1, err: expect.stringContaining('the event trigger cannot be made') })
  expect(await runProgram('init', '--upstream', database.url, '--event-trigger')).toMatchObject({ code: 0 })
  await withTextQuery(database.url, async (query) => {
    expect(await query("SELECT evtenabled FROM pg_event_trigger WHERE evtname = 'hotswap_ddl'")).toEqual([['O']])
  })

  await database.run("CREATE TYPE hotswap.kept AS ENUM ('a')")
  const foreign = await runProgram('init', '--upstream', own, '--anew')
  expect(foreign).toMatchObject({ code: 1, err: expect.stringContaining('may not take the version store away') })
  expect(await runProgram('init', '--upstream', database.url, '--anew')).toMatchObject({ code: 0 })
  await withTextQuery(database.url, async (query) => {
    expect(await query('SELECT number, retired FROM hotswap.state')).toEqual([['1', '{}']])
    expect(await query('SELECT count(*) FROM hotswap.step')).toEqual([['0']])
    expect(await query("SELECT 'a'::hotswap.kept")).toEqual([['a']])
  })
})
