import { cp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { runTool } from '../support/run-tool.js'
import { startShop } from '../support/start-shop.js'
import { toolFolder } from '../support/tool-folder.js'
import { migrateUnderLoad } from '../support/under-load.js'

const source = fileURLToPath(new URL('.', import.meta.url))

/** Runs `prisma migrate deploy` with as many of the migrations as are named, all without. */
async function deploy(folder: string, url: string, migrations?: readonly string[]): Promise<void> {
  // Its packages are found from the folder that its configuration is in.
  const project = join(folder, 'project')
  await rm(project, { recursive: true, force: true })
  await mkdir(join(project, 'migrations'), { recursive: true })
  const files = migrations?.map((name) => join('migrations', name)) ?? ['migrations']
  for (const file of ['schema.prisma', 'prisma.config.mjs', 'migrations/migration_lock.toml', ...files]) {
    await cp(join(source, file), join(project, file), { recursive: true })
  }
  const program = join(folder, 'node_modules', 'prisma', 'build', 'index.js')
  const environment = {
    DATABASE_URL: url,
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
    CHECKPOINT_DISABLE: '1',
    // Engines that are not used, and would be fetched.
    PRISMA_QUERY_ENGINE_LIBRARY: process.execPath,
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
  }
  const settings = { directory: project, environment }
  const { code, output } = await runTool([process.execPath, program, 'migrate', 'deploy'], settings)
  expect(code, output).toBe(0)
}

test('Prisma, its engine in JavaScript: each statement a transaction of its own, the ledger written before', async (context) => {
  const folder = toolFolder('prisma', context)
  const hotswap = await startShop('country.yaml', (url) => deploy(folder, url, ['20260101080000_create_shop']))
  onTestFinished(() => hotswap.stop())
  const { versions } = await migrateUnderLoad(hotswap, 'Prisma', () => deploy(folder, hotswap.url))
  const purchases = ['', '.2', '.3', '.4'].map((number) => `20260301101500_purchases${number}`)
  expect(versions).toEqual(['initial', '20260214090000_full_name', ...purchases, 'country'])
})
