import { suggestName } from '../config/nearest-name.js'
import type { ClientError } from '../proxy/contracts.js'
import { versionIndex } from '../rewrite/generation.js'
import type { KnownVersions } from './known-versions.js'

/** Why a version cannot become the one that clients speak that say nothing. */
export function refusePromotion(name: string, known: KnownVersions): ClientError | undefined {
  return refuseUnknown(name, known)
}

/** Why a version cannot be retired, whoever speaks it. */
export function refuseRetirement(name: string, known: KnownVersions): ClientError | undefined {
  const unknown = refuseUnknown(name, known)
  if (unknown !== undefined) return unknown
  if (known.versions.generation.versions.at(-1)?.name === name) {
    return { sqlstate: '55000', message: `"${name}" is what the database has now, and cannot be retired` }
  }
  if (name !== known.defaultVersion) return undefined
  return {
    sqlstate: '55000',
    message: `"${name}" is what clients speak that say nothing`,
    hint: 'Promote another version first.',
  }
}

function refuseUnknown(name: string, { versions, retired }: KnownVersions): ClientError | undefined {
  if (retired.includes(name)) return retiredError(name)
  if (versionIndex(versions.generation, name) >= 0) return undefined
  const names = versions.generation.versions.map((version) => version.name)
  return {
    sqlstate: '22023',
    message: `there is no version "${name}" of the schema${suggestName(name, names)}`,
    hint: `Versions are: ${names.join(', ')}.`,
  }
}

export function retiredError(name: string): ClientError {
  return {
    sqlstate: '22023',
    message: `the version "${name}" of the schema was retired`,
    hint: 'Deploy code that speaks a newer version, or name one by hotswap.version.',
  }
}
