import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { watchRules } from '../../src/cli/watch-rules.js'

test('changes that come together are told once, later ones again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hotswap-watch-'))
  let told = 0
  const watcher = watchRules(folder, () => {
    told++
  })
  try {
    await writeFile(join(folder, '1.yaml'), 'a')
    await writeFile(join(folder, '2.yaml'), 'b')
    await expect.poll(() => told, { timeout: 5000 }).toBe(1)
    await writeFile(join(folder, '1.yaml'), 'c')
    await expect.poll(() => told, { timeout: 5000 }).toBe(2)
  } finally {
    watcher.close()
    await rm(folder, { recursive: true })
  }
})
