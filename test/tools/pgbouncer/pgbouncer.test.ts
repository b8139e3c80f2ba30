import { expect, test, vi } from 'vitest'
import { waitFor } from '../../support/start-hotswap.js'
import { type LocalProxy, migrateThrough, startProxyProcess } from '../../switch/fleet/support.js'
import { type Setting, useSetting } from './setting.js'
import { migrations, type Visitors } from './visitors.js'

vi.setConfig({ testTimeout: 120_000 })

const setting = useSetting()

/** Waits until so many more visitors have come and gone. */
async function moreOf(visitors: Visitors, visits = 8): Promise<void> {
  const goal = visitors.visits + visits
  await waitFor(() => visitors.visits >= goal || visitors.failures.length > 0, 60_000)
}

/** A tool that says by its connection what it is, in statements of its own. */
async function migrateAsTool({ connect }: Setting, url: string, sql: string): Promise<void> {
  const client = await connect(url, '-c hotswap.run=on')
  for (const statement of ['BEGIN', ...sql.split('; '), 'COMMIT']) await client.query(statement)
  await client.end()
}

/** Migrations of both kinds, while visitors come and go; nothing of theirs may fail. */
async function migrateAmong(visitors: Visitors, proxy: LocalProxy): Promise<void> {
  await moreOf(visitors)
  const migrated = await migrateThrough(proxy.url, 'renamed', migrations.rename)
  expect(migrated).toMatchObject({ error: undefined, report: { ok: true } })
  await moreOf(visitors)
  await migrateAsTool(setting(), proxy.url, migrations.swap)
  await moreOf(visitors)
  await visitors.stop()
  expect(visitors.failures).toEqual([])
  expect(proxy.log.filter(({ message }) => message === 'switched')).toHaveLength(2)
  expect(proxy.versions.current().generation.versions).toHaveLength(3)
}

test('in front: clients that share the connections of a pool live through migrations', async () => {
  const { database, proxy, pooler, visit } = setting()
  const served = await proxy(database.url)
  const pool = await pooler({ target: served })
  await migrateAmong(visit(pool.url(database.name)), served)
})

test('behind, with a direct control connection: clients live through migrations', async () => {
  const { database, proxyBehind, pooler, visit } = setting()
  const served = await proxyBehind(await pooler({ target: database, poolSize: 8 }))
  await migrateAmong(visit(served.url), served)
})

test('behind two proxies: the switch of one holds the traffic of the other', async () => {
  const { database, proxyBehind, pooler, visit } = setting()
  const pool = await pooler({ target: database, poolSize: 12 })
  const first = await proxyBehind(pool)
  const second = await proxyBehind(pool)
  await migrateAmong(visit(second.url), first)
  expect(second.versions.current().generation.versions).toHaveLength(3)
})

test('behind two proxies, one of which is killed: the pooler lends on what it had, and the switch goes on', async () => {
  const { database, proxyBehind, pooler, visit, connect } = setting()
  const pool = await pooler({ target: database, poolSize: 12 })
  const first = await proxyBehind(pool)
  const second = await startProxyProcess(pool.url(database.name), { control: database.url })
  try {
    const app = visit(first.url, 3, Number.POSITIVE_INFINITY)
    await Promise.all([1, 2, 3].map(() => connect(second.url)))
    await waitFor(() => app.answers > 50)
    second.child.kill('SIGKILL')
    const migrated = await migrateThrough(first.url, 'renamed', migrations.rename)
    expect(migrated).toMatchObject({ error: undefined, report: { ok: true } })
    const before = app.answers
    await waitFor(() => app.answers > before + 50 || app.failures.length > 0)
    const others = await Promise.all([7, 8, 9].map(() => connect(first.url)))
    for (const client of others) {
      expect((await client.query('SELECT name FROM users WHERE id = 9')).rows).toEqual([{ name: 'user 9' }])
    }
    await app.stop()
    expect(app.failures).toEqual([])
  } finally {
    await second.end()
  }
})
