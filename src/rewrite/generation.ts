import type { Catalog } from '../catalog/catalog.js'
import type { Mapping } from './mapping.js'

/** A named state of the schema. */
export interface Version {
  readonly name: string
  readonly catalog: Catalog
}

/** What leads from one version to the next. */
export interface Step {
  readonly mapping: Mapping
}

/**
 * What the proxy knows of the database's versions; swapped whole at a switch, never edited.
 *
 *     versions[0] --steps[0]--> versions[1] --steps[1]--> ... --> versions[n] = head
 */
export interface Generation {
  readonly number: number
  readonly versions: readonly Version[]
  readonly steps: readonly Step[]
}

/** The index of the version that the database has now. */
export function headIndex(generation: Generation): number {
  return generation.versions.length - 1
}

/** The index of a named version, or -1. */
export function versionIndex(generation: Generation, name: string): number {
  return generation.versions.findIndex((version) => version.name === name)
}
