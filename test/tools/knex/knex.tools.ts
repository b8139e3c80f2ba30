import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { runTool } from '../support/run-tool.js'
import { startShop } from '../support/start-shop.js'
import { toolFolder } from '../support/tool-folder.js'
import { migrateUnderLoad } from '../support/under-load.js'

const directory = fileURLToPath(new URL('.', import.meta.url))

type Command = 'migrate:up' | 'migrate:latest'

async function knex(folder: string, url: string, command: Command, directories = ALL): Promise<void> {
  const program = join(folder, 'node_modules', 'knex')
  const environment = { DATABASE_URL: url, MIGRATIONS: directories.join(','), KNEX_PATH: program }
  const settings = { directory, environment }
  const args = [join(program, 'bin', 'cli.js'), '--knexfile', 'knexfile.cjs', command]
  const { code, output } = await runTool([process.execPath, ...args], settings)
  expect(code, output).toBe(0)
}

const ALL = ['migrations', 'concurrently']
const IN_TRANSACTIONS = ['migrations']

test('knex, one pending migration without a transaction: each by itself, its ledger entry after its COMMIT', async (context) => {
  const folder = toolFolder('knex', context)
  const hotswap = await startShop('country.yaml', (url) => knex(folder, url, 'migrate:up'))
  onTestFinished(() => hotswap.stop())
  const { versions } = await migrateUnderLoad(hotswap, 'knex', () => knex(folder, hotswap.url, 'migrate:latest'))
  // At COMMIT nobody has said a name yet.
  expect(versions).toEqual(['initial', '0001-migration', '0002-migration', 'country'])
})

test('knex, one migration, then a batch in one transaction: the ledger entries are made in it', async (context) => {
  const folder = toolFolder('knex', context)
  const hotswap = await startShop('country.yaml', (url) => knex(folder, url, 'migrate:up'))
  onTestFinished(() => hotswap.stop())
  const { versions } = await migrateUnderLoad(hotswap, 'knex, one transaction', async () => {
    await knex(folder, hotswap.url, 'migrate:up')
    await knex(folder, hotswap.url, 'migrate:latest', IN_TRANSACTIONS)
    await knex(folder, hotswap.url, 'migrate:latest')
  })
  expect(versions).toEqual(['initial', '20260214090000_full_name.cjs', 'country'])
})
