import type { Constraint } from '../catalog/catalog.js'
import { splitQualifiedName } from '../resolve/qualified-name.js'
import { fromByteString, toByteString } from '../sql/byte-string.js'
import { notNullViolation } from './dropped-not-null.js'
import { mapText, type OldNames } from './message-text.js'
import type { ColumnBack, NamesBack, RelationBack } from './names-back.js'
import type { ErrorFields, Outcome } from './outcome.js'

/**
 * The fields of an ErrorResponse or NoticeResponse as an older version knows them: position, schema, table, column,
 * constraint and data type names, and the names of the catalog in message, detail, hint and context. Names of the statement
 * itself (range variables and their columns) are the old ones already and stay. Values stay.
 */
export function mapErrorBack(fields: ErrorFields, names: NamesBack, outcome: Outcome | undefined): ErrorFields {
  const rewritten = outcome === undefined || outcome.kind === 'unchanged' ? undefined : outcome
  const violation = notNullViolation(fields, names)
  if (violation !== undefined) return violation
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

/** Maps the names in all fields but the position. `touched`: oids of the relations that the statement changed or read. */
export function mapNames(fields: ErrorFields, names: NamesBack, touched: ReadonlySet<number>): ErrorFields {
  const mapped = new Map(fields)
  const schema = fields.get('s')
  const table = fields.get('t')
  const own = table === undefined ? undefined : names.relations.get(`${schema}.${table}`)
  const constraint = fields.get('n')
  if (own !== undefined) {
    mapped.set('t', own.before.name).set('s', own.before.schema)
    const column = fields.get('c')
    if (column !== undefined) mapped.set('c', own.columns.get(column)?.name ?? column)
    if (constraint !== undefined) mapped.set('n', own.constraints.get(constraint) ?? constraint)
  }
  mapDataType(mapped, names)
  // Without a position it is about the columns of a relation that the statement makes, whose names are its own.
  const isOwnName = fields.get('C') === '42701' && !fields.has('P')
  const all = oldNames(names, touched, own, constraint)
  const old: OldNames = isOwnName ? { ...all, column: () => undefined } : all
  for (const code of ['M', 'D', 'H', 'W'] as const) {
    const text = fields.get(code)
    if (text === undefined) continue
    const said = mapText(code, text, old)
    if (said === undefined) mapped.delete(code)
    else mapped.set(code, said)
  }
  return mapped
}

/** The data type that a domain's constraint names. */
function mapDataType(fields: Map<string, string>, names: NamesBack): void {
  const type = fields.get('d')
  const schema = fields.get('s')
  if (type === undefined || schema === undefined) return
  const old = names.types.get(`${schema}.${type}`)
  if (old !== undefined) fields.set('d', old.name).set('s', old.schema)
}

function oldNames(
  names: NamesBack,
  touched: ReadonlySet<number>,
  own: RelationBack | undefined,
  constraint: string | undefined,
): OldNames {
  const pairOf = (name: string): RelationBack | undefined =>
    own !== undefined && name === own.after.name ? own : certain(names, names.byName.get(name) ?? [], touched)
  const target = own ?? onlyTouched(names, touched)
  const among = [...names.relations.values()].filter(({ after }) => touched.has(after.oid))
  return {
    relation: (name) => pairOf(name)?.before.name,
    columnOf: (relation, column) => pairOf(relation)?.columns.get(column)?.name,
    column: (name) => target?.columns.get(name)?.name,
    keyColumn: (name, isReferenced) => {
      const pair = isReferenced ? referencedPair(names, own, constraint) : own
      return pair?.after.columns.some((column) => column.name === name) ? pair.columns.get(name) : 'none'
    },
    cascaded: (name) => {
      const reached = (names.byName.get(name) ?? []).filter(({ after }) => !touched.has(after.oid))
      // A cascade follows a foreign key.
      const referring = reached.filter((one) =>
        one.after.constraints.some((constraint) => ![undefined, one].includes(foreignTarget(names, constraint))),
      )
      const [only, ...others] = reached.length > 1 ? referring : reached
      return others.length === 0 ? only?.before.name : undefined
    },
    constraint: (name) => own?.constraints.get(name) ?? onlyConstraint(names, name),
    referenced: (name) => (referencedPair(names, own, constraint) ?? pairOf(name))?.before.name,
    object: (printed) => names.objects.get(printed),
    shownRange: (name) => shownRange(among, name),
    shownColumn: (name) => shownColumn(among, name),
  }
}

/** A constraint's or index's old name, where only one relation has one of that name. */
function onlyConstraint(names: NamesBack, name: string): string | undefined {
  const holding = [...names.relations.values()].filter(
    ({ after }) =>
      after.constraints.some((constraint) => constraint.name === name) ||
      after.indexes.some((index) => index.name === name),
  )
  const [only, ...others] = new Set(holding.map(({ constraints }) => constraints.get(name) ?? name))
  return others.length === 0 ? only : undefined
}

/** An alias is an old name; a new one is that of a table that is named as it is. */
function shownRange(among: readonly RelationBack[], name: string): string {
  if (among.some(({ before }) => before.name === name)) return name
  return among.find(({ after }) => after.name === name)?.before.name ?? name
}

/** A column that a hint proposes: the old name, or nothing where the older version has no such column. */
function shownColumn(among: readonly RelationBack[], name: string): string | undefined {
  if (among.some(({ before }) => before.columns.some((column) => column.name === name))) return name
  const holding = among.filter(({ after }) => after.columns.some((column) => column.name === name))
  if (holding.length === 0) return name
  const found = new Set(holding.map(({ columns }): ColumnBack | undefined => columns.get(name)))
  const [only] = found
  return found.size === 1 && only?.same ? only.name : undefined
}

/** The relation that the foreign key of an error points to. */
function referencedPair(
  names: NamesBack,
  own: RelationBack | undefined,
  constraint: string | undefined,
): RelationBack | undefined {
  const found = own?.after.constraints.find(({ name }) => name === constraint)
  return found === undefined ? undefined : foreignTarget(names, found)
}

/** The relation that a foreign key points to, as its definition says. */
function foreignTarget(names: NamesBack, { kind, definition }: Constraint): RelationBack | undefined {
  if (kind !== 'foreign') return undefined
  const target = / REFERENCES ((?:"(?:[^"]|"")+"|[^\s("])+)\(/.exec(definition)?.[1]
  const parts = target === undefined ? undefined : splitQualifiedName(target)
  if (parts === undefined) return undefined
  const [only, ...others] = parts.length > 1 ? [] : (names.byName.get(parts[0] ?? '') ?? [])
  // The definition leaves out the schema of what the path of its reader shows.
  return (
    names.relations.get(parts.join('.')) ?? (others.length === 0 ? only : names.relations.get(`public.${parts[0]}`))
  )
}

/**
 * The one relation that a name without its schema means: of those of that name the one in the statement, or that refers to
 * one in it; else all have the same old name, or one stands in a schema of the statement's.
 */
function certain(
  names: NamesBack,
  candidates: readonly RelationBack[],
  touched: ReadonlySet<number>,
): RelationBack | undefined {
  const [first, ...others] = candidates
  if (others.length === 0) return first
  const among = [...names.relations.values()].filter(({ after }) => touched.has(after.oid))
  const refersTo = ({ after }: RelationBack, target: RelationBack) =>
    after.constraints.some((constraint) => foreignTarget(names, constraint) === target)
  const tests: readonly ((candidate: RelationBack) => boolean)[] = [
    ({ after }) => touched.has(after.oid),
    (candidate) => among.some((target) => refersTo(candidate, target) || refersTo(target, candidate)),
    () => others.every((other) => other.before.name === first?.before.name),
    ({ after }) => among.some((other) => other.after.schema === after.schema),
  ]
  for (const isMeant of tests) {
    const [only, ...more] = candidates.filter(isMeant)
    if (only !== undefined && more.every((other) => other.before.name === only.before.name)) return only
  }
  return undefined
}

function onlyTouched(names: NamesBack, touched: ReadonlySet<number>): RelationBack | undefined {
  const pairs = [...names.relations.values()].filter((pair) => touched.has(pair.after.oid))
  return pairs.length === 1 ? pairs[0] : undefined
}
