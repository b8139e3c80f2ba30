import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A server under test in a process of its own. */
export interface ServerProcess {
  readonly port: number
  stop(): Promise<void>
}

/** Starts a script of this repository that prints one line of JSON with its `port` when it is ready. */
export async function startServer(script: string, args: readonly string[]): Promise<ServerProcess> {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), args, {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const ended = once(child, 'exit')
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const first = await Promise.race([
    once(lines, 'line'),
    ended.then(([code]) => {
      throw new Error(`${script} ended with code ${code}`)
    }),
  ])
  const { port } = JSON.parse(String(first[0])) as { port: number }
  return {
    port,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}
