import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { AppProgress, AppReport, AppStop } from './ticket-app.js'

/** The running ticket app. */
export interface AppProcess {
  /** The last that it told. */
  readonly progress: AppProgress
  /** Ends the work; rejects when the app dies instead. */
  stop(during: AppStop): Promise<AppReport>
  kill(): void
}

/** Starts the ticket app; DATABASE_URL is all that it is given. */
export function startApp(url: string): AppProcess {
  const child: ChildProcess = fork(fileURLToPath(new URL('./ticket-app.ts', import.meta.url)), {
    env: { PATH: process.env.PATH, DATABASE_URL: url },
  })
  let progress: AppProgress = { kind: 'progress', queries: 0, failed: 0 }
  const report = new Promise<AppReport>((resolve, reject) => {
    child.on('message', (message: AppProgress | AppReport) => {
      if (message.kind === 'progress') progress = message
      else resolve(message)
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the app ended with code ${code}`)))
  })
  // Whoever stops the app hears of its death.
  report.catch(() => undefined)
  return {
    get progress() {
      return progress
    },
    stop(during) {
      if (child.connected) child.send(during)
      return report
    },
    kill: () => child.kill('SIGKILL'),
  }
}
