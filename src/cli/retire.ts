import type { Command } from 'commander'
import { type ControlOptions, quoteVersion, runControl } from './control-command.js'
import { type ExitCode, printLine } from './exit.js'

export function addRetire(program: Command, end: (code: ExitCode) => void): void {
  program
    .command('retire')
    .description('serve a version no longer, once no client of any proxy of the database speaks it')
    .argument('<version>', 'the version')
    .option('--url <url>', "the proxy's URL [DATABASE_URL]")
    .option('--json', 'print the facts as JSON')
    .addHelpText(
      'after',
      `
Example:
  $ pg-hotswap retire initial

Exit code 0: retired. 1: somebody speaks it, it is the default or the newest, or the proxy cannot be reached. 2: wrong usage.`,
    )
    .action(async (version: string, options: ControlOptions) => {
      const print = () => printLine(`${version} is no longer served`)
      end(await runControl(`RETIRE ${quoteVersion(version)}`, options, print))
    })
}
