import type { Command } from 'commander'
import { type ExitCode, printFailure, printJson, printLine } from './exit.js'
import { askProxy, describeDatabaseError, proxyUrl, requireProxy } from './proxy-client.js'

interface ReloadOptions {
  readonly url?: string
  readonly json?: true
}

export function addReload(program: Command, end: (code: ExitCode) => void): void {
  program
    .command('reload')
    .description('let the running proxy read its rule files again; wrong ones leave the old in force')
    .option('--url <url>', "the proxy's URL [DATABASE_URL]")
    .option('--json', 'print the versions in force as JSON')
    .addHelpText(
      'after',
      `
Example:
  $ pg-hotswap reload --url postgres://postgres@localhost:6432/app

Exit code 0: reloaded. 1: the rules are wrong or the proxy cannot be reached. 2: wrong usage.`,
    )
    .action(async (options: ReloadOptions) => end(await reload(options)))
}

async function reload(options: ReloadOptions): Promise<ExitCode> {
  const json = options.json ?? false
  const url = proxyUrl(options.url)
  if (!url.ok) return printFailure(url.failure, json)
  const proxy = await requireProxy(url.value)
  if (!proxy.ok) return printFailure(proxy.failure, json)
  const answer = await askProxy({ url: url.value, setting: { name: 'control', value: 'on' }, text: 'RELOAD' })
  if (!answer.ok) return printFailure(answer.failure, json)
  if (!answer.value.ok) {
    const { error } = answer.value
    return printFailure({ message: error.message, details: describeDatabaseError(error), exitCode: 1 }, json)
  }
  const facts = JSON.parse(answer.value.notices[0] ?? '{}') as { versions: string[]; armed: string[] }
  if (json) printJson({ ok: true, ...facts })
  else
    printLine(`versions: ${facts.versions.join(' -> ')}${facts.armed.map((name) => ` (-> ${name}, armed)`).join('')}`)
  return 0
}
