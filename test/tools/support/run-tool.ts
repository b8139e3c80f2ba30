import { spawn } from 'node:child_process'

/** How a tool's command ended; stdout and stderr together, as a terminal shows them. */
export interface ToolRun {
  readonly code: number | null
  readonly output: string
}

export interface ToolSettings {
  readonly directory?: string
  readonly environment?: Readonly<Record<string, string>>
}

/** Runs a migration tool as a process of its own, without the environment's own settings of databases. */
export async function runTool(command: readonly string[], settings: ToolSettings = {}): Promise<ToolRun> {
  const [program = '', ...args] = command
  const inherited = Object.entries(process.env).filter(([name]) => !/^(?:PG|DATABASE_URL|HOTSWAP_)/.test(name))
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...Object.fromEntries(inherited), ...settings.environment },
    ...(settings.directory === undefined ? {} : { cwd: settings.directory }),
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += String(chunk)
    })
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve)
  })
  return { code, output }
}
