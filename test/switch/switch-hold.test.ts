import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import type { GateMember } from '../../src/proxy/contracts.js'
import { createHoldGate } from '../../src/proxy/hold-gate.js'
import { createLocalHold } from '../../src/switch/switch-hold.js'

const nobodyWaits = async () => []

function busyFor(busyMs: number): GateMember {
  const described = {
    pid: 7,
    user: 'u',
    applicationName: 'a',
    state: 'transaction',
    busyMs,
    query: 'SELECT ?',
  } as const
  return { busy: () => true, describe: () => described, resume: () => undefined }
}

test('the hold ends in time although garbage is collected during it', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const gate = createHoldGate()
  gate.join(busyFor(0))
  const collecting = setInterval(collect, 20)
  const outcome = await createLocalHold(gate, nobodyWaits).acquire(200, new AbortController().signal)
  clearInterval(collecting)
  expect(outcome).toMatchObject({ kind: 'gave way', blockers: [{ pid: 7 }] })
  expect(gate.held).toBe(false)
})

test('nobody is held where a transaction is older than half of the hold', async () => {
  const gate = createHoldGate()
  gate.join(busyFor(101))
  let held = false
  gate.hold = () => {
    held = true
  }
  const outcome = await createLocalHold(gate, nobodyWaits).acquire(200, new AbortController().signal)
  expect(outcome).toMatchObject({ kind: 'gave way', reason: 'a transaction is older than 100 ms already' })
  expect(held).toBe(false)
})

test('the hold gives way at once where what is to end waits for a backend that will not', async () => {
  const gate = createHoldGate()
  gate.join(busyFor(0))
  const since = performance.now()
  const outcome = await createLocalHold(gate, async () => [['9']]).acquire(60_000, new AbortController().signal)
  expect(outcome).toMatchObject({ kind: 'gave way', waitedFor: [9] })
  expect(performance.now() - since).toBeLessThan(10_000)
})
