import type { HoldGate, ProxyOptions, Proxy as RunningProxy } from '../../../src/proxy/contracts.js'
import { createHoldGate } from '../../../src/proxy/hold-gate.js'
import { startProxy } from '../../../src/proxy/listener.js'
import { type FakeSource, fakeGeneration, fakeSource } from './fake-generations.js'

export interface TestProxy extends RunningProxy {
  readonly gate: HoldGate
  readonly source: FakeSource
  url(database: string): string
}

/** Starts a proxy in front of a server; clients speak v1 unless they say otherwise. */
export async function startTestProxy(
  upstream: { readonly host: string; readonly port: number; readonly name: string },
  options: Partial<ProxyOptions> & { readonly source?: FakeSource } = {},
): Promise<TestProxy> {
  const gate = createHoldGate()
  const source = options.source ?? fakeSource(fakeGeneration(1, ['v1']))
  const proxy = await startProxy({
    listen: { host: '127.0.0.1', port: 0 },
    upstream: { host: upstream.host, port: upstream.port },
    database: upstream.name,
    generations: source,
    gate,
    chooseVersion: ({ requestedVersion }) => {
      const version = requestedVersion ?? 'v1'
      const known = source.current().generation.versions.some((one) => one.name === version)
      return known ? { version } : { error: { sqlstate: '22023', message: `there is no version "${version}"` } }
    },
    ...options,
  })
  return {
    ...proxy,
    gate,
    source,
    url: (database) => `postgres://postgres:postgres@127.0.0.1:${proxy.port}/${database}`,
  }
}
