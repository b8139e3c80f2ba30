import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { runTool } from '../support/run-tool.js'
import { startShop } from '../support/start-shop.js'
import { toolFolder } from '../support/tool-folder.js'
import { migrateUnderLoad } from '../support/under-load.js'

const directory = fileURLToPath(new URL('.', import.meta.url))

test('Django: manage.py migrate, each migration a version with the name of its app', async (context) => {
  const program = join(toolFolder('django', context), 'bin', 'python')
  const migrate = async (url: string, ...args: readonly string[]) => {
    const environment = { DATABASE_URL: url, PYTHONDONTWRITEBYTECODE: '1' }
    const command = [program, 'manage.py', 'migrate', '--traceback', 'shop', ...args]
    const { code, output } = await runTool(command, { directory, environment })
    expect(code, output).toBe(0)
  }
  const hotswap = await startShop('country.yaml', (url) => migrate(url, '0001'))
  onTestFinished(() => hotswap.stop())
  const { versions } = await migrateUnderLoad(hotswap, 'Django', () => migrate(hotswap.url))
  expect(versions).toEqual(['initial', 'shop.0002_full_name', 'shop.0003_purchases', 'country'])
})
