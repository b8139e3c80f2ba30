import { startHotswap } from '../../src/cli/start-hotswap.js'
import { loadConfig } from '../../src/config/load-config.js'

/** A proxy in a process of its own, as `serve` makes one; tells its parent its URL, then of each switch. */
const [upstream = ''] = process.argv.slice(2)
const flags = { upstream, listen: { host: '127.0.0.1', port: 0 } }
const config = await loadConfig({ flags, environment: {} })
if (!config.ok) throw new Error('the configuration is wrong')
const note = (fields: object, message: string) => {
  if (message === 'switched') process.send?.({ kind: 'switched', fields })
}
const started = await startHotswap(config.value, { info: note, warn: note, debug: note })
if (!started.ok) throw new Error(started.failure.message)
process.send?.({ kind: 'ready', url: started.value.url })
process.once('message', async () => {
  await started.value.close({ deadlineMs: 500 })
  process.exit(0)
})
