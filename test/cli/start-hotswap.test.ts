import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../src/cli/embedded-postgres.js'
import { startHotswap } from '../../src/cli/start-hotswap.js'
import { type ConfigFlags, loadConfig } from '../../src/config/load-config.js'
import { formatProblem } from '../../src/config/problem.js'
import { createDatabase, type TestDatabase } from '../support/database.js'

let database: TestDatabase
let directory: string
beforeAll(async () => {
  database = await createDatabase('CREATE TABLE users (id int PRIMARY KEY, email text)')
  directory = await mkdtemp(join(tmpdir(), 'hotswap-start-'))
})
afterAll(async () => {
  await database.drop()
  await rm(directory, { recursive: true })
})

const silent = { info: () => undefined, warn: () => undefined, debug: () => undefined }

async function start(flags: ConfigFlags) {
  const listen = { host: '127.0.0.1', port: 0 }
  const config = await loadConfig({ flags: { upstream: database.url, listen, ...flags }, environment: {} })
  if (!config.ok) throw new Error(config.problems.map(formatProblem).join('\n'))
  return await startHotswap(config.value, silent)
}

/** Starts the proxy, which must fail; gives what it says. */
async function refusal(flags: ConfigFlags): Promise<string> {
  const started = await start(flags)
  if (!started.ok) return [started.failure.message, ...started.failure.details].join('\n')
  await started.value.close()
  throw new Error('the proxy was started')
}

function at(port: number, password = 'postgres', name = database.name): string {
  return `postgres://postgres:${password}@127.0.0.1:${port}/${name}`
}

async function listening(): Promise<{ server: Server; port: number }> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, port: (server.address() as { port: number }).port }
}

test('an upstream that cannot be reached is said with what to do', async () => {
  const free = await freePort()
  expect(await refusal({ upstream: at(free) })).toContain('Nothing listens there: check host and port')
  expect(await refusal({ upstream: at(database.port, 'wrong') })).toContain('The password is wrong')
  expect(await refusal({ upstream: at(database.port, 'postgres', 'none') })).toContain('There is no such database')
  expect(await refusal({ upstream: 'postgres://a@no-such-host.invalid/b' })).toMatch(/host name/)
  expect(await refusal({ control: at(free) })).toContain('cannot connect to the control database at 127.0.0.1:')
})

test('a password is never part of what is said', async () => {
  expect(await refusal({ upstream: at(database.port, 'hush-hush') })).not.toContain('hush-hush')
})

test('a port in use is said, and that of the other program stays', async () => {
  const { server, port } = await listening()
  expect(await refusal({ listen: { host: '127.0.0.1', port } })).toContain(`port ${port} on 127.0.0.1 is in use`)
  expect(server.listening).toBe(true)
  server.close()
  expect(await refusal({ listen: { host: '192.0.2.1', port } })).toContain(
    '192.0.2.1 is not an address of this machine',
  )
})

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['0.0.0.0', 'localhost'],
])('an upstream that is the proxy itself is found out: listening on %s, dialling %s', async (host, dialled) => {
  const port = await freePort()
  const upstream = `postgres://a@${dialled}:${port}/b`
  expect(await refusal({ upstream, listen: { host, port } })).toContain(
    `the upstream is this proxy itself, at port ${port}`,
  )
})

test('rules that do not fit are said with their place; afterwards nothing listens and nobody is connected', async () => {
  const port = await freePort()
  await writeFile(join(directory, '1.yaml'), 'tables:\n  users:\n    columns: { emial: mail }\n')
  const text = await refusal({ rules: directory, listen: { host: '127.0.0.1', port } })
  expect(text).toContain('1.yaml:3:16: public.users has neither "emial" (before this migration) nor "mail" (after it)')
  expect(await refusal({ rules: join(directory, 'none') })).toContain('the rules folder does not exist')

  const again = createServer()
  await new Promise<void>((resolve, reject) => again.once('error', reject).listen(port, '127.0.0.1', resolve))
  again.close()
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const others = 'SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()'
  await expect.poll(async () => (await client.query(others)).rows).toEqual([])
  await client.end()
})

test('closing ends every connection and gives the port back', async () => {
  const started = await start({})
  if (!started.ok) throw new Error(started.failure.message)
  const { url, port, close } = started.value
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  const ended = new Promise((resolve) => client.once('end', resolve))
  await close()
  await ended
  const again = createServer()
  await new Promise<void>((resolve, reject) => again.once('error', reject).listen(port, '127.0.0.1', resolve))
  again.close()
})
