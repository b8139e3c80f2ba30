import type { Catalog, Relation } from '../catalog/catalog.js'
import { fromByteString, toByteString } from '../sql/byte-string.js'
import { quoteIdentifier } from '../sql/identifier.js'
import type { ErrorFields, Outcome } from './outcome.js'

/** A relation as the newer and as the older version know it. */
interface RelationPair {
  readonly before: Relation
  readonly after: Relation
}

/** How the names of a newer version are called in an older one: by identity (relation oid, attnum, constraint oid). */
export interface NamesBack {
  /** By `schema.name` of the newer version. */
  readonly relations: ReadonlyMap<string, RelationPair>
  /** By name of the newer version, whatever the schema. */
  readonly byName: ReadonlyMap<string, readonly RelationPair[]>
  /** Constraints and indexes that have another name now. */
  readonly constraints: ReadonlyMap<string, string>
}

/** Prepares the way back from `after` to `before`. */
export function namesBack(before: Catalog, after: Catalog): NamesBack {
  const relations = new Map<string, RelationPair>()
  const byName = new Map<string, RelationPair[]>()
  const constraints = new Map<string, string>()
  for (const relation of after.relations) {
    const old = before.byOid.get(relation.oid) ?? relation
    const pair = { before: old, after: relation }
    relations.set(`${relation.schema}.${relation.name}`, pair)
    byName.set(relation.name, [...(byName.get(relation.name) ?? []), pair])
    addRenamed(constraints, old.constraints, relation.constraints)
    addRenamed(constraints, old.indexes, relation.indexes)
  }
  return { relations, byName, constraints }
}

interface Named {
  readonly oid: number
  readonly name: string
}

function addRenamed(names: Map<string, string>, before: readonly Named[], after: readonly Named[]): void {
  for (const { oid, name } of after) {
    const old = before.find((candidate) => candidate.oid === oid)
    if (old !== undefined && old.name !== name) names.set(name, old.name)
  }
}

/**
 * The fields of an ErrorResponse or NoticeResponse as an older version knows them: position, schema, table, column and
 * constraint names, and the names of the catalog in message, detail and hint. Names of the statement itself (range
 * variables and their columns) are the old ones already and stay.
 */
export function mapErrorBack(fields: ErrorFields, names: NamesBack, outcome: Outcome | undefined): ErrorFields {
  const touched =
    outcome === undefined || outcome.kind === 'unchanged' ? NO_RELATIONS : (outcome.relations ?? NO_RELATIONS)
  const mapped = mapEncodedNames(fields, names, touched)
  const position = Number(mapped.get('P'))
  if (outcome === undefined || outcome.kind === 'unchanged' || !(position > 0)) return mapped
  const old = outcome.oldPosition(position)
  if (old === undefined) mapped.delete('P')
  else mapped.set('P', String(old))
  return mapped
}

/** Fields are ByteStrings; those that are not valid UTF-8 (another client_encoding) keep their names. */
function mapEncodedNames(fields: ErrorFields, names: NamesBack, touched: ReadonlySet<number>): Map<string, string> {
  const decoded = new Map<string, string>()
  for (const [code, value] of fields) {
    const text = fromByteString(value)
    if (text === undefined) return new Map(fields)
    decoded.set(code, text)
  }
  const mapped = mapNames(decoded, names, touched)
  return new Map([...mapped].map(([code, text]) => [code, toByteString(text)]))
}

const NO_RELATIONS: ReadonlySet<number> = new Set()

/** Messages about the statement's own range variables, which have their old names. */
const OWN_NAMES = /FROM[- ]clause|table name .* specified more than once|columns available/

/** Where PostgreSQL prints a relation's name as the catalog has it. */
const RELATION =
  /\b(of|for|on|to|from|in|not a|Table|into|new row for) ((?:relation|table|view|sequence|index) )?"([^"]+)"/g

/** Maps the names in all fields but the position. `touched`: oids of the relations that the statement changed or read. */
export function mapNames(fields: ErrorFields, names: NamesBack, touched: ReadonlySet<number>): ErrorFields {
  const mapped = new Map(fields)
  const schema = fields.get('s')
  const table = fields.get('t')
  const own = table === undefined ? undefined : names.relations.get(`${schema}.${table}`)
  const pairOf = (name: string): RelationPair | undefined =>
    own !== undefined && name === table ? own : certainPair(names.byName.get(name) ?? [], touched)
  if (own !== undefined) {
    mapped.set('t', own.before.name).set('s', own.before.schema)
    const column = fields.get('c')
    if (column !== undefined) mapped.set('c', oldColumn(own, column))
  }
  const constraint = fields.get('n')
  if (constraint !== undefined) mapped.set('n', names.constraints.get(constraint) ?? constraint)
  for (const code of ['M', 'D', 'H'] as const) {
    const text = fields.get(code)
    if (text !== undefined && !OWN_NAMES.test(text)) mapped.set(code, mapText(text, names, own, pairOf, touched))
  }
  return mapped
}

function mapText(
  text: string,
  names: NamesBack,
  own: RelationPair | undefined,
  pairOf: (name: string) => RelationPair | undefined,
  touched: ReadonlySet<number>,
): string {
  const relation = (name: string): string => pairOf(name)?.before.name ?? name
  const target = own ?? onlyTouched(names, touched)
  // The values in a detail are data: only the names at its known places are mapped.
  const [, list, rest = ''] = /^Key \(([^)]*)\)(.*)$/s.exec(text) ?? []
  if (list !== undefined) {
    const after = rest.replace(
      /(table|relation) "([^"]+)"\.$/,
      (_, what: string, name: string) => `${what} "${relation(name)}".`,
    )
    return `Key (${list
      .split(', ')
      .map((column) => oldListedColumn(target, column))
      .join(', ')})${after}`
  }
  return text
    .replace(/\bcolumn "([^"]+)" of (relation|table) "([^"]+)"/g, (_, column: string, what: string, name: string) => {
      const pair = pairOf(name)
      return `column "${pair === undefined ? column : oldColumn(pair, column)}" of ${what} "${name}"`
    })
    .replace(
      /\b([Cc]olumn|into column) "([^"]+)" (?=is of type|can only be updated|is an identity|is a generated|specified more than once)/g,
      (_, what: string, column: string) => `${what} "${target === undefined ? column : oldColumn(target, column)}" `,
    )
    .replace(
      /\b(constraint|index) "([^"]+)"/g,
      (_, what: string, name: string) => `${what} "${names.constraints.get(name) ?? name}"`,
    )
    .replace(
      RELATION,
      (_, word: string, what: string | undefined, name: string) =>
        `${word} ${what ?? ''}"${what === undefined && word !== 'Table' ? name : relation(name)}"`,
    )
    .replace(
      /^(Table "[^"]+" references) "([^"]+)"/,
      (_, start: string, name: string) => `${start} "${relation(name)}"`,
    )
    .replace(
      /^(permission denied for (?:table|view|sequence|relation)) (\S+)$/,
      (_, start: string, name: string) => `${start} ${relation(name)}`,
    )
}

/** The one old name that a new name can mean: all candidates agree, or just one of them is in the statement. */
function certainPair(candidates: readonly RelationPair[], touched: ReadonlySet<number>): RelationPair | undefined {
  const [first, ...others] = candidates
  if (others.every((other) => other.before.name === first?.before.name)) return first
  const inStatement = candidates.filter((candidate) => touched.has(candidate.after.oid))
  return inStatement.length === 1 ? inStatement[0] : undefined
}

function onlyTouched(names: NamesBack, touched: ReadonlySet<number>): RelationPair | undefined {
  const pairs = [...names.relations.values()].filter((pair) => touched.has(pair.after.oid))
  return pairs.length === 1 ? pairs[0] : undefined
}

function oldColumn(pair: RelationPair, name: string): string {
  const attnum = pair.after.columns.find((column) => column.name === name)?.attnum
  return pair.before.columns.find((column) => column.attnum === attnum)?.name ?? name
}

/** A column of `Key (...)`, which PostgreSQL quotes where it must. */
function oldListedColumn(pair: RelationPair | undefined, listed: string): string {
  if (pair === undefined) return listed
  const name = /^"(.*)"$/s.exec(listed)?.[1]?.replaceAll('""', '"') ?? listed
  const old = oldColumn(pair, name)
  return old === name ? listed : (fromByteString(quoteIdentifier(old)) ?? old)
}
