import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { runTool } from '../support/run-tool.js'
import { startShop } from '../support/start-shop.js'
import { toolFolder } from '../support/tool-folder.js'
import { migrateUnderLoad } from '../support/under-load.js'

const migrations = fileURLToPath(new URL('migrations', import.meta.url))

test('goose: pgx, a transaction a migration, a DO block, one migration without a transaction', async (context) => {
  const program = join(toolFolder('goose', context), 'goose')
  const goose = async (url: string, ...command: readonly string[]) => {
    const { code, output } = await runTool([program, '-dir', migrations, 'postgres', url, ...command])
    expect(code, output).toBe(0)
  }
  const hotswap = await startShop('country.yaml', (url) => goose(url, 'up-by-one'))
  onTestFinished(() => hotswap.stop())
  const { versions } = await migrateUnderLoad(hotswap, 'goose', () => goose(hotswap.url, 'up'))
  expect(versions).toEqual(['initial', '20260214090000', '20260301101500', 'country'])
})
