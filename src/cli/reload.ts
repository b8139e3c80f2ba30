import type { Command } from 'commander'
import { type ControlOptions, runControl } from './control-command.js'
import { type ExitCode, printLine } from './exit.js'

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
    .action(async (options: ControlOptions) => end(await runControl('RELOAD', options, printVersions)))
}

function printVersions({
  versions,
  armed,
}: {
  readonly versions: readonly string[]
  readonly armed: readonly string[]
}) {
  printLine(`versions: ${versions.join(' -> ')}${armed.map((name) => ` (-> ${name}, armed)`).join('')}`)
}
