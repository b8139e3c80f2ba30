import type { Command } from 'commander'
import { type ControlOptions, quoteVersion, runControl } from './control-command.js'
import { type ExitCode, printLine } from './exit.js'

interface PromoteOptions extends ControlOptions {
  readonly live?: true
}

interface Promoted {
  readonly default: string
  readonly before: string
  readonly moved: number
}

export function addPromote(program: Command, end: (code: ExitCode) => void): void {
  program
    .command('promote')
    .description('let clients that name no version speak this one')
    .argument('<version>', 'the version, e.g. the newest once the new code is deployed')
    .option('--live', 'also the sessions that are connected now, each from its next transaction on')
    .option('--url <url>', "the proxy's URL [DATABASE_URL]")
    .option('--json', 'print the facts as JSON')
    .addHelpText(
      'after',
      `
Example:
  $ pg-hotswap promote 0003-person-name --live

Exit code 0: promoted. 1: there is no such version, or the proxy cannot be reached. 2: wrong usage.`,
    )
    .action(async (version: string, options: PromoteOptions) => {
      const text = `PROMOTE ${quoteVersion(version)}${options.live ? ' LIVE' : ''}`
      end(await runControl<Promoted>(text, options, printPromoted))
    })
}

function printPromoted({ default: version, before, moved }: Promoted): void {
  printLine(`clients that name no version speak ${version} (before: ${before})`)
  if (moved > 0) printLine(`${moved} connected sessions speak it from their next transaction on`)
}
