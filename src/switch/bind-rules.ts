import pg from 'pg'
import type { Catalog, Column, Relation } from '../catalog/catalog.js'
import { qualifiedName } from '../catalog/difference.js'
import type { TextQuery } from '../catalog/introspect.js'
import { suggestName } from '../config/nearest-name.js'
import type { Checked, Place, Problem } from '../config/problem.js'
import type { ColumnRule, ComputedRule, RuleFile, TableRule, WriteRule } from '../config/rule-file.js'
import { findTable, printTableName, tableNames } from '../config/table-name.js'
import { castColumn } from '../rewrite/cast-column.js'
import type { ColumnWrite, ComputedColumn, Expression, KeyColumn } from '../rewrite/mapping.js'
import { mapObjects } from '../rewrite/object-mapping.js'
import type { RelationRules, StepRules } from '../rewrite/plan-step.js'
import { loadParser, type Parser } from '../sql/parse.js'
import { bindExpression, columnDefinition } from './bind-expression.js'
import { findContradictions } from './rule-contradictions.js'
import { type Scratch, withScratch } from './scratch.js'

/**
 * What a rule file adds to what identity shows of a step, with its expressions checked and pinned by the server. The
 * database need not have the relations of the step, only their types and the functions: a step in the middle of a chain
 * binds at the head. What the file says besides must be what the two catalogs show.
 *
 *     name: { type: text, read: "first || ' ' || last", write: { first: ..., last: ... } }  =>  a ComputedColumn
 */
export async function bindRules(
  query: TextQuery,
  before: Catalog,
  after: Catalog,
  file: RuleFile,
  known?: Parser,
): Promise<Checked<StepRules>> {
  const parser = known ?? (await loadParser())
  const problems: Problem[] = []
  // Old types as the newer version calls them.
  const older = mapObjects(before, after).before
  const tables = file.tables.flatMap((rule) => {
    const old = findTable(older, tableNames(rule).before)
    const now = old === undefined ? undefined : (after.byOid.get(old.oid) ?? findTable(after, tableNames(rule).after))
    if (old === undefined || now === undefined) {
      problems.push(missingTable(before, rule))
      return []
    }
    problems.push(...findContradictions(old, now, rule))
    return [{ rule, old, now }]
  })
  if (problems.length > 0) return { ok: false, problems }
  const needsServer = file.tables.some((rule) => rule.columns.some(({ computed }) => computed !== undefined))
  const bound = new Map<number, RelationRules>()
  const bindAll = async (scratch: Scratch | undefined) => {
    for (const { rule, old, now } of tables) {
      const insert = rule.insert.map(({ column, expression }) => ({
        column: column.value,
        expression: expression.value,
      }))
      const columns =
        scratch === undefined ? new Map() : await bindColumns({ scratch, parser, rule, old, now, problems })
      if (insert.length > 0 || columns.size > 0) bound.set(old.oid, { insert, columns })
    }
  }
  if (needsServer) await withScratch(query, bindAll)
  else await bindAll(undefined)
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: bound }
}

function missingTable(catalog: Catalog, rule: TableRule): Problem {
  const name = printTableName(rule.from.value)
  const known = catalog.relations.flatMap((relation) => [relation.name, qualifiedName(relation)])
  return { place: rule.from.place, message: `there is no table "${name}"${suggestName(name, known)}` }
}

interface TableContext {
  readonly scratch: Scratch
  readonly parser: Parser
  readonly rule: TableRule
  readonly old: Relation
  readonly now: Relation
  readonly problems: Problem[]
}

async function bindColumns(context: TableContext): Promise<ReadonlyMap<string, ComputedColumn>> {
  const { rule, old, now, scratch, problems } = context
  const columns = new Map<string, ComputedColumn>()
  const collations = await readCollations(scratch)
  const table = (name: string, shown: readonly Column[]) =>
    scratch.query(
      `CREATE TEMPORARY TABLE ${name} (${shown
        .map((column) => columnDefinition(column.name, column.type, collations.get(column.collationOid)))
        .join(', ')})`,
    )
  const attempted = await scratch.attempt(async () => {
    await table('hotswap_row', now.columns)
    const row = {
      from: `pg_temp.hotswap_row AS ${pg.escapeIdentifier(now.name)}`,
      columns: now.columns.map(({ name }) => name),
    }
    for (const column of rule.columns) {
      const before = old.columns.find(({ name }) => name === column.from.value)
      const { computed } = column
      if (computed === undefined || before === undefined) continue
      const attempted = await scratch.attempt(async () => {
        await table('hotswap_value', [{ ...before, name: 'value' }])
        return await bindColumn({ ...context, row, column, computed, before })
      })
      if (!attempted.ok) problems.push({ place: column.from.place, message: attempted.error.message })
      else if (attempted.value !== undefined) columns.set(before.name, attempted.value)
    }
  })
  if (!attempted.ok) problems.push({ place: rule.from.place, message: attempted.error.message })
  return columns
}

/** What an expression's columns are. */
interface RowScope {
  /** SQL text. */
  readonly from: string
  readonly columns: readonly string[]
}

const VALUE: RowScope = { from: 'pg_temp.hotswap_value', columns: ['value'] }

interface ColumnContext extends TableContext {
  /** The new row, which `read` selects from. */
  readonly row: RowScope
  readonly column: ColumnRule
  readonly computed: ComputedRule
  readonly before: Column
}

async function bindColumn(context: ColumnContext): Promise<ComputedColumn | undefined> {
  const { column, computed, before, now, problems } = context
  if (computed.read === undefined) return castByRule(context)
  const read = await bindAs(context, computed.read, context.row, before)
  const writes: ColumnWrite[] = []
  for (const write of computed.writes ?? []) {
    const target = now.columns.find(({ name }) => name === write.column.value)
    if (target === undefined) {
      problems.push(missingColumn(now, write.column))
      continue
    }
    const expression = await bindAs(context, write.expression, VALUE, target)
    if (expression !== undefined) writes.push({ column: target.name, expression })
  }
  if (read === undefined || writes.length !== (computed.writes ?? []).length) return undefined
  const held = writes.find((write) => write.column === column.to?.value)
  return {
    kind: 'computed',
    type: before.type,
    read,
    writes,
    ...(computed.writable ? {} : { writable: false }),
    ...(held === undefined ? {} : { key: keyOf(held, computed) }),
  }
}

function keyOf({ column, expression }: ColumnWrite, { declared }: ComputedRule): KeyColumn {
  return { column, write: expression, ...declared, comparable: false }
}

/** `zip: { to: zip, type: text }`: PostgreSQL's own casts, with what the rule declares of them. */
function castByRule({ column, computed, before, now, problems }: ColumnContext): ComputedColumn | undefined {
  const target = now.columns.find(({ name }) => name === column.to?.value)
  if (target === undefined || column.to === undefined) {
    problems.push(missingColumn(now, column.to ?? column.from))
    return undefined
  }
  const cast = castColumn(before, target)
  if (cast.kind === 'none') {
    problems.push({ place: computed.place, message: `${cast.what}: ${cast.hint}` })
    return undefined
  }
  const { injective, total, monotone } = computed.declared
  const key = cast.key && {
    ...cast.key,
    injective: cast.key.injective || injective,
    total: cast.key.total || total,
    monotone: cast.key.monotone || monotone,
  }
  return { ...cast, ...(key === undefined ? {} : { key }) }
}

/** An expression that must give a column's type. */
async function bindAs(
  { scratch, parser, problems }: ColumnContext,
  expression: WriteRule['expression'],
  scope: RowScope,
  target: Column,
): Promise<Expression | undefined> {
  const bound = await bindExpression(scratch, expression.value, { from: scope.from, literalType: target.type }, parser)
  const refuse = (place: Place, message: string) => {
    problems.push({ place, message })
    return undefined
  }
  if (!bound.ok) return refuse(expression.place, bound.message)
  if (!isOfType(bound.type.oid, target.typeOid)) {
    return refuse(
      expression.place,
      `expected an expression of type ${target.type}, got ${bound.type.name}; cast it: (${expression.value})::${target.type}`,
    )
  }
  if (bound.volatile.length > 0) {
    return refuse(
      expression.place,
      `expected an expression that is not volatile: ${bound.volatile.join(', ')}() may give another answer each time; where it does not, declare it STABLE or IMMUTABLE`,
    )
  }
  const unknown = bound.expression.find((part) => typeof part !== 'string' && !scope.columns.includes(part.column))
  if (unknown === undefined || typeof unknown === 'string') return bound.expression
  return refuse(
    expression.place,
    unknown.column === '*'
      ? 'the expression may not refer to whole rows'
      : `the expression may not refer to the system column "${unknown.column}"`,
  )
}

const TEXT = 25
const VARCHAR = 1043

/** Equal, or text where varchar is wanted and the reverse, which are the same values. */
function isOfType(given: number, wanted: number): boolean {
  const texts = [TEXT, VARCHAR]
  return given === wanted || (texts.includes(given) && texts.includes(wanted))
}

function missingColumn(
  relation: Relation,
  { value, place }: { readonly value: string; readonly place: Place },
): Problem {
  const known = relation.columns.map((column) => column.name)
  return { place, message: `${qualifiedName(relation)} has no column "${value}"${suggestName(value, known)}` }
}

/** SQL names of all collations, by oid. */
async function readCollations({ query }: Scratch): Promise<ReadonlyMap<number, string>> {
  const rows = await query(
    `SELECT c.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.collname)
     FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace`,
  )
  return new Map(rows.map(([oid, name]) => [Number(oid), name ?? '']))
}
