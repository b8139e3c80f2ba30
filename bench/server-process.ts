import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A server under test in a process of its own. */
export interface ServerProcess {
  readonly port: number
  /** Microseconds of CPU that it has used; undefined where the system does not tell (other than Linux). */
  cpuUs(): Promise<number | undefined>
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
    cpuUs: () => cpuOf(child.pid),
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** utime and stime of proc(5), in ticks of 10 ms, of all threads. */
async function cpuOf(pid: number | undefined): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  // The second field is the command's name in parentheses, which may hold blanks.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields === undefined) return undefined
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}
