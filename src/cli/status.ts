import type { Command } from 'commander'
import type { Status, VersionStatus } from '../admin/status.js'
import { type ControlOptions, runControl } from './control-command.js'
import { type ExitCode, printLine } from './exit.js'

export function addStatus(program: Command, end: (code: ExitCode) => void): void {
  program
    .command('status')
    .description('show which versions are served, who speaks them, and what can be retired')
    .option('--url <url>', "the proxy's URL [DATABASE_URL]")
    .option('--json', 'print the facts as JSON')
    .addHelpText(
      'after',
      `
Example:
  $ pg-hotswap status --url postgres://postgres@localhost:6432/app

Exit code 0: shown. 1: the proxy cannot be reached. 2: wrong usage.`,
    )
    .action(async (options: ControlOptions) => end(await runControl<Status>('STATUS', options, printStatus)))
}

function printStatus(status: Status): void {
  for (const version of status.versions) printVersion(version)
  for (const name of status.armed) printLine(`${name}: armed, its migration has not run yet`)
  if (status.retired.length > 0) printLine(`retired: ${status.retired.join(', ')}`)
  for (const line of status.unexplained) printLine(`changed elsewhere, needs a rule: ${line}`)
  printLine(
    status.direct
      ? 'Nobody needs an old version: DATABASE_URL may point to the database itself.'
      : 'Old versions are in use: DATABASE_URL has to point to the proxy.',
  )
}

function printVersion(version: VersionStatus): void {
  const marks = [
    ...(version.head ? ['head'] : []),
    ...(version.default ? ['default'] : []),
    ...(version.retirable ? ['can be retired'] : []),
  ]
  const spoken = version.sessions === 0 ? 'no session' : `${version.sessions} sessions (${version.clients.join(', ')})`
  const seen = version.lastSeen === null ? 'no statement seen' : `last statement seen ${version.lastSeen}`
  printLine(`${version.name}${marks.length === 0 ? '' : ` [${marks.join(', ')}]`}: ${spoken}, ${seen}`)
  if (version.head) return
  for (const text of version.recent) printLine(`    ${text.replaceAll(/\s+/g, ' ').slice(0, 120)}`)
}
