import type { Catalog, Relation } from '../catalog/catalog.js'
import { splitQualifiedName } from '../resolve/qualified-name.js'
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
  const rewritten = outcome === undefined || outcome.kind === 'unchanged' ? undefined : outcome
  const mapped = mapEncodedNames(fields, names, rewritten?.relations ?? NO_RELATIONS)
  const position = Number(mapped.get('P'))
  if (rewritten !== undefined && position > 0) {
    const old = rewritten.oldPosition(position)
    if (old === undefined) mapped.delete('P')
    else mapped.set('P', String(old))
  }
  const same = mapped.size === fields.size && [...mapped].every(([code, value]) => fields.get(code) === value)
  return same ? fields : mapped
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
  const target = own ?? onlyTouched(names, touched)
  const find: Finders = {
    relation: (name) => pairOf(name)?.before.name ?? name,
    columnOf: (relation, column) => oldColumn(pairOf(relation), column),
    column: (name) => oldColumn(target, name),
    constraint: (name) => names.constraints.get(name) ?? name,
    referenced: (name) => (referencedPair(names, own, constraint) ?? pairOf(name))?.before.name ?? name,
  }
  for (const code of ['M', 'D', 'H'] as const) {
    const text = fields.get(code)
    if (text !== undefined && !OWN_NAMES.test(text)) mapped.set(code, mapText(text, find))
  }
  return mapped
}

/** What a name of the newer version is called in the older one. */
interface Finders {
  relation(name: string): string
  columnOf(relation: string, column: string): string
  /** A column of the one relation that the message or the statement is about. */
  column(name: string): string
  constraint(name: string): string
  /** The relation that the message's foreign key points to. */
  referenced(name: string): string
}

/** The places where PostgreSQL's messages print names as the catalog has them. */
const PLACES: readonly (readonly [RegExp, (find: Finders, ...groups: string[]) => string])[] = [
  [
    /\b([Cc]olumn) "([^"]+)" (of (?:relation|table)) "([^"]+)"/g,
    (find, a, column = '', b, relation = '') =>
      `${a} "${find.columnOf(relation, column)}" ${b} "${find.relation(relation)}"`,
  ],
  [
    /\b([Cc]olumn) "([^"]+)" (is of type|can only be updated|is an identity|is a generated|specified more than once)/g,
    (find, a, column = '', b) => `${a} "${find.column(column)}" ${b}`,
  ],
  [/^(multiple assignments to same column) "([^"]+)"/g, (find, a, column = '') => `${a} "${find.column(column)}"`],
  [/\b(constraint|index) "([^"]+)"/g, (find, a, name = '') => `${a} "${find.constraint(name)}"`],
  [
    /\b((?:for|on|to|from|in) (?:relation|table|view|sequence)) "([^"]+)"/g,
    (find, a, name = '') => `${a} "${find.relation(name)}"`,
  ],
  [
    /^(Table) "([^"]+)" (references) "([^"]+)"/g,
    (find, a, first = '', b, second = '') => `${a} "${find.relation(first)}" ${b} "${find.relation(second)}"`,
  ],
  [
    /^(permission denied for (?:table|view|sequence|relation)) (\S+)$/g,
    (find, a, name = '') => `${a} ${find.relation(name)}`,
  ],
]

function mapText(text: string, find: Finders): string {
  // The values in a detail are data: only the names at its known places are mapped.
  const [, list, rest = ''] = /^Key \(([^)]*)\)(.*)$/s.exec(text) ?? []
  if (list !== undefined) {
    const columns = list.split(', ').map((column) => oldListedColumn(find, column))
    const named = rest.replace(/(present in|from) table "([^"]+)"\.$/, (_, how: string, name: string) => {
      return `${how} table "${how === 'from' ? find.relation(name) : find.referenced(name)}".`
    })
    return `Key (${columns.join(', ')})${named}`
  }
  return PLACES.reduce(
    (mapped, [place, map]) => mapped.replace(place, (_, ...groups: string[]) => map(find, ...groups)),
    text,
  )
}

/** The relation that a foreign key of `own` points to, as its definition says. */
function referencedPair(
  names: NamesBack,
  own: RelationPair | undefined,
  constraint: string | undefined,
): RelationPair | undefined {
  const found = own?.after.constraints.find(({ name, kind }) => name === constraint && kind === 'foreign')
  const target = / REFERENCES ((?:"(?:[^"]|"")+"|[^\s("])+)\(/.exec(found?.definition ?? '')?.[1]
  const parts = target === undefined ? undefined : splitQualifiedName(target)
  if (parts === undefined) return undefined
  const [only, ...others] = parts.length > 1 ? [] : (names.byName.get(parts[0] ?? '') ?? [])
  // The definition leaves out the schema of what the path of its reader shows.
  return (
    names.relations.get(parts.join('.')) ?? (others.length === 0 ? only : names.relations.get(`public.${parts[0]}`))
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

function oldColumn(pair: RelationPair | undefined, name: string): string {
  if (pair === undefined) return name
  const attnum = pair.after.columns.find((column) => column.name === name)?.attnum
  return pair.before.columns.find((column) => column.attnum === attnum)?.name ?? name
}

/** A column of `Key (...)`, which PostgreSQL quotes where it must. */
function oldListedColumn(find: Finders, listed: string): string {
  const name = /^"(.*)"$/s.exec(listed)?.[1]?.replaceAll('""', '"') ?? listed
  const old = find.column(name)
  return old === name ? listed : (fromByteString(quoteIdentifier(old)) ?? old)
}
