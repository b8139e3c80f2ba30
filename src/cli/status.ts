import type { Command } from 'commander'
import type { ProxyStatus, Status, VersionStatus } from '../admin/status.js'
import { type ControlOptions, runControl } from './control-command.js'
import { type ExitCode, printLine } from './exit.js'

export function addStatus(program: Command, end: (code: ExitCode) => void): void {
  program
    .command('status')
    .description('show which versions all proxies of the database serve, who speaks them, and what can be retired')
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
  printFleet(status.fleet)
  for (const line of status.unexplained) printLine(`changed elsewhere, needs a rule: ${line}`)
  if (status.fleet === null) return
  printLine(
    status.direct
      ? 'Nobody needs an old version: DATABASE_URL may point to the database itself.'
      : 'Old versions are in use: DATABASE_URL has to point to the proxy.',
  )
}

/** One proxy that serves says nothing new of itself. */
function printFleet(fleet: Status['fleet']): void {
  if (fleet === null) {
    printLine('This proxy has no connection to the others of the database: what their clients speak is not known.')
  } else if (fleet.length > 1 || fleet.some(({ standing }) => standing !== 'serving')) fleet.forEach(printProxy)
}

const standings: Readonly<Record<ProxyStatus['standing'], string>> = {
  serving: 'serves',
  held: 'holds its traffic',
  fenced: 'is fenced, its sessions are ended',
  gone: 'is gone',
}

function printProxy({ name, self, connected, standing, sessions }: ProxyStatus): void {
  const marks = [...(self ? ['this one'] : []), ...(connected || standing === 'gone' ? [] : ['no connection'])]
  const spoken = Object.entries(sessions ?? {}).map(([version, count]) => `${version} ${count}`)
  const says = sessions === null ? 'does not say which versions (an older release)' : spoken.join(', ') || 'none'
  const counted = standing === 'gone' ? '' : `; sessions: ${says}`
  printLine(`proxy ${name}${marks.length === 0 ? '' : ` [${marks.join(', ')}]`}: ${standings[standing]}${counted}`)
}

function printVersion(version: VersionStatus): void {
  const marks = [
    ...(version.head ? ['head'] : []),
    ...(version.default ? ['default'] : []),
    ...(version.configured ? ['configured'] : []),
    ...(version.retirable ? ['can be retired'] : []),
  ]
  const spoken =
    version.sessions === 0 ? 'no session' : `${sessionsOf(version.sessions)} (${version.clients.join(', ')})`
  const seen = version.lastSeen === null ? 'no statement seen' : `last statement seen ${version.lastSeen}`
  printLine(`${version.name}${marks.length === 0 ? '' : ` [${marks.join(', ')}]`}: ${spoken}, ${seen}`)
  if (version.head) return
  for (const text of version.recent) printLine(`    ${text.replaceAll(/\s+/g, ' ').slice(0, 120)}`)
}

function sessionsOf(count: number): string {
  return count === 1 ? '1 session' : `${count} sessions`
}
