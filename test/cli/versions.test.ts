import { afterEach, expect, test } from 'vitest'
import type { Status } from '../../src/admin/status.js'
import { startTestHotswap, type TestHotswap, waitFor } from '../support/start-hotswap.js'
import { runProgram } from './run-program.js'

let hotswap: TestHotswap | undefined
afterEach(async () => {
  await hotswap?.stop()
  hotswap = undefined
})

async function start(): Promise<TestHotswap> {
  hotswap = await startTestHotswap("CREATE TABLE users (name text); INSERT INTO users VALUES ('Ada')")
  return hotswap
}

async function statusOf({ url }: TestHotswap): Promise<Status> {
  return JSON.parse((await runProgram('status', '--url', url, '--json')).out) as Status
}

test('status says who speaks what, and which statements of old versions were seen', async () => {
  const { connect, migrate, url } = await start()
  const app = await connect()
  await app.query("SELECT name FROM users WHERE name = 'Ada'")
  await migrate('people', 'ALTER TABLE users RENAME TO people')
  await app.query("SELECT name FROM users WHERE name = 'Ada'")
  const status = await statusOf(hotswap as TestHotswap)
  expect(status).toMatchObject({
    versions: [
      { name: 'initial', head: false, default: true, sessions: 1, clients: ['postgres'], retirable: false },
      { name: 'people', head: true, default: false, sessions: 0 },
    ],
    direct: false,
  })
  expect(status.versions[0]?.recent).toEqual([expect.stringMatching(/^SELECT name FROM users WHERE name = /)])
  expect(status.versions[0]?.recent[0]).not.toContain('Ada')
  expect((await runProgram('status', '--url', url)).out).toMatch(/^initial \[default\]: 1 session \(postgres\), last/)
})

test('promote --live: who says nothing speaks the new version, connected sessions from their next transaction on', async () => {
  const { connect, migrate, url } = await start()
  const app = await connect()
  await migrate('people', 'ALTER TABLE users RENAME TO people')
  await app.query('BEGIN')
  await app.query('SELECT name FROM users')
  expect(await runProgram('promote', 'people', '--live', '--url', url)).toMatchObject({
    code: 0,
    out: 'clients that name no version speak people (before: initial)\n1 connected sessions speak it from their next transaction on\n',
  })
  await app.query('SELECT name FROM users')
  await app.query('COMMIT')
  expect((await app.query('SELECT name FROM people')).rows).toEqual([{ name: 'Ada' }])
  expect((await (await connect()).query('SELECT name FROM people')).rows).toHaveLength(1)
  expect(await statusOf(hotswap as TestHotswap)).toMatchObject({ direct: true })
})

test('retire: refused while the version is the default, and while somebody speaks it', async () => {
  const { connect, migrate, url } = await start()
  const app = await connect()
  await migrate('people', 'ALTER TABLE users RENAME TO people')
  expect(await runProgram('retire', 'initial', '--url', url)).toMatchObject({
    code: 1,
    err: expect.stringContaining('Promote another version first'),
  })
  await runProgram('promote', 'people', '--url', url)
  const refused = await runProgram('retire', 'initial', '--url', url)
  expect(refused).toMatchObject({
    code: 1,
    err: expect.stringContaining('1 session speaks the version "initial"'),
  })
  expect(refused.err).toMatch(/the proxy 127\.0\.0\.1:\d+ \(.*\): 1 \(postgres\)/)
  await app.end()
  await waitFor(async () => (await statusOf(hotswap as TestHotswap)).versions[0]?.retirable === true)
  expect(await runProgram('retire', 'initial', '--url', url)).toMatchObject({ code: 0 })
  await expect(connect('-c hotswap.version=initial')).rejects.toMatchObject({
    message: expect.stringContaining('retired'),
  })
  expect((await (await connect()).query('SELECT name FROM people')).rows).toHaveLength(1)
})

test('no such version', async () => {
  const { url } = await start()
  for (const command of ['promote', 'retire']) {
    expect(await runProgram(command, 'nope', '--url', url)).toMatchObject({ code: 1 })
  }
})

test('explain knows the versions that the store keeps', async () => {
  const { migrate, database } = await start()
  await migrate('people', 'ALTER TABLE users RENAME TO people')
  const { code, out } = await runProgram('explain', 'SELECT name FROM users', '--upstream', database.url)
  expect(code).toBe(0)
  expect(out).toContain('initial -> people\n')
})
