import { expect, test } from 'vitest'
import { checkExpression } from '../../src/config/rule-expression.js'
import { loadParser } from '../../src/sql/parse.js'

const parser = await loadParser()

test.each([
  "'DE'",
  '0',
  'now()',
  "nextval('s')",
  "lower('X') || 'y'",
  'ROW(1, 2)',
  '(SELECT 1)',
  "'x'::text /* why */",
])('%s can be inserted', (expression) => {
  expect(checkExpression(expression, 'nothing', parser)).toBeUndefined()
})

test.each([
  ['1, 2', 'expected exactly one SQL expression'],
  ['1 AS x', 'not an SQL expression'],
  ['1) FROM (SELECT 2', 'not an SQL expression'],
  ['1), (2', 'not an SQL expression'],
  ['1) + (2', 'not an SQL expression'],
  ['1 -- one', 'not an SQL expression'],
  ['', 'not an SQL expression'],
  ['1; DROP TABLE users', 'not an SQL expression'],
  ['name', 'the expression may not refer to columns'],
  ['lower(u.name)', 'the expression may not refer to columns'],
  ['$1', 'the expression may not refer to parameters ($1)'],
  ['DEFAULT', 'the expression may not be DEFAULT'],
])('%s is refused: %s', (expression, reason) => {
  expect(checkExpression(expression, 'nothing', parser)).toContain(reason)
})
