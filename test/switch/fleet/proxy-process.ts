import { startHotswap } from '../../../src/cli/start-hotswap.js'
import { loadConfig } from '../../../src/config/load-config.js'

/**
 * A proxy as a process of its own. Arguments, as JSON: the flags of `serve`, and at which point of a switch it does what to
 * itself. Its first line on stdout is its URL.
 */
const { upstream, control, hold, point, signal } = JSON.parse(process.argv[2] ?? '{}') as {
  upstream: string
  control?: string
  hold: object
  point?: string
  signal?: NodeJS.Signals
}
const flags = { upstream, listen: { host: '127.0.0.1', port: 0 }, ...(control === undefined ? {} : { control }) }
const config = await loadConfig({ flags, environment: {} })
if (!config.ok) throw new Error(JSON.stringify(config.problems))
let signalled = false
const say = (fields: object, message: string) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`)
const started = await startHotswap(
  { ...config.value, pollMs: 100, hold: { ...config.value.hold, ...hold } },
  { info: say, warn: say, debug: say },
  async (reached) => {
    if (reached !== point || signal === undefined || signalled) return
    signalled = true
    process.kill(process.pid, signal)
    // Nothing more happens here before the signal has.
    await new Promise((resolve) => setTimeout(resolve, 1000))
  },
)
if (!started.ok) throw new Error(started.failure.message)
process.stdout.write(`${started.value.url}\n`)
