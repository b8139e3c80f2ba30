import pg from 'pg'
import type { Column, Relation } from '../catalog/catalog.js'
import { qualifiedName } from '../catalog/difference.js'
import { suggestName } from '../config/nearest-name.js'
import type { Problem } from '../config/problem.js'
import type { ColumnRule, ComputedRule, Placed, TableRule } from '../config/rule-file.js'
import { castColumn, zoneColumn } from '../rewrite/cast-column.js'
import { expressionText } from '../rewrite/computed.js'
import type { ColumnWrite, ComputedColumn, KeyColumn } from '../rewrite/mapping.js'
import { fromByteString } from '../sql/byte-string.js'
import type { Parser } from '../sql/parse.js'
import { bindAs, NOTHING, type RowScope, VALUE } from './bind-as.js'
import { columnDefinition } from './bind-expression.js'
import { bindValueMap } from './bind-value-map.js'
import { bothCasts, noCast } from './casts.js'
import { resolveType } from './resolve-type.js'
import type { Scratch } from './scratch.js'

/** One table's rule, and the relation before and after the step. */
export interface TableContext {
  readonly scratch: Scratch
  readonly parser: Parser
  readonly rule: TableRule
  readonly old: Relation
  readonly now: Relation
  readonly problems: Problem[]
}

/** One column's rule, while a temporary table stands for the new row and one for `value`. */
export interface ColumnContext extends TableContext {
  readonly row: RowScope
  readonly column: ColumnRule
  readonly before: Column
}

export interface BoundColumns {
  /** By old name. */
  readonly columns: ReadonlyMap<string, ComputedColumn>
  /** What old INSERTs give that do not name the column, as SQL text, by old name. */
  readonly defaults: ReadonlyMap<string, string>
}

/** Binds what a table's rule says of its columns; what is wrong with it is added to the problems. */
export async function bindColumns(context: TableContext): Promise<BoundColumns> {
  const { rule, old, now, scratch, problems } = context
  const columns = new Map<string, ComputedColumn>()
  const defaults = new Map<string, string>()
  const collations = await readCollations(scratch)
  const table = (name: string, shown: readonly Column[]) =>
    scratch.query(
      `CREATE TEMPORARY TABLE ${name} (${shown
        .map((column) => columnDefinition(column.name, column.type, collations.get(column.collationOid)))
        .join(', ')})`,
    )
  const bindAll = await scratch.attempt(async () => {
    await table('hotswap_row', now.columns)
    const row = {
      from: `pg_temp.hotswap_row AS ${pg.escapeIdentifier(now.name)}`,
      columns: now.columns.map(({ name }) => name),
    }
    for (const column of rule.columns) {
      const before = old.columns.find(({ name }) => name === column.from.value)
      if ((column.computed ?? column.default) === undefined || before === undefined) continue
      const bindOne = await scratch.attempt(async () => {
        await table('hotswap_value', [{ ...before, name: 'value' }])
        const found = await bindColumn({ ...context, row, column, before })
        if (found.computed !== undefined) columns.set(before.name, found.computed)
        if (found.default !== undefined) defaults.set(before.name, found.default)
      })
      if (!bindOne.ok) problems.push({ place: column.from.place, message: bindOne.error.message })
    }
  })
  if (!bindAll.ok) problems.push({ place: rule.from.place, message: bindAll.error.message })
  return { columns, defaults }
}

interface BoundColumn {
  readonly computed: ComputedColumn | undefined
  readonly default: string | undefined
}

async function bindColumn(context: ColumnContext): Promise<BoundColumn> {
  const { column, before } = context
  const { computed } = column
  const text = column.default === undefined ? undefined : await bindAs(context, column.default, NOTHING, before)
  const written = text === undefined ? undefined : expressionText(text, () => '')
  const rule = { default: written === undefined ? undefined : (fromByteString(written) ?? written) }
  if (computed === undefined) return { computed: undefined, ...rule }
  if (computed.type !== undefined && !(await hasType(context, computed.type))) return { computed: undefined, ...rule }
  return { computed: await bindComputed(context, computed), ...rule }
}

async function bindComputed(context: ColumnContext, computed: ComputedRule): Promise<ComputedColumn | undefined> {
  const { column, before } = context
  if (computed.values !== undefined) return await bindValueMap(context, computed, computed.values)
  if (computed.timeZone !== undefined) return await bindTimeZone(context, computed, computed.timeZone)
  if (computed.read === undefined) return await castByRule(context, computed)
  const read = await bindAs(context, computed.read, context.row, before)
  const writes: ColumnWrite[] = []
  for (const write of computed.writes ?? []) {
    const target = newColumn(context, write.column)
    if (target === undefined) continue
    const expression = await bindAs(context, write.expression, VALUE, target)
    if (expression !== undefined) writes.push({ column: target.name, expression })
  }
  if (read === undefined || writes.length !== (computed.writes ?? []).length) return undefined
  const held = writes.find((write) => write.column === column.to?.value)
  const key: KeyColumn | undefined = held && {
    column: held.column,
    write: held.expression,
    ...computed.declared,
    comparable: false,
  }
  return {
    kind: 'computed',
    type: before.type,
    read,
    writes,
    ...(computed.writable ? {} : { writable: false as const }),
    ...(key === undefined ? {} : { key }),
  }
}

/** `zip: { to: zip, type: text }`: PostgreSQL's own casts, with what the rule declares of them. */
async function castByRule(context: ColumnContext, computed: ComputedRule): Promise<ComputedColumn | undefined> {
  const { column, before, problems, scratch } = context
  const target = newColumn(context, column.to ?? column.from)
  if (target === undefined) return undefined
  const known = await scratch.attempt(() => scratch.query(bothCasts(before.type, target.type)))
  if (!known.ok) {
    problems.push({ place: computed.place, message: noCast(before.type, target.type) })
    return undefined
  }
  const cast = castColumn(before, target)
  if (cast.kind === 'computed') return withDeclared(cast, computed)
  problems.push({ place: computed.place, message: `${cast.what}: ${cast.hint}` })
  return undefined
}

/** timestamp that became timestamptz, or the reverse. */
async function bindTimeZone(
  context: ColumnContext,
  computed: ComputedRule,
  zone: Placed<string>,
): Promise<ComputedColumn | undefined> {
  const { column, before, problems, scratch } = context
  const target = newColumn(context, column.to ?? column.from)
  if (target === undefined) return undefined
  const known = await scratch.attempt(() =>
    scratch.query(`SELECT pg_catalog.timezone(${pg.escapeLiteral(zone.value)}, pg_catalog.now())`),
  )
  const zoned = zoneColumn(before, target, zone.value)
  if (!known.ok) problems.push({ place: zone.place, message: known.error.message })
  else if (zoned.kind === 'computed') return withDeclared(zoned, computed)
  else problems.push({ place: zone.place, message: `${zoned.what}: ${zoned.hint}` })
  return undefined
}

function withDeclared(column: ComputedColumn, { declared }: ComputedRule): ComputedColumn {
  if (column.key === undefined) return column
  const { injective, total, monotone } = column.key
  const key = {
    ...column.key,
    injective: injective || declared.injective,
    total: total || declared.total,
    monotone: monotone || declared.monotone,
  }
  return { ...column, key }
}

/** Whether the type that the rule gives is the one that the column had; a problem where not. */
async function hasType({ scratch, before, problems }: ColumnContext, type: Placed<string>): Promise<boolean> {
  const resolved = await resolveType(scratch, type.value)
  const isIt = resolved.ok && resolved.value.typeOid === before.typeOid && resolved.value.typmod === before.typmod
  if (isIt) return true
  const message = resolved.ok
    ? `expected the type that the column had, ${before.type}, got ${resolved.value.type}`
    : resolved.error.message
  problems.push({ place: type.place, message })
  return false
}

/** The new column of this name; a problem where there is none. */
export function newColumn({ now, problems }: TableContext, { value, place }: Placed<string>): Column | undefined {
  const found = now.columns.find(({ name }) => name === value)
  if (found !== undefined) return found
  const known = now.columns.map((column) => column.name)
  const message = `${qualifiedName(now)} has no column "${value}"${suggestName(value, known)}`
  problems.push({ place, message })
  return undefined
}

/** SQL names of all collations, by oid. */
export async function readCollations({ query }: Scratch): Promise<ReadonlyMap<number, string>> {
  const rows = await query(
    `SELECT c.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.collname)
     FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace`,
  )
  return new Map(rows.map(([oid, name]) => [Number(oid), name ?? '']))
}
