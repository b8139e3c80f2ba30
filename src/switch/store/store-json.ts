import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { type Catalog, type CatalogData, makeCatalog, type NamedObject, type Relation } from '../../catalog/catalog.js'
import { isSystemSchema } from '../../catalog/diff.js'
import { keepRelations } from '../../catalog/keep-relations.js'
import type { StepRules } from '../../rewrite/plan-step.js'
import type { AppliedStep } from '../plan-versions.js'

/** Of the documents that this release writes. */
const FORMAT = 1

const compress = promisify(gzip)
const expand = promisify(gunzip)

/**
 * A catalog as it is stored: JSON, packed while traffic is held, since the server takes ten times as long over the plain
 * text; base64, which means the same in every encoding of database and session. Relations of PostgreSQL itself are left out:
 * the server that runs knows its own. `texts` keeps what relations are in JSON: two versions have most of them in common.
 */
export async function encodeCatalog(catalog: Catalog, texts = new WeakMap<Relation, string>()): Promise<string> {
  const { byName: _, byOid: __, objectsByName: ___, objectByOid: ____, ...data } = catalog
  const relations = data.relations.filter(({ schema }) => !isSystemSchema(schema)).map((one) => jsonOf(one, texts))
  const objects = data.objects?.map(withoutInfinity)
  const others = JSON.stringify({ ...data, relations: undefined, objects })
  const json = `{"format":${FORMAT},"value":{"relations":[${relations.join()}],${others.slice(1)}}`
  return (await compress(json, { level: 1 })).toString('base64')
}

function jsonOf(relation: Relation, texts: WeakMap<Relation, string>): string {
  const known = texts.get(relation)
  if (known !== undefined) return known
  const json = JSON.stringify(relation)
  texts.set(relation, json)
  return json
}

/**
 * `earlier`, a catalog of the same server, lends PostgreSQL's own relations, which never change while it runs, and those
 * that are the same.
 */
export async function decodeCatalog(text: string, earlier: Catalog): Promise<Catalog> {
  const json = (await expand(Buffer.from(text, 'base64'))).toString('utf8')
  const { format, value } = JSON.parse(json) as Document<CatalogData>
  checkFormat(format)
  const relations = [...systemRelations(earlier), ...keepRelations(value.relations, earlier.byOid)]
  const objects = value.objects?.map(withInfinity)
  return makeCatalog({ ...value, relations, ...(objects === undefined ? {} : { objects }) })
}

/** JSON in ASCII: a step's rules are short, and may be read. */
export function encodeRules({ rules, accepted }: Pick<AppliedStep, 'rules' | 'accepted'>): string {
  return JSON.stringify({ format: FORMAT, accepted, value: rules }, replace).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

export function decodeRules(json: string): Pick<AppliedStep, 'rules' | 'accepted'> {
  const { format, value, accepted } = JSON.parse(json, revive) as Document<StepRules> & Pick<AppliedStep, 'accepted'>
  checkFormat(format)
  return accepted === true ? { rules: value, accepted } : { rules: value }
}

interface Document<T> {
  readonly format: number
  readonly value: T
}

function checkFormat(format: number): void {
  if (format !== FORMAT) throw new Error(`a document of format ${format} in the version store`)
}

function systemRelations({ relations }: Catalog): readonly Relation[] {
  return relations.filter(({ schema }) => isSystemSchema(schema))
}

/** JSON makes null of it: variadic functions take any number of arguments. */
function withoutInfinity(object: NamedObject): NamedObject {
  const { arguments: given } = object
  return given?.most === Number.POSITIVE_INFINITY ? { ...object, arguments: { ...given, most: -1 } } : object
}

function withInfinity(object: NamedObject): NamedObject {
  const { arguments: given } = object
  return given?.most === -1 ? { ...object, arguments: { ...given, most: Number.POSITIVE_INFINITY } } : object
}

/** What JSON has no form for; names of a database are never keys, so that these are free. */
function replace(_: string, value: unknown): unknown {
  if (value instanceof Map) return { $map: [...value] }
  return value instanceof Set ? { $set: [...value] } : value
}

function revive(_: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value
  if ('$map' in value) return new Map(value.$map as [unknown, unknown][])
  return '$set' in value ? new Set(value.$set as unknown[]) : value
}
