import { formatProblem } from '../config/problem.js'
import { errorFields } from '../proxy/client-error.js'
import type { ClientError, ControlHook, HookReply } from '../proxy/contracts.js'
import type { MovedSessions } from './fleet/moved-sessions.js'
import { describeVersions, type VersionSource } from './version-source.js'

export interface ControlHookOptions {
  readonly versions: VersionSource
  /** What STATUS answers, as JSON. */
  readonly status: () => Promise<object>
  /** App sessions of this proxy that speak a version. */
  readonly speaking: (version: string) => number
  /** Tells the store what the sessions of this proxy speak; false where that cannot be. Absent without a store. */
  readonly tellSpoken: (() => Promise<boolean>) | undefined
  /** Lets other proxies follow at once, and move their sessions, too; gives how many those are. */
  readonly notify: ((moved?: MovedSessions) => Promise<number>) | undefined
  /** Lets sessions that speak a version speak another one from their next transaction on; gives how many. */
  readonly moveSessions: (from: string, to: string) => number
}

/**
 * Answers control sessions with a NOTICE that says as JSON what is in force:
 *
 *     STATUS                     who speaks what
 *     RELOAD                     after the rule files were read again
 *     PROMOTE 'version' [LIVE]   clients that say nothing speak it; LIVE: those that are connected, too, at all proxies
 *     RETIRE 'version'           nobody may speak it any more
 */
export function createControlHook(options: ControlHookOptions): ControlHook {
  const { versions } = options
  return {
    async run(text) {
      const [command = '', version, live] = wordsOf(text)
      switch (command.toUpperCase()) {
        case 'STATUS':
          return told('STATUS', await options.status())
        case 'RELOAD':
          return await reload(versions)
        case 'PROMOTE':
          return version === undefined ? unknown : await promote(options, version, live?.toUpperCase() === 'LIVE')
        case 'RETIRE':
          return version === undefined ? unknown : await retire(options, version)
        default:
          return unknown
      }
    },
  }
}

/** Words, and strings in quotes. */
function wordsOf(text: string): string[] {
  return [...text.trim().matchAll(/'((?:[^']|'')*)'|([^\s;']+)/g)].map(([, quoted, word]) =>
    quoted === undefined ? (word ?? '') : quoted.replaceAll("''", "'"),
  )
}

function told(tag: string, facts: object): HookReply {
  return { ok: true, tag, notices: [JSON.stringify(facts)] }
}

function refused(error: ClientError): HookReply {
  return { ok: false, error: errorFields(error) }
}

const unknown = refused({
  sqlstate: '42601',
  message: 'unknown control command',
  hint: "There are STATUS, RELOAD, PROMOTE 'version' [LIVE] and RETIRE 'version'.",
})

async function reload(versions: VersionSource): Promise<HookReply> {
  const reloaded = await versions.reload()
  if (reloaded.ok) return told('RELOAD', describeVersions(reloaded.value))
  return refused({
    sqlstate: 'F0000',
    message: 'the rules were not reloaded; the old ones stay in force',
    detail: reloaded.problems.map(formatProblem).join('\n'),
  })
}

async function promote(
  { versions, moveSessions, notify }: ControlHookOptions,
  version: string,
  live: boolean,
): Promise<HookReply> {
  const before = versions.defaultVersion
  const error = await versions.promote(version)
  if (error !== undefined) return refused(error)
  const moves = live && before !== version
  const moved = moves ? moveSessions(before, version) : 0
  const elsewhere = (await notify?.(moves ? { from: before, to: version } : undefined)) ?? 0
  return told('PROMOTE', { default: version, before, moved: moved + elsewhere })
}

async function retire(
  { versions, speaking, tellSpoken, notify }: ControlHookOptions,
  version: string,
): Promise<HookReply> {
  const error = (await refuseHere(version, speaking, tellSpoken)) ?? (await versions.retire(version))
  if (error !== undefined) return refused(error)
  await notify?.()
  return told('RETIRE', { retired: version })
}

/** The store knows what is spoken everywhere, once it was told; without one this proxy is alone. */
async function refuseHere(
  version: string,
  speaking: ControlHookOptions['speaking'],
  tellSpoken: ControlHookOptions['tellSpoken'],
): Promise<ClientError | undefined> {
  if (tellSpoken !== undefined) return (await tellSpoken()) ? undefined : cutOff
  const sessions = speaking(version)
  if (sessions === 0) return undefined
  return {
    sqlstate: '55006',
    message: `${sessions} ${sessions === 1 ? 'session speaks' : 'sessions speak'} the version "${version}"`,
    hint: 'Let them end, or move them by promote --live; status shows who they are.',
  }
}

const cutOff: ClientError = {
  sqlstate: '57P03',
  message:
    'pg-hotswap has no connection to the other proxies of the database, and cannot know what their clients speak',
  hint: 'Its log says why; try again, or at another proxy.',
}
