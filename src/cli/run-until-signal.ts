import { formatProblem } from '../config/problem.js'
import type { ProxyLog } from '../proxy/contracts.js'
import type { Hotswap } from './start-hotswap.js'
import { watchRules } from './watch-rules.js'

export interface RunOptions {
  readonly log: ProxyLog
  /** Folder whose changes reload the rules; undefined for none. */
  readonly watch: string | undefined
}

/** Serves until SIGINT or SIGTERM, then lets transactions end; SIGHUP reloads the rules. */
export async function runUntilSignal(hotswap: Hotswap, { log, watch }: RunOptions): Promise<void> {
  const reload = () => {
    hotswap.versions.reload().then(
      (reloaded) => {
        if (reloaded.ok) return
        const problems = reloaded.problems.map(formatProblem)
        log.warn({ problems }, 'the rules were not reloaded; the old ones stay in force')
      },
      (error: unknown) => log.warn({ error: String(error) }, 'the rules were not reloaded'),
    )
  }
  process.on('SIGHUP', reload)
  const watcher = watch === undefined ? undefined : watchRules(watch, reload)
  const signal = await new Promise<string>((resolve) => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
  })
  // Whoever asks twice does not want to wait for transactions.
  for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => process.exit(1))
  log.info({ signal }, 'shutting down')
  watcher?.close()
  process.off('SIGHUP', reload)
  await hotswap.close()
}
