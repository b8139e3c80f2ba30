import type { Constraint, Index, Relation } from './catalog.js'

/** What each old constraint is now, where it is there: the same one, or one that was made again under another name. */
export function constraintsNow(before: Relation, after: Relation): ReadonlyMap<Constraint, Constraint> {
  return paired(before.constraints, after.constraints, shapes(before, after))
}

/** As constraintsNow, of indexes. */
export function indexesNow(before: Relation, after: Relation): ReadonlyMap<Index, Index> {
  return paired(before.indexes, after.indexes, shapes(before, after))
}

/**
 * How constraints and indexes of the two are compared. A shape numbers the columns, which a relation that was made again may
 * have in another order. What NULLs, predicates and expressions a unique or exclusion constraint looks at is in its index.
 */
export function shapes(before: Relation, after: Relation): (thing: Constraint | Index) => string {
  if (before.oid !== after.oid) return ({ definition }) => definition
  const indexShapes = new Map<Constraint | Index, string>()
  for (const { constraints, indexes } of [before, after]) {
    const byName = new Map(indexes.map((index) => [index.name, index.shape ?? index.definition]))
    for (const constraint of constraints) {
      const shape = OWNS_INDEX.has(constraint.kind) ? byName.get(constraint.name) : undefined
      if (shape !== undefined) indexShapes.set(constraint, shape)
    }
  }
  return (thing) => `${shapeWithoutOperators(thing)} ${indexShapes.get(thing) ?? ''}`
}

const OWNS_INDEX: ReadonlySet<Constraint['kind']> = new Set(['primary', 'unique', 'exclusion'])

/** A foreign key compares by other operators where the column that it refers to has another type: its last array. */
function shapeWithoutOperators(thing: Constraint | Index): string {
  const shape = thing.shape ?? thing.definition
  return 'kind' in thing && thing.kind === 'foreign' ? shape.replace(/ \{[\d,]*\}$/, '') : shape
}

/**
 * By oid; and what was dropped and made again, under its name or where one alone of its kind and shape is left on each side.
 *
 *     DROP CONSTRAINT posts_author_fkey, ADD CONSTRAINT fk_author FOREIGN KEY (author) REFERENCES users
 */
export function paired<T extends Constraint | Index>(
  before: readonly T[],
  after: readonly T[],
  shapeOf: (thing: T) => string,
): ReadonlyMap<T, T> {
  const byOid = new Map(after.map((thing) => [thing.oid, thing]))
  const pairs = new Map<T, T>()
  for (const old of before) {
    const now = byOid.get(old.oid)
    if (now !== undefined) pairs.set(old, now)
  }
  const shapeKey = (thing: T) => `${'kind' in thing ? thing.kind : ''} ${shapeOf(thing)}`
  pairLeft(pairs, before, after, (thing) => `${thing.name} ${shapeKey(thing)}`)
  // What a constraint trigger does is not in its shape.
  const isShaped = (thing: T) => !('kind' in thing && thing.kind === 'trigger')
  pairLeft(pairs, before.filter(isShaped), after.filter(isShaped), shapeKey)
  return pairs
}

/** Pairs those that are left where their key tells them apart. */
function pairLeft<T>(pairs: Map<T, T>, before: readonly T[], after: readonly T[], keyOf: (thing: T) => string): void {
  const gone = before.filter((thing) => !pairs.has(thing))
  if (gone.length === 0) return
  const kept = new Set(pairs.values())
  const made = groups(
    after.filter((thing) => !kept.has(thing)),
    keyOf,
  )
  for (const [key, [old, ...others]] of groups(gone, keyOf)) {
    const [now, ...more] = made.get(key) ?? []
    if (old !== undefined && now !== undefined && others.length + more.length === 0) pairs.set(old, now)
  }
}

function groups<T>(things: readonly T[], keyOf: (thing: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>()
  for (const thing of things) {
    const key = keyOf(thing)
    const group = found.get(key)
    if (group === undefined) found.set(key, [thing])
    else group.push(thing)
  }
  return found
}
