import { expect, onTestFinished, test } from 'vitest'
import { bankSchema, complaints, runBank } from '../../bench/switch/run-bank.js'
import { startTestHotswap } from '../support/start-hotswap.js'

const LONG = process.env.HOTSWAP_LONG !== undefined

test('sixteen clients at full load notice nothing of thirty migrations, of which some fail, are refused or give way', {
  timeout: 300_000,
}, async () => {
  // One of the migrations sleeps for longer than it may hold traffic.
  const hold = { timeoutMs: 2_000, lockTimeoutMs: 200, retries: 20, checkMs: 2_000 }
  const hotswap = await startTestHotswap(await bankSchema(), { config: { hold } })
  onTestFinished(() => hotswap.stop())
  const outcome = await runBank({
    url: hotswap.url,
    direct: hotswap.database.url,
    tellers: 16,
    pauseMs: LONG ? 2_000 : 20,
    holds: () => [],
  })
  expect(complaints(outcome)).toEqual([])
  expect(outcome.app.done).toBeGreaterThan(100)
})
