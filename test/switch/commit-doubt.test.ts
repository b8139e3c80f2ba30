import pg from 'pg'
import { afterEach, expect, test } from 'vitest'
import type { TextQuery } from '../../src/catalog/introspect.js'
import type { MigratorSession } from '../../src/proxy/contracts.js'
import { createHoldGate } from '../../src/proxy/hold-gate.js'
import { loadParser } from '../../src/sql/parse.js'
import { createCoordinator } from '../../src/switch/coordinator.js'
import { createLocalHold } from '../../src/switch/switch-hold.js'
import { startTestHotswap, type TestHotswap } from '../support/start-hotswap.js'

const parser = await loadParser()
let hotswap: TestHotswap | undefined
const clients: pg.Client[] = []
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end().catch(() => undefined)))
  await hotswap?.stop()
  hotswap = undefined
})

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  clients.push(client)
  return client
}

/** A migrator whose connection is lost at COMMIT: before the server has it, or after. */
async function migrateWithLostCommit(when: 'before' | 'after') {
  hotswap = await startTestHotswap('CREATE TABLE users (id int)')
  const client = await connect(hotswap.database.url)
  const other = await connect(hotswap.database.url)
  const asText = { getTypeParser: () => (value: string) => value }
  const control: TextQuery = async (text) => (await other.query({ text, rowMode: 'array', types: asText })).rows
  const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
  const pid = (rows[0] as { pid: number }).pid
  const session: MigratorSession = {
    user: 'postgres',
    database: hotswap.database.name,
    applicationName: '',
    recordedBeside: undefined,
    pid,
    allowBreaking: false,
    notice: () => undefined,
    learnPid: async () => undefined,
    describe: () => Promise.reject(new Error('not asked')),
    async query(sql) {
      if (sql === 'COMMIT') {
        if (when === 'after') await client.query(sql)
        else await control(`SELECT pg_terminate_backend(${pid})`)
        throw new Error('the connection to the server is lost')
      }
      const results = [await client.query({ text: sql, rowMode: 'array', types: asText })].flat()
      const last = results.at(-1)
      return { ok: true, rows: (last?.rows ?? []) as string[][], tag: last?.command ?? '' }
    },
  }
  const coordinator = createCoordinator({
    traffic: createLocalHold(createHoldGate(), control),
    versions: hotswap.versions,
    parser,
    control,
    hold: { timeoutMs: 1000, lockTimeoutMs: 200, retries: 1, checkMs: 500 },
    log: { info: () => undefined, warn: () => undefined, debug: () => undefined },
  })
  return await coordinator.run(session, 'ALTER TABLE users RENAME TO people', 'm', new AbortController().signal)
}

test('a connection lost after the server has committed: the new generation is published', async () => {
  expect(await migrateWithLostCommit('after')).toMatchObject({ ok: true })
  expect(hotswap?.versions.current().generation.versions.map(({ name }) => name)).toEqual(['initial', 'm'])
})

test('a connection lost before the server has committed: the old generation stays', async () => {
  const reply = await migrateWithLostCommit('before')
  expect(reply.ok ? undefined : reply.error.get('C')).toBe('08006')
  expect(hotswap?.versions.current().generation.versions.map(({ name }) => name)).toEqual(['initial'])
})
