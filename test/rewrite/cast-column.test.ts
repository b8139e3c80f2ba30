import { expect, test } from 'vitest'
import type { Column } from '../../src/catalog/catalog.js'
import { castColumn } from '../../src/rewrite/cast-column.js'

function column(type: string, typmod = -1): Column {
  return {
    name: 'c',
    attnum: 1,
    typeOid: 0,
    typmod,
    type,
    collationOid: 0,
    notNull: false,
    hasDefault: false,
    identity: 'none',
    generated: 'none',
  }
}

/** The letters of what is certain: injective, total, monotone, comparable. */
function properties(before: Column, after: Column): string {
  const cast = castColumn(before, after)
  if (cast.kind === 'none') return cast.what
  const { injective, total, monotone, comparable } = cast.key ?? {}
  return [injective && 'i', total && 't', monotone && 'm', comparable && 'c'].filter(Boolean).join('')
}

const numeric = (precision: number, scale: number) => ((precision << 16) | (scale & 0x7ff)) + 4

test.each([
  [column('integer'), column('bigint'), 'itmc'],
  [column('bigint'), column('integer'), ''],
  [column('text'), column('integer'), ''],
  [column('character varying(20)', 24), column('text'), 'itmc'],
  [column('character(3)', 7), column('character(5)', 9), 'itmc'],
  [column('character(3)', 7), column('text'), ''],
  [column('numeric(10,2)', numeric(10, 2)), column('numeric(14,2)', numeric(14, 2)), 'itmc'],
  // 1.234 is read as 1.23, and is not what 1.23 is written as.
  [column('numeric(10,2)', numeric(10, 2)), column('numeric(14,4)', numeric(14, 4)), ''],
  [column('numeric(10,2)', numeric(10, 2)), column('numeric'), ''],
  [column('numeric(5,-2)', numeric(5, -2)), column('numeric(5,0)', numeric(5, 0)), ''],
  [column('timestamp(0) without time zone', 0), column('timestamp without time zone'), ''],
  [column('timestamp without time zone'), column('timestamp(3) without time zone', 3), 'itmc'],
  [
    column('timestamp without time zone'),
    column('timestamp with time zone'),
    'its type changed from timestamp without time zone to timestamp with time zone',
  ],
])('of a cast from $type to $type only what is certain is said', (before, after, expected) => {
  expect(properties(before, after)).toBe(expected)
})
