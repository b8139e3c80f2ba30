import pg from 'pg'
import type { Column } from '../catalog/catalog.js'
import { qualifiedName } from '../catalog/difference.js'
import type { ComputedRule, Outside, Placed, ValueMap } from '../config/rule-file.js'
import { withoutLength } from '../rewrite/computed.js'
import type { ComputedColumn } from '../rewrite/mapping.js'
import { bindAs, type RowScope, VALUE } from './bind-as.js'
import { type ColumnContext, newColumn } from './bind-column.js'

/**
 * A column whose values were replaced by others. Where two old values became one, the first of them is read.
 *
 *     { A: active, B: blocked }  =>  read CASE WHEN state = 'active' THEN 'A' WHEN state = 'blocked' THEN 'B' ... END
 *
 * What is outside of the map is NULL, an old value of the map, or an error (22P02), raised by a cast that cannot succeed.
 */
export async function bindValueMap(
  context: ColumnContext,
  computed: ComputedRule,
  map: ValueMap,
): Promise<ComputedColumn | undefined> {
  const { before, old, column } = context
  const target = newColumn(context, column.to ?? column.from)
  if (target === undefined || !(await areValues(context, map, target))) return undefined
  const from = (value: string) => literal(value, before)
  const to = (value: string) => literal(value, target)
  const subject = pg.escapeIdentifier(target.name)
  const newOf = (value: string) => map.pairs.find((pair) => pair.old.value === value)?.new.value ?? ''
  const place = `${qualifiedName(old)}.${before.name}`

  const readPairs = map.pairs.map((pair) => [to(pair.new.value), from(pair.old.value)] as const)
  const readOutside = outsideText(map.outside.read, subject, before, `old statements know no value for`, place, from)
  const writePairs = map.pairs.map((pair) => [from(pair.old.value), to(pair.new.value)] as const)
  const writeOutside = (outside: Outside) =>
    outsideText(outside, 'value', target, `nothing is written in place of`, place, (value) => to(newOf(value)))

  const bind = (sql: string, scope: RowScope, type: Pick<Column, 'type' | 'typeOid'>) =>
    bindAs(context, { value: sql, place: map.place }, scope, type)
  const read = await bind(caseText(subject, readPairs, readOutside), context.row, before)
  const write = await bind(caseText('value', writePairs, writeOutside(map.outside.write)), VALUE, target)
  const sought = await bind(caseText('value', writePairs, 'NULL'), VALUE, target)
  const known = await bind(`value IN (${writePairs.map(([old]) => old).join(', ')})`, VALUE, BOOLEAN)
  if (read === undefined || write === undefined || sought === undefined || known === undefined) return undefined
  const isOneToOne = new Set(map.pairs.map((pair) => pair.new.value)).size === map.pairs.length
  return {
    kind: 'computed',
    type: before.type,
    read,
    writes: [{ column: target.name, expression: write }],
    keepsNull: true,
    ...(isOneToOne ? { labels: new Map(map.pairs.map((pair) => [pair.old.value, pair.new.value])) } : {}),
    key: {
      column: target.name,
      // An old value outside of the map is read of no row.
      write: sought,
      guard: known,
      injective: (isOneToOne && map.outside.read.kind !== 'value') || computed.declared.injective,
      total: computed.declared.total,
      monotone: computed.declared.monotone,
      comparable: false,
    },
  }
}

const BOOLEAN = { type: 'boolean', typeOid: 16 }

/** Whether each value can be one of its type; problems where not. */
async function areValues(
  { scratch, before, problems }: ColumnContext,
  map: ValueMap,
  target: Column,
): Promise<boolean> {
  const count = problems.length
  const check = async (value: Placed<string>, type: Column) => {
    const attempted = await scratch.attempt(() => scratch.query(`SELECT ${literal(value.value, type)}`))
    if (!attempted.ok) problems.push({ place: value.place, message: attempted.error.message })
  }
  for (const pair of map.pairs) {
    await check(pair.old, before)
    await check(pair.new, target)
  }
  return problems.length === count
}

/** Without the length: an explicit cast would cut the value. */
function literal(value: string, { type }: Pick<Column, 'type'>): string {
  return `${pg.escapeLiteral(value)}::${withoutLength(type)}`
}

function caseText(subject: string, pairs: readonly (readonly [string, string])[], outside: string): string {
  const cases = pairs.map(([from, to]) => `WHEN ${subject} = ${from} THEN ${to}`).join(' ')
  return `CASE ${cases} WHEN ${subject} IS NULL THEN NULL ELSE ${outside} END`
}

function outsideText(
  outside: Outside,
  subject: string,
  { type }: Pick<Column, 'type'>,
  complaint: string,
  place: string,
  valueText: (old: string) => string,
): string {
  switch (outside.kind) {
    case 'null':
      return 'NULL'
    case 'value':
      return valueText(outside.old)
    case 'error': {
      const message = `(${pg.escapeLiteral(`${complaint} "`)} || ${subject}::text || ${pg.escapeLiteral(`" of ${place}`)})`
      return `${message}::integer::text::${withoutLength(type)}`
    }
  }
}
