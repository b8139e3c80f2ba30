import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

export interface CliRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CliSettings {
  readonly environment?: Readonly<Record<string, string>>
  readonly directory?: string
}

export interface RunningCli {
  readonly child: ChildProcess
  /** The first line on stdout that matches; rejects where the command ends without one. */
  line(pattern: RegExp): Promise<string>
  stderr(): string
  /** Sends a signal where given, and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<CliRun>
}

/** Runs a command as a process of its own, without the environment's own DATABASE_URL and HOTSWAP_*. */
export function startCli(args: readonly string[], { environment, directory }: CliSettings = {}): RunningCli {
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), main, ...args], {
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...environment },
    ...(directory === undefined ? {} : { cwd: directory }),
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk)
  })
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk)
  })
  const closed = once(child, 'close')
  return {
    child,
    stderr: () => stderr,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = stdout.split('\n').find((line) => pattern.test(line))
          if (found !== undefined) resolve(found)
        }
        child.stdout.on('data', look)
        child.once('close', () => reject(new Error(`the command ended: ${stdout}${stderr}`)))
        look()
      }),
    end: async (signal) => {
      if (signal !== undefined) child.kill(signal)
      await closed
      return { code: child.exitCode, stdout, stderr }
    },
  }
}

export function runCli(args: readonly string[], settings: CliSettings = {}): Promise<CliRun> {
  return startCli(args, settings).end()
}
