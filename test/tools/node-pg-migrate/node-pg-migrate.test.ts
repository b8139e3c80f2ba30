import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { runTool } from '../support/run-tool.js'
import { startShop } from '../support/start-shop.js'
import { migrateUnderLoad, TIMEOUT } from '../support/under-load.js'

const directory = fileURLToPath(new URL('.', import.meta.url))
const program = fileURLToPath(import.meta.resolve('node-pg-migrate/bin/node-pg-migrate'))

async function nodePgMigrate(url: string, ...args: readonly string[]): Promise<void> {
  const settings = { directory, environment: { DATABASE_URL: url } }
  const { code, output } = await runTool([process.execPath, program, 'up', ...args], settings)
  expect(code, output).toBe(0)
}

test(
  'node-pg-migrate, by its ledger, all migrations in one transaction but for one outside of any',
  async () => {
    const hotswap = await startShop('country.yaml', (url) => nodePgMigrate(url, '1'))
    onTestFinished(() => hotswap.stop())
    const { versions } = await migrateUnderLoad(hotswap, 'node-pg-migrate', () => nodePgMigrate(hotswap.url))
    expect(versions).toEqual(['initial', 'country'])
  },
  TIMEOUT,
)

test(
  'node-pg-migrate --no-single-transaction: each migration is a version with its name',
  async () => {
    const hotswap = await startShop('country.yaml', (url) => nodePgMigrate(url, '1'))
    onTestFinished(() => hotswap.stop())
    const migrate = () => nodePgMigrate(hotswap.url, '--no-single-transaction')
    const { versions } = await migrateUnderLoad(hotswap, 'node-pg-migrate, single', migrate)
    expect(versions).toEqual(['initial', '1769932800000_full-name', '1770019200000_purchases', 'country'])
  },
  TIMEOUT,
)
