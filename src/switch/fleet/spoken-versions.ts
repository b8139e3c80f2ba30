import type { ClientError, SessionInfo } from '../../proxy/contracts.js'

/** The sessions of apps that speak a version. */
export interface Speakers {
  /** 0 where only the configuration gives it to clients that are to come. */
  readonly sessions: number
  /** Their application_names, or users where they have none. */
  readonly clients: readonly string[]
  /** The configuration of the proxy gives it to clients: `default_version`, or `clients`. */
  readonly configured?: true
}

/** By version. */
export type SpokenVersions = ReadonlyMap<string, Speakers>

/** The proxy at which a version is spoken. */
export interface SpeakingProxy {
  readonly name: string
  /** It has its connection to the fleet. */
  readonly connected: boolean
  /** Null where it does not say, as one of an older release: it may be any version. */
  readonly speaks: Speakers | null
}

/** Names of clients that other proxies are told. */
const TOLD_CLIENTS = 20

/** `configured`: versions that the configuration gives to clients. */
export function spokenVersions(sessions: readonly SessionInfo[], configured: readonly string[]): SpokenVersions {
  const spoken = new Map<string, { sessions: number; readonly clients: Set<string> }>()
  for (const version of configured) spoken.set(version, { sessions: 0, clients: new Set() })
  for (const { kind, version, applicationName, user } of sessions) {
    if (kind !== 'app' || version === undefined) continue
    const speakers = spoken.get(version) ?? { sessions: 0, clients: new Set<string>() }
    speakers.sessions++
    speakers.clients.add(applicationName || user)
    spoken.set(version, speakers)
  }
  return new Map(
    [...spoken].map(([version, { sessions: count, clients }]) => [
      version,
      { sessions: count, clients: [...clients], ...(configured.includes(version) ? { configured: true } : {}) },
    ]),
  )
}

/** As the table of proxies has it. */
export function encodeSpoken(spoken: SpokenVersions): string {
  const told = [...spoken].map(([version, { clients, ...speakers }]): [string, Speakers] => [
    version,
    { ...speakers, clients: clients.slice(0, TOLD_CLIENTS).map(printable) },
  ])
  return JSON.stringify(Object.fromEntries(told))
}

/** A client may call itself what the database's encoding does not have; PostgreSQL does the same to application_name. */
function printable(name: string): string {
  return name.replaceAll(/[^\x20-\x7e]/g, '?')
}

export function decodeSpoken(json: string): SpokenVersions {
  return new Map(Object.entries(JSON.parse(json) as Record<string, Speakers>))
}

/** Why a version cannot be retired: who speaks it, or would. Undefined where nobody does. */
export function refuseSpoken(version: string, proxies: readonly SpeakingProxy[]): ClientError | undefined {
  if (proxies.length === 0) return undefined
  const count = proxies.reduce((sum, { speaks }) => sum + (speaks?.sessions ?? 0), 0)
  return {
    sqlstate: '55006',
    message: count === 0 ? `the version "${version}" may be spoken` : `${sessionsOf(count)} the version "${version}"`,
    detail: proxies.map(describe).join('\n'),
    hint:
      count === 0
        ? 'Change the configuration of the proxy, or its release, and start it again.'
        : 'Let them end, or move them by promote --live; status shows who they are.',
  }
}

function sessionsOf(count: number): string {
  return count === 1 ? '1 session speaks' : `${count} sessions speak`
}

function describe({ name, connected, speaks }: SpeakingProxy): string {
  const cutOff = connected ? '' : ', which has no connection to the others'
  return `the proxy ${name}${cutOff}: ${describeSpeakers(speaks)}`
}

function describeSpeakers(speaks: Speakers | null): string {
  if (speaks === null) return 'does not say what its sessions speak, being of an older release'
  const { sessions, clients, configured } = speaks
  return [
    ...(sessions > 0 ? [`${sessions} (${clients.join(', ')})`] : []),
    ...(configured ? ['its configuration gives the version to clients'] : []),
  ].join('; ')
}
