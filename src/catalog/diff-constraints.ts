import type { Column, Constraint, Index, Relation } from './catalog.js'
import type { ChangedRelation, Declared } from './diff.js'
import { paired, shapes } from './pair-constraints.js'

/** Two clauses for a message. */
export interface Finding {
  readonly what: string
  readonly hint: string
}

/**
 * Constraints that old statements relied on and that are gone, and new ones that they may violate. Not those that are on
 * columns of the new version alone: what an old INSERT gives to these, the migration or its rules say.
 */
export function diffConstraints(change: ChangedRelation, declared: Declared): Finding[] {
  const judged = (constraint: Constraint) => constraint.kind !== 'not null'
  const { before, after } = change
  const free = freeColumns(change, declared)
  const lost = unmatched(before.constraints.filter(judged), after.constraints, change)
  const gained = unmatched(after.constraints.filter(judged), before.constraints, change)
  return [
    ...lost
      .filter((constraint) => !goneWithColumn(constraint.columns, change, declared))
      .map((constraint) => ({
        what: `the ${constraintWords[constraint.kind]} "${constraint.name}" was dropped or changed`,
        hint: `old statements may rely on it: keep it until no client speaks the old version, ${sameMeaning(before)}`,
      })),
    ...gained
      .filter((constraint) => !isHarmless(constraint, free))
      .map((constraint) => ({
        what: `a new ${constraintWords[constraint.kind]} "${constraint.name}": ${constraint.definition}`,
        hint: `old statements may violate it: add it when no client speaks the old version, ${sameMeaning(before)}`,
      })),
  ]
}

const constraintWords = {
  primary: 'primary key',
  unique: 'unique constraint',
  foreign: 'foreign key',
  check: 'check constraint',
  exclusion: 'exclusion constraint',
  'not null': 'not-null constraint',
  trigger: 'constraint trigger',
} as const satisfies Record<Constraint['kind'], string>

/** Unique indexes that no constraint owns; an index that a constraint owns has its name and is judged with it. */
export function diffUniqueIndexes(change: ChangedRelation, declared: Declared): Finding[] {
  const { before, after } = change
  const free = freeColumns(change, declared)
  const own = (relation: Relation) => {
    const owned = new Set(relation.constraints.map((constraint) => constraint.name))
    return relation.indexes.filter((index) => index.unique && !owned.has(index.name))
  }
  return [
    ...unmatched(own(before), own(after), change)
      .filter((index) => !goneWithColumn(index.columns ?? [], change, declared))
      .map((index) => ({
        what: `the unique index "${index.name}" was dropped or changed`,
        hint: `ON CONFLICT of old statements may need it: keep it until no client speaks the old version, ${sameMeaning(before)}`,
      })),
    ...unmatched(own(after), own(before), change)
      .filter((index) => !isDistinctForOld(index.columns ?? [], free))
      .map((index) => ({
        what: `a new unique index "${index.name}"`,
        hint: `old statements may violate it: add it when no client speaks the old version, ${sameMeaning(before)}`,
      })),
  ]
}

function sameMeaning({ name }: Relation): string {
  return `or say that they do not: tables: { ${name}: { same_meaning: true } }`
}

/** What an old INSERT gives to a column of the new version alone. */
type FreeColumn = { readonly column: Column; readonly isWritten: boolean }

/** By attnum: new columns, and those that a rule writes. */
function freeColumns({ columns, added }: ChangedRelation, declared: Declared): ReadonlyMap<number, FreeColumn> {
  const written = new Set([...declared.computed.values()].flatMap(({ writes }) => writes.map(({ column }) => column)))
  const computed = columns.filter(({ before }) => declared.computed.has(before.name)).map(({ after }) => after)
  return new Map(
    [...added, ...computed].map((column) => [column.attnum, { column, isWritten: written.has(column.name) }]),
  )
}

function isHarmless({ kind, columns, shape = '' }: Constraint, free: ReadonlyMap<number, FreeColumn>): boolean {
  if (columns.length === 0 || !columns.every((attnum) => free.has(attnum))) return false
  switch (kind) {
    case 'foreign':
      return true
    case 'check':
      // Of operators alone a NULL makes NULL, which satisfies a check.
      return (
        !/NULLTEST|BOOLEANTEST|COALESCE|FUNCEXPR|CASE|DISTINCT/.test(shape) ||
        columns.every((attnum) => free.get(attnum)?.column.hasDefault || free.get(attnum)?.isWritten)
      )
    case 'unique':
    case 'primary':
      return isDistinctForOld(columns, free)
    default:
      return false
  }
}

// pg_catalog.nextval and gen_random_uuid
const NEW_EACH_TIME = /:funcid (1574|3432)\b/

/** True where rows of old INSERTs cannot be alike in these columns, unless their rule makes them so. */
function isDistinctForOld(columns: readonly number[], free: ReadonlyMap<number, FreeColumn>): boolean {
  if (columns.length === 0 || !columns.every((attnum) => free.has(attnum))) return false
  return columns.some((attnum) => {
    const { column, isWritten = false } = free.get(attnum) ?? {}
    if (column === undefined) return false
    return (
      isWritten ||
      column.identity !== 'none' ||
      NEW_EACH_TIME.test(column.defaultTree ?? '') ||
      (!column.hasDefault && !column.notNull)
    )
  })
}

/** PostgreSQL drops with a column what is on it, and the rule of the column says what becomes of it. */
function goneWithColumn(attnums: readonly number[], { before }: ChangedRelation, declared: Declared): boolean {
  return before.columns.some(({ attnum, name }) => attnums.includes(attnum) && declared.computed.has(name))
}

/** Those of `some` that `others` does not have with the same shape. */
function unmatched<T extends Constraint | Index>(
  some: readonly T[],
  others: readonly T[],
  change: ChangedRelation,
): T[] {
  const shapeOf = shapes(change.before, change.after)
  const pairs = paired(some, others, shapeOf)
  // ALTER TYPE makes again what is on a column, with operators of the new type.
  const retyped = new Set(
    change.columns.flatMap(({ before, after }) => (before.typeOid === after.typeOid ? [] : [after.attnum])),
  )
  const placeOf = (thing: T) => `${thing.name} ${(thing.columns ?? []).join()}`
  const places = new Set(others.map(placeOf))
  const texts = new Set(others.map(textOf))
  const readsRetyped = ({ shape = '' }: T) =>
    [...shape.matchAll(/:varattno (\d+)/g)].some(([, attnum]) => retyped.has(Number(attnum)))
  return some.filter((thing) => {
    const other = pairs.get(thing)
    if (other !== undefined && shapeOf(other) === shapeOf(thing)) return false
    if (readsRetyped(thing) && texts.has(textOf(thing))) return false
    return !((thing.columns ?? []).some((attnum) => retyped.has(attnum)) && places.has(placeOf(thing)))
  })
}

/** An index or check by its name and text, without the casts that PostgreSQL adds for a column's type. */
function textOf({ name, definition }: Constraint | Index): string {
  const text = definition.replace(/^.* USING /, '').replace(/::[a-z ]+(?:\(\d+(?:,\d+)?\))?(?:\[\])?/g, '')
  return `${name} ${text.replace(/[()]/g, '')}`
}
