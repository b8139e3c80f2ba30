import type { ClientRule } from '../config/load-config.js'
import { suggestName } from '../config/nearest-name.js'
import type { ChooseVersion, ClientIdentity } from '../proxy/contracts.js'
import { versionIndex } from '../rewrite/generation.js'
import { retiredError } from './version-changes.js'
import type { VersionSource } from './version-source.js'

export interface ChooseVersionOptions {
  readonly versions: Pick<VersionSource, 'current' | 'defaultVersion' | 'retired'>
  readonly clients: readonly ClientRule[]
  /** What a client speaks that neither says nor matches anything, whatever is stored. */
  readonly defaultVersion: string | undefined
}

/** Which version a client speaks: what it asks for, else the first match in the configuration, else the default. */
export function createChooseVersion({ versions, clients, defaultVersion }: ChooseVersionOptions): ChooseVersion {
  return (client) => {
    const match = clients.find((rule) => matches(rule, client))
    const version = client.requestedVersion ?? match?.version ?? defaultVersion ?? versions.defaultVersion
    if (versions.retired.includes(version)) return { error: retiredError(version) }
    const { generation } = versions.current()
    if (versionIndex(generation, version) >= 0) return { version }
    const known = generation.versions.map(({ name }) => name)
    return {
      error: {
        sqlstate: '22023',
        message: `there is no version "${version}" of the schema${suggestName(version, known)}`,
        hint: `Versions are: ${known.join(', ')}.`,
      },
    }
  }
}

function matches(rule: ClientRule, client: ClientIdentity): boolean {
  return (
    (rule.applicationName === undefined || rule.applicationName === client.applicationName) &&
    (rule.user === undefined || rule.user === client.user)
  )
}
