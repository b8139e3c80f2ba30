import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What a command printed, and how it ended. */
export interface CommandResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs `pg-hotswap ARGUMENTS` from the sources, as a process of its own. */
export function runCommand(args: readonly string[]): Promise<CommandResult> {
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
  const child = fork(main, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk) => {
    stdout += String(chunk)
  })
  child.stderr?.on('data', (chunk) => {
    stderr += String(chunk)
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code) => resolve({ code, stdout, stderr }))
  })
}
