import { Buffer } from 'node:buffer'
import type { Catalog, NamedObject } from './catalog.js'

/** An object of the older catalog and the one that it is in the newer. */
export interface ObjectPair {
  readonly before: NamedObject
  readonly after: NamedObject
}

export interface PairedObjects {
  readonly pairs: readonly ObjectPair[]
  /** Objects of the older catalog that the newer one has nothing for. */
  readonly gone: readonly NamedObject[]
  readonly translation: OidTranslation
}

/** Oids of what was made anew: old to new. */
export interface OidTranslation {
  /** Data types and their array types. */
  readonly types: ReadonlyMap<number, number>
  /** Enum labels. */
  readonly labels: ReadonlyMap<number, number>
}

/**
 * Finds each old function and data type in the newer catalog: by oid, else what was dropped and made again. A rebuilt enum
 * (new type, columns altered, old type dropped) is the one type that all columns of the old one have now; where no column
 * had it, and for all other objects, it is the one of the same kind and name.
 */
export function pairObjects(before: Catalog, after: Catalog): PairedObjects {
  const pairs: ObjectPair[] = []
  const gone: NamedObject[] = []
  const translation = { types: new Map<number, number>(), labels: new Map<number, number>() }
  const taken = new Set<number>()
  const old = before.objects ?? []
  // Functions come last: their signatures are in the oids of types.
  for (const object of [...old.filter(isType), ...old.filter((one) => !isType(one))]) {
    const found = after.objectByOid.get(object.oid) ?? successorOf(object, before, after, translation)
    if (found === undefined || taken.has(found.oid)) {
      gone.push(object)
      continue
    }
    taken.add(found.oid)
    pairs.push({ before: object, after: found })
    if (found.oid !== object.oid) translate(translation, object, found)
  }
  return { pairs, gone, translation }
}

function isType(object: NamedObject): boolean {
  return object.kind !== 'function'
}

function translate(
  { types, labels }: { readonly types: Map<number, number>; readonly labels: Map<number, number> },
  before: NamedObject,
  after: NamedObject,
): void {
  if (before.kind === 'function') return
  types.set(before.oid, after.oid)
  if (before.arrayOid !== undefined && after.arrayOid !== undefined) types.set(before.arrayOid, after.arrayOid)
  for (const [index, label] of before.shape.entries()) {
    const [from, to] = [before.labelOids?.[index], after.labelOids?.[after.shape.indexOf(label)]]
    if (from !== undefined && to !== undefined) labels.set(from, to)
  }
}

function successorOf(
  old: NamedObject,
  before: Catalog,
  after: Catalog,
  translation: OidTranslation,
): NamedObject | undefined {
  const isNew = (object: NamedObject) => object.kind === old.kind && !before.objectByOid.has(object.oid)
  if (old.kind === 'enum') {
    const used = typesOfColumns(old, before, after)
    if (used.size > 1) return undefined
    const [oid] = used
    const object = oid === undefined ? undefined : after.objectByOid.get(oid)
    if (oid !== undefined) return object !== undefined && isNew(object) ? object : undefined
  }
  const named = (after.objectsByName.get(old.name) ?? []).filter(
    (object) => isNew(object) && object.schema === old.schema,
  )
  const same = named.find(
    (object) => old.kind === 'enum' || object.shape.join() === translated(old.shape, translation).join(),
  )
  if (same !== undefined || old.kind !== 'function') return same
  const [only, ...others] = named
  return only !== undefined && others.length === 0 && takesOldCalls(old, only, translation) ? only : undefined
}

/**
 * True where each call of the old function is one of the new: more parameters came, and have defaults.
 *
 *     f(text, date)  =>  f(text, date, weeks integer DEFAULT 4)
 */
export function takesOldCalls(before: NamedObject, after: NamedObject, translation: OidTranslation): boolean {
  const [old, now] = [signatureOf(translated(before.shape, translation)[0]), signatureOf(after.shape[0])]
  if (old === undefined || now === undefined || old.rest !== now.rest) return false
  const least = after.arguments?.least ?? now.arguments.length
  return old.arguments.every((oid, index) => now.arguments[index] === oid) && least <= (before.arguments?.least ?? 0)
}

/** `f 25 1082 0 23 f`: kind, argument types, how many have defaults, result, whether it is a set; not of OUT parameters. */
function signatureOf(shape = ''): { readonly arguments: readonly string[]; readonly rest: string } | undefined {
  const words = shape.split(' ').filter((word) => word !== '')
  const [kind, ...types] = words.slice(0, -3)
  if (kind !== 'f' || shape.includes('{')) return undefined
  return { arguments: types, rest: words.slice(-2).join(' ') }
}

/** The types that the columns of an old type have in the newer catalog; columns that are gone do not count. */
function typesOfColumns({ oid, arrayOid }: NamedObject, before: Catalog, after: Catalog): ReadonlySet<number> {
  const types = new Set<number>()
  for (const relation of before.relations) {
    for (const column of relation.columns) {
      if (column.typeOid !== oid && column.typeOid !== arrayOid) continue
      const now = after.byOid.get(relation.oid)?.columns.find(({ attnum }) => attnum === column.attnum)
      if (now === undefined) continue
      types.add(column.typeOid === oid ? now.typeOid : (elementType(after, now.typeOid) ?? now.typeOid))
    }
  }
  return types
}

function elementType(catalog: Catalog, arrayOid: number): number | undefined {
  return (catalog.objects ?? []).find((object) => object.arrayOid === arrayOid)?.oid
}

/** Stored texts in the newer catalog's oids. */
export function translated(texts: readonly string[], translation: OidTranslation): readonly string[] {
  return texts.map((text) => translateText(text, translation))
}

/**
 * A node tree, or a list of oids, in the newer catalog's oids. A constant of an enum holds its label's oid as the bytes of
 * a Datum, the lowest first on all common machines; where they are not found so, two trees stay unequal.
 *
 *     {CONST :consttype 16390 ... :constvalue 4 [ 8 64 0 0 0 0 0 0 ]}
 */
export function translateText(text: string, translation: OidTranslation): string {
  const { types } = translation
  if (types.size === 0) return text
  return text
    .replace(
      /(:consttype (\d+)[^{}]*?:constvalue \d+ \[ )((?:\d+ )+)\]/g,
      (whole, before: string, type: string, list: string) => {
        if (!types.has(Number(type))) return whole
        return `${before}${translateConstant(list.trim().split(' ').map(Number), translation).join(' ')} ]`
      },
    )
    .replace(/(?<![\w.-])\d{5,}(?![\w.])/g, (digits) => String(types.get(Number(digits)) ?? digits))
}

/** The bytes of a label's oid; or those of an array: its length, dimensions, data offset, element type, and elements. */
function translateConstant(bytes: readonly number[], { types, labels }: OidTranslation): readonly number[] {
  const constant = Buffer.from(bytes)
  const replace = (at: number, oids: ReadonlyMap<number, number>) => {
    if (at + 4 <= constant.length)
      constant.writeUInt32LE(oids.get(constant.readUInt32LE(at)) ?? constant.readUInt32LE(at), at)
  }
  if (bytes.length === 8) replace(0, labels)
  else if (bytes.length >= 16) {
    replace(12, types)
    const elements = constant.readUInt32LE(8) || 16 + 8 * constant.readUInt32LE(4)
    for (let at = elements; at < constant.length; at += 4) replace(at, labels)
  }
  return [...constant]
}
