import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { runTool } from '../support/run-tool.js'
import { startShop } from '../support/start-shop.js'
import { toolFolder } from '../support/tool-folder.js'
import { migrateUnderLoad } from '../support/under-load.js'

const program = fileURLToPath(new URL('Migrate.java', import.meta.url))
const migrations = fileURLToPath(new URL('migrations', import.meta.url))

/**
 * Who holds Flyway's lock. A transaction, by default: then that and the ledger have a connection of their own. CREATE INDEX
 * CONCURRENTLY waits for that transaction, and so for ever, with the proxy or without.
 */
type Lock = 'transaction' | 'session'

async function flyway(folder: string, url: string, target: string, lock: Lock = 'session'): Promise<void> {
  const { host, pathname, username, password } = new URL(url)
  const classes = join(folder, '*')
  const jdbc = `jdbc:postgresql://${host}${pathname}`
  const args = [jdbc, username, password, migrations, target, lock]
  const { code, output } = await runTool(['java', '-cp', classes, program, ...args])
  expect(code, output).toBe(0)
}

const VERSIONS = ['initial', 'V2__full_name.sql', 'V3__purchases.sql', 'country']

test('Flyway: pgjdbc, a session-level lock, a transaction a migration, one migration without a transaction', async (context) => {
  const folder = toolFolder('flyway', context)
  const hotswap = await startShop('country.yaml', (url) => flyway(folder, url, '1'))
  onTestFinished(() => hotswap.stop())
  const { versions } = await migrateUnderLoad(hotswap, 'Flyway', () => flyway(folder, hotswap.url, 'latest'))
  expect(versions).toEqual(VERSIONS)
})

test('Flyway, its default: the lock and the ledger in a transaction of another connection', async (context) => {
  const folder = toolFolder('flyway', context)
  const hotswap = await startShop('country.yaml', (url) => flyway(folder, url, '1', 'transaction'))
  onTestFinished(() => hotswap.stop())
  const { versions } = await migrateUnderLoad(hotswap, 'Flyway, two connections', async () => {
    await flyway(folder, hotswap.url, '4', 'transaction')
    await flyway(folder, hotswap.url, 'latest')
  })
  expect(versions).toEqual(VERSIONS)
})
