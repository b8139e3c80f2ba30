import type { ProxyCounters } from '../proxy/contracts.js'
import { headIndex } from '../rewrite/generation.js'
import { fromByteString } from '../sql/byte-string.js'
import type { RecordedStatement } from '../switch/check/recorded-statements.js'
import type { FleetMember } from '../switch/fleet/requests.js'
import type { SpokenVersions } from '../switch/fleet/spoken-versions.js'
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
  /** All proxies of the database; none without a store, null where they cannot be asked. */
  readonly fleet: readonly ProxyStatus[] | null
  readonly counters: ProxyCounters
  /** True where nobody needs a proxy: every session of all of them speaks head, and so does who is to come and says nothing. */
  readonly direct: boolean
}

export interface VersionStatus {
  readonly name: string
  readonly head: boolean
  readonly default: boolean
  /** App sessions of all proxies that speak it now, as far as is known. */
  readonly sessions: number
  /** Their application_names, or users where they have none. */
  readonly clients: readonly string[]
  /** Statements of it that were seen, in all proxies. */
  readonly statements: number
  /** When one was seen last, ISO 8601; null where none was. */
  readonly lastSeen: string | null
  /** Those seen last, without their values. */
  readonly recent: readonly string[]
  /** The configuration of a proxy gives it to clients, whatever the default is. */
  readonly configured: boolean
  /** Nobody speaks it now, at any proxy, and it is neither head nor the default nor given by a configuration. */
  readonly retirable: boolean
}

/** A proxy of the database. */
export interface ProxyStatus {
  readonly name: string
  /** The one that was asked. */
  readonly self: boolean
  /** It has its connection to the others. */
  readonly connected: boolean
  /** `held`: its traffic waits. `gone`: it has neither a connection nor sessions. */
  readonly standing: FleetMember['standing']
  /** App sessions by version; null where it does not say, being of an older release. */
  readonly sessions: Readonly<Record<string, number>> | null
}

export interface StatusSources {
  readonly versions: VersionSource
  /** At this proxy. */
  readonly spoken: SpokenVersions
  readonly counters: () => ProxyCounters
  readonly statements: () => readonly RecordedStatement[]
  /** This proxy's number, and all proxies; those are undefined where they cannot be asked. Absent without a store. */
  readonly fleet: { readonly me: number; readonly members: readonly FleetMember[] | undefined } | undefined
}

const RECENT = 5

export function readStatus({ versions, spoken: own, counters, statements, fleet }: StatusSources): Status {
  const { generation } = versions.current()
  const seen = [...statements()].sort((a, b) => b.lastSeen - a.lastSeen)
  const members = fleet?.members?.map((one) => (one.proxy === fleet.me ? { ...one, speaks: own } : one))
  const others = members?.filter(({ proxy }) => proxy !== fleet?.me) ?? []
  const spoken = [own, ...others.flatMap(({ speaks }) => speaks ?? [])]
  /** What all sessions speak is known. */
  const known = fleet === undefined || (members !== undefined && others.every(({ speaks }) => speaks !== undefined))
  const head = headIndex(generation)
  const described = generation.versions.map(({ name }, index): VersionStatus => {
    const speaking = spoken.flatMap((one) => one.get(name) ?? [])
    const count = speaking.reduce((sum, one) => sum + one.sessions, 0)
    const texts = seen.filter(({ version }) => version === name)
    const isDefault = name === versions.defaultVersion
    const configured = speaking.some((one) => one.configured)
    return {
      ...{ name, head: index === head, default: isDefault, sessions: count, statements: texts.length },
      clients: [...new Set(speaking.flatMap(({ clients }) => clients))],
      lastSeen: texts[0] === undefined ? null : new Date(texts[0].lastSeen).toISOString(),
      recent: texts.slice(0, RECENT).map(({ text }) => fromByteString(text) ?? text),
      configured,
      retirable: known && index !== head && !isDefault && !configured && count === 0,
    }
  })
  const headName = generation.versions[head]?.name
  return {
    generation: generation.number,
    versions: described,
    retired: versions.retired,
    armed: versions.armed.map(({ version }) => version),
    unexplained: versions.unexplained,
    fleet: fleet === undefined ? [] : (members?.map((one) => proxyStatus(one, one.proxy === fleet.me)) ?? null),
    counters: counters(),
    // Sessions of other proxies count that speak what this one does not serve, but not clients of a version that is to come.
    direct:
      known &&
      versions.defaultVersion === headName &&
      described.every((one) => one.head || !one.configured) &&
      spoken.every((one) => [...one].every(([name, { sessions }]) => name === headName || sessions === 0)),
  }
}

function proxyStatus({ name, connected, standing, speaks }: FleetMember, self: boolean): ProxyStatus {
  const spoken = speaks && [...speaks].filter(([, { sessions }]) => sessions > 0)
  const counts = spoken && Object.fromEntries(spoken.map(([version, { sessions }]) => [version, sessions]))
  return { name, self, connected, standing, sessions: counts ?? null }
}
