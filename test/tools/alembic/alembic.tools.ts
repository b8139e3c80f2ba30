import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, type TestContext, test } from 'vitest'
import { runTool } from '../support/run-tool.js'
import { startShop } from '../support/start-shop.js'
import { toolFolder } from '../support/tool-folder.js'
import { migrateUnderLoad } from '../support/under-load.js'

const directory = fileURLToPath(new URL('.', import.meta.url))

function alembicOf(context: TestContext): (url: string, ...args: readonly string[]) => Promise<void> {
  const program = join(toolFolder('alembic', context), 'bin', 'alembic')
  return async (url, ...args) => {
    const environment = { DATABASE_URL: url, PYTHONDONTWRITEBYTECODE: '1' }
    const { code, output } = await runTool([program, ...args], { directory, environment })
    expect(code, output).toBe(0)
  }
}

test('Alembic: psycopg 3, all migrations in one transaction but for an index made concurrently', async (context) => {
  const alembic = alembicOf(context)
  const hotswap = await startShop('country.yaml', (url) => alembic(url, 'upgrade', 'a1c0ffee0001'))
  onTestFinished(() => hotswap.stop())
  const migrate = () => alembic(hotswap.url, 'upgrade', 'head')
  const { versions } = await migrateUnderLoad(hotswap, 'Alembic', migrate)
  expect(versions).toEqual(['initial', 'country'])
})

test('Alembic with a transaction for each migration: each is a version, named by its revision', async (context) => {
  const alembic = alembicOf(context)
  const hotswap = await startShop('country.yaml', (url) => alembic(url, 'upgrade', 'a1c0ffee0001'))
  onTestFinished(() => hotswap.stop())
  const migrate = () => alembic(hotswap.url, '-x', 'each', 'upgrade', 'head')
  const { versions } = await migrateUnderLoad(hotswap, 'Alembic, each', migrate)
  expect(versions).toEqual(['initial', 'b2c0ffee0002', 'c3c0ffee0003', 'country'])
})
