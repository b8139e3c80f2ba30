import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { SwitchPoint } from '../../../src/switch/switch-point.js'
import { waitFor } from '../../support/start-hotswap.js'
import type { ProxyFacts, ProxyOrder, ProxyWord } from './proxy-process.js'

/** A proxy that can be killed: with all others of its process. */
export interface ProxyChild {
  readonly url: string
  /** The last lines of its log. */
  readonly log: readonly string[]
  stopAt(point: SwitchPoint): void
  /** True once it waits at the point that it was to stop at. */
  readonly stopped: boolean
  goOn(): void
  facts(): Promise<ProxyFacts>
}

/** The process of proxies, as long as it lives, and the next one after that. */
export interface ProxyProcess {
  start(upstream: string, port: number): Promise<ProxyChild>
  /** SIGKILL; resolves when the process is gone. The next proxy is started in another one. */
  kill(): Promise<void>
  end(): Promise<void>
}

/**
 * `hold.timeout`. So long that switches of several databases reach their points while the first ones still wait, on a busy
 * machine too.
 */
export const HOLD_MS = 6_000

/** Generous: the machine may be busy with other things. */
const DEADLINE_MS = 60_000

export function createProxyProcess(): ProxyProcess {
  let proxies = 0
  // Loading the modules takes most of a start: the next process loads them while this one serves.
  let now = load()
  let next: Loading | undefined
  return {
    async start(upstream, port) {
      const { child, loaded } = now
      await loaded
      next ??= load()
      return await control(child, { kind: 'start', proxy: ++proxies, upstream, port, timeoutMs: HOLD_MS })
    },
    async kill() {
      await kill(now.child)
      now = next ?? load()
      next = undefined
    },
    async end() {
      await Promise.all([now, next].map((one) => one && kill(one.child)))
    },
  }
}

interface Loading {
  readonly child: ChildProcess
  readonly loaded: Promise<unknown>
}

function load(): Loading {
  const child = fork(fileURLToPath(new URL('./proxy-process.ts', import.meta.url)), [], {
    env: { PATH: process.env.PATH },
    execArgv: ['--import', import.meta.resolve('tsx')],
  })
  child.setMaxListeners(0)
  child.on('error', () => undefined)
  return { child, loaded: once(child, 'message') }
}

async function control(child: ChildProcess, start: Extract<ProxyOrder, { kind: 'start' }>): Promise<ProxyChild> {
  const { proxy } = start
  const log: string[] = []
  const answers = new Map<number, ProxyFacts>()
  let [url, refused, stopped, asked] = ['', '', false, 0]
  const order = (one: ProxyOrder) => {
    if (child.connected) child.send(one, () => undefined)
  }
  child.on('message', (word: ProxyWord) => {
    if (word.proxy !== proxy) return
    if (word.kind === 'ready') url = word.url
    else if (word.kind === 'refused') refused = word.why
    else if (word.kind === 'at') stopped = true
    else if (word.kind === 'facts') answers.set(word.question, word.facts)
    else if (word.kind === 'log') {
      log.push(word.line)
      if (log.length > 400) log.shift()
    }
  })
  const isGone = () => child.exitCode !== null || child.signalCode !== null
  order(start)
  await waitFor(() => url !== '' || refused !== '' || isGone(), DEADLINE_MS)
  if (url === '') throw new Error(`the proxy did not start: ${refused || 'its process has ended'}`)
  return {
    url,
    log,
    stopAt(point) {
      stopped = false
      order({ kind: 'stop at', proxy, point })
    },
    get stopped() {
      return stopped
    },
    goOn: () => order({ kind: 'go on', proxy }),
    async facts() {
      const question = asked++
      order({ kind: 'tell', proxy, question })
      await waitFor(() => answers.has(question) || isGone(), DEADLINE_MS)
      const facts = answers.get(question)
      if (facts === undefined) throw new Error('the proxy has ended')
      answers.delete(question)
      return facts
    },
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
