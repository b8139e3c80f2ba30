import type { RangeVar } from 'libpg-query'
import type { Relation } from '../catalog/catalog.js'
import { locationOf } from '../resolve/node.js'
import type {
  BuiltUponReference,
  CreatedReference,
  IndexDefinitionReference,
  StandingColumnReference,
} from '../resolve/reference.js'
import { quoteIdentifier } from '../sql/identifier.js'
import { changedColumnNames } from './closure.js'
import { refuseComposite } from './composite.js'
import { computedColumn, plainName, type RelationMapping } from './mapping.js'
import { edit, type PlanContext, refuseUnsupported } from './plan-context.js'
import { relationText } from './plan-range.js'
import { isClosing, isOpening, isSymbol, isWord, nameAt, tokenIndexAt } from './statement-source.js'

/**
 * The name of a relation that is made means what it meant: one that was taken is taken, though it is another now.
 *
 *     CREATE TABLE IF NOT EXISTS users (id int)  =>  CREATE TABLE IF NOT EXISTS public.people (id int)
 */
export function planCreated(context: PlanContext, reference: CreatedReference): void {
  const { node, schema, taken, whereTaken } = reference
  const { step } = context
  const name = node.relname ?? ''
  const inNewer = step.after.byName.get(schema)?.get(name)
  if (taken === undefined) {
    if (inNewer !== undefined) refuseNewName(context, name, locationOf(node))
    return
  }
  const after = newRelation(context, taken)
  if (after === inNewer && after !== undefined) {
    if (whereTaken === 'replaces' && step.mapping.relations.has(taken.oid)) refuseReplacing(context, name, node)
    return
  }
  if (whereTaken === 'replaces' || after === undefined) refuseReplacing(context, name, node)
  else editName(context, node, after)
}

function newRelation({ step }: PlanContext, relation: Relation): Relation | undefined {
  return (
    step.mapping.relations.get(relation.oid)?.after ??
    step.after.byOid.get(relation.oid) ??
    step.after.byName.get(relation.schema)?.get(relation.name)
  )
}

function editName(context: PlanContext, node: RangeVar, relation: Relation): void {
  const start = locationOf(node)
  const end = nameAt(context.source, start).at(-1)?.end ?? start
  edit(context, start, end, relationText(relation))
}

function refuseNewName(context: PlanContext, name: string, at: number): void {
  const hint = 'Choose another name, or speak the newer version.'
  refuseUnsupported(context, `a newer version of the schema has a relation "${name}"`, hint, at)
}

function refuseReplacing(context: PlanContext, name: string, node: RangeVar): void {
  const hint = 'Run the statement with pg-hotswap migrate.'
  refuseUnsupported(context, `"${name}" is another relation in a newer version of the schema`, hint, locationOf(node))
}

export function planBuiltUpon(context: PlanContext, reference: BuiltUponReference): void {
  const { relation, node, upon } = reference
  const change = context.step.mapping.relations.get(relation.oid)
  if (change === undefined) return
  if (changedColumnNames(change).size === 0) {
    if (upon.use === 'like') editName(context, node, change.after)
    return
  }
  switch (upon.use) {
    case 'like':
      planLike(context, node, upon.options, change)
      return
    case 'inherited':
      refuseUnsupported(
        context,
        `a table that inherits from "${relation.name}" would have columns that were changed`,
        'Make it with pg-hotswap migrate.',
        locationOf(node),
      )
      return
    case 'referenced':
      if (upon.columns.some((name) => computedColumn(change, name) !== undefined)) {
        refuseUnsupported(
          context,
          `a foreign key refers to a column of "${relation.name}" that is computed now`,
          'Make the table with pg-hotswap migrate.',
          locationOf(node),
        )
      }
  }
}

/** Collations that every database has, by oid (pg_collation.dat). */
const COLLATIONS: Readonly<Record<number, string>> = { 950: '"C"', 951: '"POSIX"' }

/** `LIKE users` => `id integer NOT NULL, name text`: columns by name, type and NOT NULL, as LIKE alone copies them. */
function planLike(context: PlanContext, node: RangeVar, options: number, change: RelationMapping): void {
  const { source } = context
  const start = locationOf(node)
  if (refuseComposite(context, change.before.columns, start)) return
  const items = change.before.columns.map((column) => {
    const mapping = change.columns.get(column.name)
    const now = change.after.columns.find((candidate) => candidate.name === plainName(mapping))
    const type = mapping?.kind === 'computed' ? mapping.type : now?.type
    const named = COLLATIONS[column.collationOid]
    if (type === undefined || (column.collationOid > 100 && named === undefined)) return undefined
    const collate = named === undefined ? '' : ` COLLATE pg_catalog.${named}`
    return `${quoteIdentifier(column.name)} ${type}${collate}${column.notNull ? ' NOT NULL' : ''}`
  })
  const index = tokenIndexAt(source, start) - 1
  const end = nameAt(source, start).at(-1)?.end ?? start
  const next = source.tokens.findIndex((token) => token.start >= end)
  const alone = options === 0 && (isSymbol(source, next, ',') || isSymbol(source, next, ')'))
  if (!alone || !isWord(source, index, 'like') || items.includes(undefined)) {
    refuseUnsupported(
      context,
      `LIKE would copy columns of "${change.before.name}" that were changed`,
      'Use CREATE TABLE ... AS SELECT ... WITH NO DATA, or list the columns.',
      start,
    )
    return
  }
  edit(context, source.tokens[index]?.start ?? start, end, items.join(', '))
}

/**
 * An index that the older version has is skipped, or is an error, as it was: whatever it is called now, and whatever it is
 * an index of. A new one is made of the columns as they are now.
 *
 *     CREATE INDEX IF NOT EXISTS users_name ON users (name)  =>  CREATE INDEX IF NOT EXISTS users_name ON public.people ((1))
 */
export function planIndexDefinition(
  context: PlanContext,
  reference: IndexDefinitionReference,
  mentioned: (names: ReadonlySet<string>) => boolean,
): void {
  const { relation, node, name = '', taken, unique, included } = reference
  const { step } = context
  const change = step.mapping.relations.get(relation.oid)
  if (taken) planStandingIndex(context, reference, change)
  if (taken || change === undefined) return
  if (holdsName(step.after.relations, change.after.schema, name)) refuseNewName(context, name, locationOf(node))
  const computed = new Set(change.before.columns.map((column) => column.name))
  for (const column of computed) if (computedColumn(change, column) === undefined) computed.delete(column)
  const moved = included.some((column) => plainName(change.columns.get(column)) !== column)
  if (!unique && !moved && !mentioned(computed)) return
  const what = unique
    ? `a new unique index on "${relation.name}" would bind newer versions too`
    : `a new index on columns of "${relation.name}" that were changed`
  const hint = 'Make it with pg-hotswap migrate.'
  refuseUnsupported(context, what, hint, locationOf(node))
}

function holdsName(relations: readonly Relation[], schema: string, name: string): boolean {
  return relations.some(
    (relation) =>
      relation.schema === schema && (relation.name === name || relation.indexes.some((index) => index.name === name)),
  )
}

function planStandingIndex(
  context: PlanContext,
  { relation, node, name = '' }: IndexDefinitionReference,
  change: RelationMapping | undefined,
): void {
  const { source, step } = context
  const start = locationOf(node)
  const schema = change?.after.schema ?? relation.schema
  const now = standingName(context, relation.schema, name)
  if (now === undefined || !holdsName(step.after.relations, schema, now)) {
    const hint = 'Take the statement out, or run it with pg-hotswap migrate.'
    refuseUnsupported(context, `index "${name}" is not in a newer version of the schema`, hint, start)
    return
  }
  if (change === undefined) return
  let on = tokenIndexAt(source, start) - 1
  if (isWord(source, on, 'only')) on--
  const label = source.tokens[on - 1]
  if (now !== name && label !== undefined) edit(context, label.start, label.end, quoteIdentifier(now))
  // The server looks at the columns before it looks at the name.
  const end = nameAt(source, start).at(-1)?.end ?? start
  edit(context, end, statementEnd(context), ' ((1))')
}

/** What a relation or index of the older version is called now. */
function standingName({ step }: PlanContext, schema: string, name: string): string | undefined {
  const relation = step.before.byName.get(schema)?.get(name)
  if (relation !== undefined) return step.after.byOid.get(relation.oid)?.name
  const indexes = (relations: readonly Relation[]) => relations.flatMap((one) => one.indexes)
  const inSchema = step.before.relations.filter((one) => one.schema === schema)
  const oid = indexes(inSchema).find((index) => index.name === name)?.oid
  const made = indexes(step.after.relations)
  // ALTER TYPE makes the indexes of the column anew, under their names.
  return (made.find((index) => index.oid === oid) ?? made.find((index) => index.name === name))?.name
}

function statementEnd({ source }: PlanContext): number {
  let end = source.start
  for (const [index, token] of source.tokens.entries()) {
    if (token.start >= source.start && token.end <= source.end && !isSymbol(source, index, ';')) end = token.end
  }
  return end
}

/** `ADD COLUMN IF NOT EXISTS name citext` => `ADD COLUMN IF NOT EXISTS full_name text`: it is there, and is skipped. */
export function planStandingColumn(context: PlanContext, reference: StandingColumnReference): void {
  const { relation, name, location } = reference
  const { source, step } = context
  const change = step.mapping.relations.get(relation.oid)
  if (change === undefined) return
  const computed = computedColumn(change, name)
  // Any column that is there will do; one of those that hold it is told by its old name.
  const now =
    computed === undefined ? plainName(change.columns.get(name)) : (computed.key ?? computed.writes[0])?.column
  if (now === undefined) {
    const hint = 'Take the statement out, or run it with pg-hotswap migrate.'
    const message = `column "${name}" of "${relation.name}" is gone in a newer version of the schema`
    refuseUnsupported(context, message, hint, location)
    return
  }
  const first = tokenIndexAt(source, location)
  const last = statementEnd(context)
  let end = source.tokens[first]?.end ?? location
  let depth = 0
  for (let index = first + 1; index < source.tokens.length; index++) {
    const token = source.tokens[index]
    if (token === undefined || token.end > last || (depth === 0 && isSymbol(source, index, ','))) break
    if (isOpening(source, index)) depth++
    if (isClosing(source, index)) depth--
    end = token.end
  }
  edit(context, location, end, `${quoteIdentifier(now)} pg_catalog.text`)
}
