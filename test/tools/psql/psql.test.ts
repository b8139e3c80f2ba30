import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { runCli } from '../../cli/run-cli.js'
import { runTool } from '../support/run-tool.js'
import { startShop } from '../support/start-shop.js'
import { migrateUnderLoad, TIMEOUT } from '../support/under-load.js'

const directory = fileURLToPath(new URL('migrations', import.meta.url))
const isMissing = await runTool(['psql', '--version']).then(
  () => false,
  () => true,
)

test(
  'psql -f, by run: statements of their own, BEGIN and COMMIT, DO blocks, CREATE INDEX CONCURRENTLY',
  async ({ skip }) => {
    skip(isMissing, 'there is no psql on this machine')
    const hotswap = await startShop('0004-country.yaml')
    onTestFinished(() => hotswap.stop())
    const { versions } = await migrateUnderLoad(hotswap, 'psql -f', async () => {
      const files = ['0002-full-name.sql', '0003-purchases.sql', '0004-country.sql', '0005-amount.sql']
      const args = ['run', '--', 'psql', '-X', ...files.flatMap((file) => ['-f', file])]
      const settings = { directory, environment: { DATABASE_URL: hotswap.url } }
      const { code, stdout, stderr } = await runCli(args, settings)
      expect(code, stdout + stderr).toBe(0)
    })
    const names = ['initial', '0001-migration', '0002-migration', '0003-migration', '0004-country', '0005-migration']
    expect(versions).toEqual(names)
  },
  TIMEOUT,
)

test(
  'psql -1 with several files, by a setting in its environment: they are one transaction, and one version',
  async ({ skip }) => {
    skip(isMissing, 'there is no psql on this machine')
    const hotswap = await startShop('0004-country.yaml')
    onTestFinished(() => hotswap.stop())
    const psql = async (...args: readonly string[]) => {
      const environment = { PGOPTIONS: '-c hotswap.run=on' }
      const { code, output } = await runTool(['psql', hotswap.url, '-X', ...args], { directory, environment })
      expect(code, output).toBe(0)
    }
    const { versions } = await migrateUnderLoad(hotswap, 'psql -1', async () => {
      await psql('-1', '-f', '0002-full-name.sql', '-f', '0004-country.sql')
      await psql('-f', '0003-purchases.sql', '-f', '0005-amount.sql')
    })
    expect(versions).toEqual(['initial', '0004-country', '0002-migration', '0003-migration'])
  },
  TIMEOUT,
)
