import type { Socket } from 'node:net'
import type pg from 'pg'
import { afterEach, expect, test } from 'vitest'
import type { SwitchPoint } from '../../../src/switch/switch-point.js'
import { type HotswapSettings, startTestHotswap, type TestHotswap, waitFor } from '../../support/start-hotswap.js'

const schema = `
  CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, email text NOT NULL);
  INSERT INTO users VALUES (1, 'Ada', 'ada@example.org');
`
const swap = `ALTER TABLE users RENAME name TO swapped; ALTER TABLE users RENAME email TO name; ALTER TABLE users RENAME swapped TO email`

let hotswap: TestHotswap | undefined
let goOn: () => void = () => undefined
let stopped: SwitchPoint | undefined
afterEach(async () => {
  goOn()
  stopped = undefined
  await hotswap?.stop()
  hotswap = undefined
})

/** A proxy whose first switch stops at the point until `goOn`. */
async function start(point: SwitchPoint, config: HotswapSettings['config'] = {}): Promise<TestHotswap> {
  hotswap = await startTestHotswap(schema, {
    config,
    at: async (now) => {
      if (now !== point || stopped !== undefined) return
      stopped = now
      await new Promise<void>((resolve) => {
        goOn = resolve
      })
    },
  })
  return hotswap
}

/** What a kill -9 of its process does. */
function cut(client: pg.Client): void {
  ;(client as unknown as { connection: { stream: Socket } }).connection.stream.destroy()
}

const versionsOf = ({ versions }: TestHotswap) => versions.current().generation.versions.map(({ name }) => name)
const toolsOf = ({ proxy }: TestHotswap) => proxy.sessions().filter(({ kind }) => kind === 'tool')
const heldOf = ({ proxy }: TestHotswap) => proxy.sessions().filter(({ state }) => state === 'held')

for (const store of [true, false]) {
  test(`its step is known once where it leaves after its COMMIT, ${store ? 'with' : 'without'} a store`, async () => {
    const { connect } = await start('committed', { store })
    const proxy = hotswap as TestHotswap
    const app = await connect()
    const tool = await connect('-c hotswap.run=on')
    tool.query(`BEGIN; ${swap}; COMMIT`).catch(() => undefined)
    await waitFor(() => stopped !== undefined)
    cut(tool)
    await waitFor(() => toolsOf(proxy).length === 0)
    const asked = app.query('SELECT name FROM users')
    await waitFor(() => heldOf(proxy).length === 1)
    goOn()
    expect((await asked).rows).toEqual([{ name: 'Ada' }])
    expect(versionsOf(proxy)).toHaveLength(2)
    expect((await proxy.migrate('next', swap)).error).toBeUndefined()
    expect(versionsOf(proxy)).toHaveLength(3)
    expect((await app.query('SELECT name FROM users')).rows).toEqual([{ name: 'Ada' }])
  })

  test(`it holds nobody where it leaves before its turn has come, ${store ? 'with' : 'without'} a store`, async () => {
    const { connect } = await start('holding', { store })
    const proxy = hotswap as TestHotswap
    const app = await connect()
    const tool = await connect('-c hotswap.run=on')
    await tool.query('BEGIN')
    tool.query('ALTER TABLE users RENAME name TO full_name').catch(() => undefined)
    await waitFor(() => stopped !== undefined)
    cut(tool)
    await waitFor(() => toolsOf(proxy).length === 0)
    goOn()
    expect((await proxy.migrate('next', swap)).error).toBeUndefined()
    expect((await app.query('SELECT name FROM users')).rows).toEqual([{ name: 'Ada' }])
    expect(versionsOf(proxy)).toHaveLength(2)
  })
}
