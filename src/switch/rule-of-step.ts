import { stringify } from 'yaml'
import { isSystemSchema } from '../catalog/diff.js'
import { expressionText } from '../rewrite/computed.js'
import type {
  ChangedObject,
  ComputedColumn,
  Expression,
  Mapping,
  MergedColumn,
  RelationMapping,
} from '../rewrite/mapping.js'
import { mergedOf } from '../rewrite/merged-column.js'
import { fromByteString } from '../sql/byte-string.js'
import { quoteIdentifier } from '../sql/identifier.js'

/**
 * The rule file that declares a step which identity and rules have shown: with it in the rules folder, the step outlives
 * the proxy. Renamed types and functions have no place in rule files yet, enums with other labels do. What a lost column is
 * stands as `...` in it, for its author to fill in.
 *
 *     ALTER TABLE users RENAME TO people  =>  tables: { public.users: { to: public.people } }
 */
export function ruleOfStep(mapping: Mapping): string {
  const tables = Object.fromEntries(
    [...mapping.relations.values()]
      .filter(({ before }) => !isSystemSchema(before.schema))
      .map((relation) => [printName(relation.before), tableRule(relation)] as const)
      .filter(([, rule]) => Object.keys(rule).length > 0),
  )
  const types = Object.fromEntries([...(mapping.objects?.values() ?? [])].flatMap(typeRule))
  return stringify({ tables, ...(Object.keys(types).length > 0 ? { types } : {}) }, { lineWidth: 0 })
}

/** Of a relabelled enum. */
function typeRule({ before, after, relabelled }: ChangedObject): [string, Rule][] {
  if (relabelled === undefined) return []
  const { now } = relabelled
  const moved = before.name !== now.name || before.schema !== now.schema
  return [[printName(before), { ...(moved ? { to: printName(now) } : {}), shadow: printName(after) }]]
}

type Rule = Readonly<Record<string, unknown>>

function tableRule(relation: RelationMapping): Rule {
  const { before, after, added, insert, merged = [] } = relation
  const moved = before.name !== after.name || before.schema !== after.schema
  const columns = before.columns
    .map((column) => [column.name, columnRule(relation, column.name)] as const)
    .filter(([, rule]) => rule !== undefined)
  const given = insert.filter(({ unless }) => unless === undefined)
  return {
    ...(moved ? { to: printName(after) } : {}),
    ...(showsOrder(relation) ? {} : { order: before.columns.map(({ name }) => name) }),
    ...(columns.length > 0 ? { columns: Object.fromEntries(columns) as Rule } : {}),
    ...(added.length > 0 ? { added: added.map((column) => column.name) } : {}),
    ...(given.length > 0
      ? { insert: Object.fromEntries(given.map(({ column, expression }) => [column, expression])) }
      : {}),
    ...(merged.length > 0 ? { write: Object.fromEntries(merged.map(printMerged)) } : {}),
  }
}

/** Where each old column is still the one that it was, in its place. */
function showsOrder({ before, after, columns }: RelationMapping): boolean {
  return before.columns.every(({ name, attnum }) => {
    const column = columns.get(name)
    const now = column?.kind === 'column' ? column.name : column?.key?.column
    return after.columns.some((other) => other.attnum === attnum && other.name === now)
  })
}

function columnRule(relation: RelationMapping, name: string): string | Rule | undefined {
  const column = relation.columns.get(name)
  const given = defaultOf(relation, name)
  if (column === undefined) return undefined
  if (column.kind === 'computed') return { ...computedRule(relation, name, column), ...given }
  if (Object.keys(given).length > 0) return { to: column.name, ...given }
  return column.name === name ? undefined : column.name
}

function computedRule(relation: RelationMapping, name: string, column: ComputedColumn): Rule {
  const { before, after } = relation
  const { type, read, writes, key, lost } = column
  if (lost !== undefined) return toFillIn(name, column)
  const common = { type }
  const [only, ...others] = read
  const isCast = column.keepsNull === true && others.length === 0 && typeof only === 'object'
  if (isCast) return { to: key?.column ?? name, ...common, ...declared(column) }
  const shown = { ...common, read: printExpression(read, (place) => quoteIdentifier(place)) }
  if (column.writable === false) return { ...shown, read_only: true }
  if (writes.length === 0 && mergedOf(relation, name).length > 0) return shown
  const attnum = before.columns.find((old) => old.name === name)?.attnum
  const isGone = !after.columns.some((other) => other.attnum === attnum)
  if (writes.length === 0) return isGone ? { ...shown, dropped: true } : { ...shown, write: {} }
  const written = writes.map((write) => [write.column, printExpression(write.expression, () => 'value')] as const)
  const [first] = written
  if (key === undefined || first === undefined || written.length > 1) {
    return { ...shown, write: Object.fromEntries(written) as Rule, ...(key === undefined ? {} : { to: key.column }) }
  }
  return { to: key.column, ...shown, write: first[1], ...declared(column) }
}

/** Of a lost column: what its author has to say. */
function toFillIn(name: string, { type, lost }: ComputedColumn): Rule {
  const { columns } = (lost?.rule ?? {}) as { readonly columns?: Readonly<Record<string, Rule>> }
  return columns?.[name] ?? { type, read: '...', write: '...' }
}

function printMerged({ column, expression }: MergedColumn): [string, string] {
  return [column, printExpression(expression, (place) => quoteIdentifier(place))]
}

function declared({ key }: ComputedColumn): Rule {
  return {
    ...(key?.injective === true ? { injective: true } : {}),
    ...(key?.total === true ? { total: true } : {}),
    ...(key?.monotone === true ? { monotone: true } : {}),
  }
}

/** What old INSERTs give that do not name the column, where the new default is another one. */
function defaultOf(relation: RelationMapping, name: string): Rule {
  const { before, columns, insert } = relation
  const values = insert.filter(({ unless }) => unless === name)
  const [value] = values
  if (value === undefined) return mergedDefault(relation, name)
  if (columns.get(name)?.kind === 'column') return { default: value.expression }
  const old = before.columns.find((column) => column.name === name)
  return { default: old?.defaultText ?? 'NULL' }
}

/** The old default of a column that new ones are made of: the new table does not show it. */
function mergedDefault(relation: RelationMapping, name: string): Rule {
  const text = mergedOf(relation, name)[0]?.defaults.get(name) ?? 'NULL'
  return text === 'NULL' ? {} : { default: text }
}

function printExpression(expression: Expression, placeText: (column: string) => string): string {
  const text = expressionText(expression, placeText)
  return fromByteString(text) ?? text
}

/** As `parseTableName` reads it. */
function printName({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return [schema, name].map((part) => (/[."]/.test(part) ? `"${part.replaceAll('"', '""')}"` : part)).join('.')
}
