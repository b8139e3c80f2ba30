import { type Hotswap, startHotswap } from '../../../src/cli/start-hotswap.js'
import { loadConfig } from '../../../src/config/load-config.js'
import { formatProblem } from '../../../src/config/problem.js'
import type { SwitchPoint } from '../../../src/switch/switch-point.js'

// Proxies in a process of their own, which stop at points of a switch until they are told to go on, or die there. Each is of
// another database; so that one death hits all points, they share the process.

/** `proxy` is the number that its starter gave it. */
export type ProxyOrder = { readonly proxy: number } & (
  | { readonly kind: 'start'; readonly upstream: string; readonly port: number; readonly timeoutMs: number }
  /** Stop at the next passing of this point. */
  | { readonly kind: 'stop at'; readonly point: SwitchPoint }
  | { readonly kind: 'go on' }
  | { readonly kind: 'tell'; readonly question: number }
)

export interface ProxyFacts {
  readonly versions: readonly string[]
  readonly storedNumber: number
  readonly defaultVersion: string
  readonly unexplained: readonly string[]
  readonly sessions: readonly { readonly kind: string; readonly state: string; readonly pid?: number | undefined }[]
}

export type ProxyWord = { readonly proxy: number } & (
  | { readonly kind: 'ready'; readonly url: string }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'at'; readonly point: SwitchPoint }
  | { readonly kind: 'facts'; readonly question: number; readonly facts: ProxyFacts }
  | { readonly kind: 'log'; readonly line: string }
)

const tell = (word: ProxyWord) => process.send?.(word)

/** Starts a proxy; gives what obeys all later orders for it. */
function start({ proxy, upstream, port, timeoutMs }: Extract<ProxyOrder, { kind: 'start' }>) {
  let hotswap: Hotswap | undefined
  let stopAt: SwitchPoint | undefined
  let goOn: (() => void) | undefined

  async function run(): Promise<void> {
    const config = await loadConfig({ flags: { upstream, listen: { host: '127.0.0.1', port } }, environment: {} })
    if (!config.ok) return void tell({ proxy, kind: 'refused', why: config.problems.map(formatProblem).join('\n') })
    const write = (fields: object, message: string) => {
      const line = `${new Date().toISOString().slice(14, 23)} ${message} ${JSON.stringify(fields)}`
      tell({ proxy, kind: 'log', line })
    }
    const hold = { timeoutMs, lockTimeoutMs: 200, retries: 20, checkMs: 10_000 }
    const log = { info: write, warn: write, debug: write }
    const started = await startHotswap({ ...config.value, hold, pollMs: 100 }, log, async (point) => {
      if (point !== stopAt) return
      stopAt = undefined
      const told = new Promise<void>((resolve) => {
        goOn = resolve
      })
      tell({ proxy, kind: 'at', point })
      await told
    })
    if (!started.ok) {
      return void tell({
        proxy,
        kind: 'refused',
        why: [started.failure.message, ...started.failure.details].join('\n'),
      })
    }
    hotswap = started.value
    tell({ proxy, kind: 'ready', url: hotswap.url })
  }

  run().catch((error: Error) => tell({ proxy, kind: 'refused', why: String(error.stack) }))
  return (order: ProxyOrder) => {
    if (order.kind === 'stop at') stopAt = order.point
    else if (order.kind === 'go on') goOn?.()
    else if (order.kind === 'tell' && hotswap !== undefined)
      tell({ proxy, kind: 'facts', question: order.question, facts: readFacts(hotswap) })
  }
}

function readFacts({ versions, proxy }: Hotswap): ProxyFacts {
  return {
    versions: versions.current().generation.versions.map(({ name }) => name),
    storedNumber: versions.storedNumber,
    defaultVersion: versions.defaultVersion,
    unexplained: versions.unexplained,
    sessions: proxy.sessions().map(({ kind, state, pid }) => ({ kind, state, pid })),
  }
}

const proxies = new Map<number, (order: ProxyOrder) => void>()
process.on('message', (order: ProxyOrder) => {
  if (order.kind === 'start') proxies.set(order.proxy, start(order))
  else proxies.get(order.proxy)?.(order)
})
// Nobody is left to be a proxy for.
process.on('disconnect', () => process.exit(1))
process.send?.('loaded')
