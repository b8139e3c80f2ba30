import type { ProxyCounters, SessionInfo } from '../proxy/contracts.js'
import { headIndex } from '../rewrite/generation.js'
import { fromByteString } from '../sql/byte-string.js'
import type { RecordedStatement } from '../switch/check/recorded-statements.js'
import type { VersionSource } from '../switch/version-source.js'

/** What `status` shows: which versions there are, who speaks them, and what may be let go. */
export interface Status {
  readonly generation: number
  readonly versions: readonly VersionStatus[]
  readonly retired: readonly string[]
  /** Rule files whose migration has not run yet. */
  readonly armed: readonly string[]
  /** Changes made elsewhere that no rule file explains. */
  readonly unexplained: readonly string[]
  readonly counters: ProxyCounters
  /** True where nobody needs the proxy: every session speaks head, and so does who says nothing. */
  readonly direct: boolean
}

export interface VersionStatus {
  readonly name: string
  readonly head: boolean
  readonly default: boolean
  /** App sessions of this proxy that speak it now. */
  readonly sessions: number
  /** Their application_names, or users where they have none. */
  readonly clients: readonly string[]
  /** Statements of it that were seen, in all proxies. */
  readonly statements: number
  /** When one was seen last, ISO 8601; null where none was. */
  readonly lastSeen: string | null
  /** Those seen last, without their values. */
  readonly recent: readonly string[]
  /** Nobody speaks it now, and it is neither head nor the default. */
  readonly retirable: boolean
}

export interface StatusSources {
  readonly versions: VersionSource
  readonly sessions: () => readonly SessionInfo[]
  readonly counters: () => ProxyCounters
  readonly statements: () => readonly RecordedStatement[]
}

const RECENT = 5

export function readStatus({ versions, sessions, counters, statements }: StatusSources): Status {
  const { generation } = versions.current()
  const apps = sessions().filter(({ kind }) => kind === 'app')
  const seen = [...statements()].sort((a, b) => b.lastSeen - a.lastSeen)
  const described = generation.versions.map(({ name }, index): VersionStatus => {
    const speaking = apps.filter(({ version }) => version === name)
    const own = seen.filter(({ version }) => version === name)
    const head = index === headIndex(generation)
    const isDefault = name === versions.defaultVersion
    return {
      ...{ name, head, default: isDefault, sessions: speaking.length, statements: own.length },
      clients: [...new Set(speaking.map(({ applicationName, user }) => applicationName || user))],
      lastSeen: own[0] === undefined ? null : new Date(own[0].lastSeen).toISOString(),
      recent: own.slice(0, RECENT).map(({ text }) => fromByteString(text) ?? text),
      retirable: !head && !isDefault && speaking.length === 0,
    }
  })
  return {
    generation: generation.number,
    versions: described,
    retired: versions.retired,
    armed: versions.armed.map(({ version }) => version),
    unexplained: versions.unexplained,
    counters: counters(),
    direct: described.every((version) => version.head || (version.sessions === 0 && !version.default)),
  }
}
