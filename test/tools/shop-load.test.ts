import { readFile } from 'node:fs/promises'
import { expect, onTestFinished, test } from 'vitest'
import { createDatabase } from '../support/database.js'
import { waitFor } from '../support/start-hotswap.js'
import { startShopLoad } from './support/shop-load.js'

test('without a proxy the load of the old version fails at a migration: it notices', async () => {
  const database = await createDatabase(await readFile(new URL('shop.sql', import.meta.url), 'utf8'))
  onTestFinished(() => database.drop())
  const load = await startShopLoad(database.url)
  await load.goOn(20)
  await database.run('ALTER TABLE users ALTER legacy SET DEFAULT true; UPDATE users SET legacy = true')
  await waitFor(() => load.failures.length === 4)
  const { failures, queries } = await load.stop()
  expect(queries).toBeGreaterThan(80)
  for (const failure of failures) expect(failure).toMatch(/^client \d: Error: .*: expected .*, got /)
})
