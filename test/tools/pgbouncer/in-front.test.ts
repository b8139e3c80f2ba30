import { expect, test, vi } from 'vitest'
import { waitFor } from '../../support/start-hotswap.js'
import { cancel } from './cancel.js'
import { useSetting } from './setting.js'
import { migrations } from './visitors.js'

// In front of the proxy: one of its sessions serves several clients, one after the other, with DISCARD ALL in between.

vi.setConfig({ testTimeout: 60_000 })

const setting = useSetting()

const names = 'SELECT * FROM users WHERE id = 1'
const firstUser = { id: 1, name: 'user 1', visits: 0 }

test('a tool that migrates through the pool leaves a session to the app, which speaks its own version', async () => {
  const { database, pooler, proxy, connect } = setting()
  const served = await proxy(database.url)
  const pool = await pooler({ target: served, poolSize: 1 })
  const url = pool.url(database.name)
  const tool = await connect(url)
  await tool.query('CREATE TABLE schema_migrations (version text PRIMARY KEY)')
  await tool.query('BEGIN')
  await tool.query("INSERT INTO schema_migrations VALUES ('2')")
  for (const statement of migrations.rename.split('; ')) await tool.query(statement)
  await tool.query('COMMIT')
  await tool.end()
  expect(served.versions.current().generation.versions).toHaveLength(2)

  const app = await connect(url)
  expect((await app.query({ name: 'first', text: names })).rows).toEqual([firstUser])
  await expect(app.query('ALTER TABLE users ADD COLUMN more text')).rejects.toMatchObject({ code: '0A000' })
  // It is held and drained as any other.
  const direct = await connect(served.url, '-c hotswap.run=on')
  await direct.query(`BEGIN; ${migrations.swap}; COMMIT`)
  expect((await app.query('SELECT title FROM posts JOIN users USING (id)')).rows).toEqual([{ title: 'T' }])
  expect((await app.query({ name: 'first', text: names })).rows).toEqual([firstUser])
  await app.end()

  const again = await connect(url)
  await again.query("INSERT INTO schema_migrations VALUES ('3')")
  expect((await again.query('SELECT full_name FROM people WHERE id = 1')).rows).toEqual([{ full_name: 'user 1' }])
})

test('a version that a client sets is its own: the next one speaks the default version', async () => {
  const { database, pooler, proxy, connect } = setting()
  const served = await proxy(database.url)
  const url = (await pooler({ target: served, poolSize: 1 })).url(database.name)
  const tool = await connect(served.url, '-c hotswap.run=on')
  await tool.query(`BEGIN; ${migrations.rename}; COMMIT`)
  const [, head] = served.versions.current().generation.versions
  for (let round = 0; round < 2; round++) {
    const newer = await connect(url)
    await newer.query(`SET hotswap.version = '${head?.name}'`)
    expect((await newer.query('SELECT * FROM people WHERE id = 1')).rows).toMatchObject([{ full_name: 'user 1' }])
    await newer.end()
    const older = await connect(url)
    expect((await older.query(names)).rows).toEqual([firstUser])
    await older.end()
  }
})

test('a database of the pooler stands for a version, by its alias', async () => {
  const { database, pooler, proxy, connect } = setting()
  const served = await proxy(database.url)
  const tool = await connect(served.url, '-c hotswap.run=on')
  await tool.query(`BEGIN; ${migrations.rename}; COMMIT`)
  const [, head] = served.versions.current().generation.versions
  const pool = await pooler({ target: served, databases: { newer: `${database.name}@${head?.name}` } })
  const newer = await connect(pool.url('newer'))
  expect((await newer.query('SELECT full_name FROM people WHERE id = 1')).rows).toEqual([{ full_name: 'user 1' }])
  const older = await connect(pool.url(database.name))
  expect((await older.query(names)).rows).toEqual([firstUser])
})

test('a cancel request reaches a statement that the switch holds', async () => {
  const { database, pooler, proxy, connect } = setting()
  const served = await proxy(database.url, {
    config: { hold: { timeoutMs: 20_000, lockTimeoutMs: 200, retries: 1, checkMs: 10_000 } },
  })
  const pool = await pooler({ target: served })
  const app = await connect(pool.url(database.name))
  await app.query(names)
  const tool = await connect(served.url, '-c hotswap.run=on')
  await tool.query(`BEGIN; ${migrations.rename}`)
  const held = app.query(names).then(
    () => undefined,
    (error: unknown) => error,
  )
  await waitFor(() => served.proxy.sessions().some(({ state }) => state === 'held'))
  cancel(pool.url(database.name), app)
  expect(await held).toMatchObject({ code: '57014' })
  await tool.query('COMMIT')
  expect((await app.query(names)).rows).toEqual([firstUser])
})
