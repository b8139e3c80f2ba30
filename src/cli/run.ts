import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Command } from 'commander'
import { listenForTools } from '../proxy/tool-listener.js'
import { printFailure } from './exit.js'
import { proxyUrl, requireProxy } from './proxy-client.js'

interface RunOptions {
  readonly url?: string
  readonly allowBreaking?: true
}

export function addRun(program: Command, end: (code: number) => void): void {
  program
    .command('run')
    .description('run a migration tool through the running proxy, while the app keeps running')
    .argument('<command...>', 'the command, behind --')
    .option('--url <url>', "the proxy's URL [DATABASE_URL]")
    .option('--allow-breaking', 'migrate even where old statements would not survive it')
    .passThroughOptions()
    .addHelpText(
      'after',
      `
Example:
  $ pg-hotswap run -- mix ecto.migrate
  $ pg-hotswap run -- npx prisma migrate deploy
  $ pg-hotswap run -- psql -f migrations/0004-orders.sql

The command finds DATABASE_URL, and PGHOST, PGPORT and PGDATABASE, leading to a port of its own: whatever connects there
runs migrations. Rules for what a migration cannot show are rule files in the proxy's folder.

Exit code: the command's own. 2: wrong usage, or no proxy.`,
    )
    .action(async (command: readonly string[], options: RunOptions) => {
      end(await run(command, options))
    })
}

async function run([program = '', ...args]: readonly string[], options: RunOptions): Promise<number> {
  const url = proxyUrl(options.url)
  if (!url.ok) return printFailure(url.failure, false)
  const proxy = await requireProxy(url.value)
  if (!proxy.ok) return printFailure({ ...proxy.failure, exitCode: 2 }, false)
  const target = new URL(url.value)
  const host = target.hostname.replace(/^\[|\]$/g, '')
  const listener = await listenForTools({ host, port: Number(target.port || 5432) }, [
    'run=on',
    ...(options.allowBreaking === true ? ['allow_breaking=on'] : []),
  ])
  target.hostname = '127.0.0.1'
  target.port = String(listener.port)
  const environment = {
    ...process.env,
    DATABASE_URL: target.href,
    PGHOST: '127.0.0.1',
    PGPORT: String(listener.port),
    ...fromUrl('PGDATABASE', target.pathname.slice(1)),
    ...fromUrl('PGUSER', target.username),
    ...fromUrl('PGPASSWORD', target.password),
  }
  try {
    return await runChild(program, args, environment)
  } catch (error) {
    const message = `cannot run ${program}: ${(error as Error).message}`
    return printFailure({ message, details: ['Check the name of the command.'], exitCode: 2 }, false)
  } finally {
    listener.close()
  }
}

function fromUrl(name: string, value: string): Record<string, string> {
  return value === '' ? {} : { [name]: decodeURIComponent(value) }
}

/** Runs the command on our own terminal; signals that end us are passed on to it. */
function runChild(program: string, args: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env: environment })
    const passOn = (signal: NodeJS.Signals) => child.kill(signal)
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
    for (const signal of signals) process.on(signal, passOn)
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      for (const one of signals) process.off(one, passOn)
      resolve(code ?? 128 + (constants.signals[signal as NodeJS.Signals] ?? 0))
    })
  })
}
