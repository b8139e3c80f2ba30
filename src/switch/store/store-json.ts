import { type Catalog, type CatalogData, makeCatalog, type Relation } from '../../catalog/catalog.js'
import { isSystemSchema } from '../../catalog/diff.js'
import type { StepRules } from '../../rewrite/plan-step.js'

/** Of the documents that this release writes. */
const FORMAT = 1

/**
 * A catalog as it is stored: JSON in ASCII, which means the same in every encoding of database and session. Relations of
 * PostgreSQL itself are left out: the server that runs knows its own.
 */
export function encodeCatalog({
  byName: _,
  byOid: __,
  objectsByName: ___,
  objectByOid: ____,
  ...data
}: Catalog): string {
  return encode({ ...data, relations: data.relations.filter(({ schema }) => !isSystemSchema(schema)) })
}

/** `system` lends PostgreSQL's own relations, which never change while a server runs. */
export function decodeCatalog(json: string, system: Catalog): Catalog {
  const data = decode<CatalogData>(json)
  return makeCatalog({ ...data, relations: [...systemRelations(system), ...data.relations] })
}

export function encodeRules(rules: StepRules): string {
  return encode(rules)
}

export function decodeRules(json: string): StepRules {
  return decode<StepRules>(json)
}

function systemRelations({ relations }: Catalog): readonly Relation[] {
  return relations.filter(({ schema }) => isSystemSchema(schema))
}

function encode(value: unknown): string {
  return JSON.stringify({ format: FORMAT, value }, replace).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function decode<T>(json: string): T {
  const { format, value } = JSON.parse(json, revive) as { format: number; value: T }
  if (format !== FORMAT) throw new Error(`a document of format ${format} in the version store`)
  return value
}

/** What JSON has no form for; names of a database are never keys, so that these are free. */
function replace(_: string, value: unknown): unknown {
  if (value instanceof Map) return { $map: [...value] }
  if (value instanceof Set) return { $set: [...value] }
  if (value === Number.POSITIVE_INFINITY) return { $infinity: true }
  return value
}

function revive(_: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value
  if ('$map' in value) return new Map(value.$map as [unknown, unknown][])
  if ('$set' in value) return new Set(value.$set as unknown[])
  return '$infinity' in value ? Number.POSITIVE_INFINITY : value
}
