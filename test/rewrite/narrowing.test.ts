import { expect, test } from 'vitest'
import type { Column } from '../../src/catalog/catalog.js'
import { isNarrower } from '../../src/rewrite/narrowing.js'

/** `numeric(10,2)`: the type with the typmod that PostgreSQL stores for it. */
function columnOf(type: string): Column {
  const [, first, second] = /\((\d+)(?:,(\d+))?\)/.exec(type) ?? []
  const isNumeric = type.startsWith('numeric')
  const typmod =
    first === undefined ? -1 : isNumeric ? ((Number(first) << 16) | Number(second ?? 0)) + 4 : Number(first) + 4
  const column = { name: 'c', attnum: 1, typeOid: 1, typmod, type, collationOid: 0, notNull: false, hasDefault: false }
  return { ...column, identity: 'none', generated: 'none' }
}

test.each([
  ['integer', 'bigint'],
  ['integer', 'numeric'],
  ['integer', 'numeric(12,2)'],
  ['integer', 'text'],
  ['integer[]', 'bigint[]'],
  ['numeric(10,2)', 'numeric(12,2)'],
  ['numeric(10,2)', 'numeric'],
  ['character varying(20)', 'text'],
  ['character varying(20)', 'character varying(30)'],
  ['text', 'character varying'],
  ['real', 'double precision'],
  ['date', 'timestamp without time zone'],
])('%s fits into %s', (from, to) => {
  expect(isNarrower(columnOf(from), columnOf(to))).toBe(false)
})

test.each([
  ['bigint', 'integer'],
  ['text', 'integer'],
  ['text', 'character varying(9)'],
  ['character varying(30)', 'character varying(20)'],
  ['numeric(10,2)', 'numeric(12,1)'],
  ['numeric(10,2)', 'numeric(10,4)'],
  ['numeric', 'numeric(10,2)'],
  ['integer', 'numeric(10,2)'],
  ['integer', 'real'],
  ['timestamp without time zone', 'date'],
  ['integer', 'boolean'],
  ['text', 'uuid'],
  ['json', 'jsonb'],
])('%s may not fit into %s', (from, to) => {
  expect(isNarrower(columnOf(from), columnOf(to))).toBe(true)
})
