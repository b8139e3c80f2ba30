import { expect, test } from 'vitest'
import { queryShape } from '../../src/proxy/query-shape.js'

test.each([
  ["select * from t where a = 'x' and b = 12.5", 'select * from t where a = ? and b = ?'],
  ['select $1, "A 1", $$secret$$', 'select $1, "A 1", ?'],
  ["select -- 'secret'\n  1 /* 5 */", 'select ?'],
  ["select 'secret", 'select'],
  ['select $tag$ secret', 'select'],
  ["select E'a\\'secret', x'ff'", 'select ?, ?'],
  ['', ''],
])('%j is shown as %j', (text, shape) => {
  expect(queryShape(text)).toBe(shape)
})

test('a long statement is cut, also in the middle of a literal', () => {
  expect(queryShape(`select a from t where b in (${"'secret', ".repeat(200)}'x')`)).toMatch(
    /^select a from t where b in \(\?, .*\.\.\.$/,
  )
  expect(queryShape(`select '${'secret '.repeat(500)}'`)).toBe('select')
})
