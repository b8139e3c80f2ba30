import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterEach, expect, test } from 'vitest'
import { type EmbeddedServer, freePort, startEmbeddedPostgres } from '../../../src/cli/embedded-postgres.js'
import { waitFor } from '../../support/start-hotswap.js'
import { mustStartOn, type ProxyOfDatabase } from './start-on.js'

const schema = `
  CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL);
  INSERT INTO users VALUES (1, 'Ada');
`

/** A server, and what a standby had of it at some moment. */
interface Pair {
  readonly url: string
  /** The standby has what there is now. */
  replicate(): Promise<void>
  /** The server is gone, and the standby takes its place. */
  failOver(): Promise<void>
}

let parent = ''
let server: EmbeddedServer | undefined
const proxies: ProxyOfDatabase[] = []

afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.stop()
  await server?.stop()
  server = undefined
  await rm(parent, { recursive: true, force: true })
})

async function startPair(): Promise<Pair> {
  parent = await mkdtemp(join(tmpdir(), 'hotswap-failover-'))
  await chmod(parent, 0o711)
  const [primary, standby] = [join(parent, 'primary'), join(parent, 'standby')]
  const port = await freePort()
  const start = async (directory: string) => {
    server = await startEmbeddedPostgres({ directory, port, settings: { fsync: 'off' }, keep: true, auth: 'trust' })
  }
  await start(primary)
  const url = `postgres://postgres:postgres@127.0.0.1:${port}/postgres`
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(schema)
  await client.end()
  return {
    url,
    async replicate() {
      await server?.stop()
      // With its owner, which Node's own does not keep.
      await promisify(execFile)('cp', ['-a', primary, standby])
      await start(primary)
    },
    async failOver() {
      await server?.stop()
      await start(standby)
    },
  }
}

test('a failover to a standby that is behind takes the last switch back, for those who are connected to come', async () => {
  const { url, replicate, failOver } = await startPair()
  const proxy = await mustStartOn(url)
  proxies.push(proxy)
  await replicate()
  await waitFor(async () => (await proxy.migrate('one', 'ALTER TABLE users RENAME name TO full_name')) === undefined)
  const old = await proxy.connect()
  expect((await old.query('SELECT name FROM users')).rows).toEqual([{ name: 'Ada' }])
  const newest = await proxy.connect('-c hotswap.version=one')
  expect((await newest.query('SELECT full_name FROM users')).rows).toEqual([{ full_name: 'Ada' }])

  await failOver()
  await waitFor(() => proxy.versionNames().join() === 'initial')
  const again = await proxy.connect()
  expect((await again.query('SELECT name FROM users')).rows).toEqual([{ name: 'Ada' }])
  await expect(proxy.connect('-c hotswap.version=one')).rejects.toMatchObject({ code: '22023' })
  expect(await proxy.migrate('other', 'ALTER TABLE users RENAME name TO called')).toBeUndefined()
  expect((await again.query('SELECT name FROM users')).rows).toEqual([{ name: 'Ada' }])
  expect(proxy.versionNames()).toEqual(['initial', 'other'])
})

test('a proxy that has lost its connections serves nobody before it has read again what is in force', async () => {
  const { url } = await startPair()
  const proxy = await mustStartOn(url, { config: { pollMs: 60_000 } })
  proxies.push(proxy)
  expect(await proxy.migrate('one', 'ALTER TABLE users RENAME name TO full_name')).toBeUndefined()
  const app = await proxy.connect()
  await app.query('SELECT name FROM users')
  const direct = new pg.Client({ connectionString: url })
  await direct.connect()
  // As a standby that was behind, on which another migration ran: number and fingerprint are the same.
  await direct.query("UPDATE hotswap.step SET name = 'other'")
  await direct.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ '^pg-hotswap (control|fleet)'",
  )
  await direct.end()
  await waitFor(() => proxy.log.some(({ message }) => message.startsWith('the connection to the fleet is lost')))
  expect((await app.query('SELECT name FROM users')).rows).toEqual([{ name: 'Ada' }])
  expect(proxy.versionNames()).toEqual(['initial', 'other'])
})
