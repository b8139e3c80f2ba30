import { expect, test } from 'vitest'
import { loadParser } from '../../../src/sql/parse.js'
import { foldLiterals } from '../../../src/switch/check/fold-literals.js'
import { statementShapes } from '../../../src/switch/check/statement-shapes.js'

const parser = await loadParser()

function shapes(text: string): readonly string[] {
  const folded = foldLiterals(text)
  return folded === undefined ? [] : statementShapes(folded.reduced(), parser).map((shape) => shape.text)
}

test.each([
  ["SELECT name FROM users WHERE mail = 'ada@x' AND age > 17", 'SELECT name FROM users WHERE mail = NULL AND age > 1'],
  ['SELECT a FROM t WHERE b = $1 AND c = 2.75', 'SELECT a FROM t WHERE b = $1 AND c = 1.5'],
  ['SELECT 5000000000, 0xff, 99999999999999999999', 'SELECT 3000000000, 1, 10000000000000000000'],
  ['SELECT a, b FROM t GROUP BY 1, 2 ORDER BY 2 LIMIT 30', 'SELECT a, b FROM t GROUP BY 1, 2 ORDER BY 2 LIMIT 1'],
  ["SELECT date '1999-03-04', '5'::numeric(10,2)", "SELECT date '2000-01-01', NULL::numeric(10,2)"],
  ["SELECT now() - interval '7' day", "SELECT now() - interval '0' day"],
  ["SELECT extract('year' FROM d) FROM t", "SELECT extract('year' FROM d) FROM t"],
  ["SELECT nextval('users_id_seq'), 'users'::regclass", "SELECT nextval('users_id_seq'), 'users'::regclass"],
  ["SELECT /* 'secret' */ a -- 42\nFROM t", 'SELECT a FROM t'],
  [
    "SELECT a FROM t WHERE b IN ('x', 'y', 'z') AND c IN (1,2,3)",
    'SELECT a FROM t WHERE b IN (NULL, NULL) AND c IN (1,1)',
  ],
  [
    "INSERT INTO t (a, b) VALUES ('x', 1), ('y', 2), ('z', 3), ('w', 4) RETURNING a",
    'INSERT INTO t (a, b) VALUES (NULL, 1), (NULL, 1) RETURNING a',
  ],
  ['INSERT INTO t VALUES (1, 2, 3), (4, 5, 6)', 'INSERT INTO t VALUES (1, 1, 1), (1, 1, 1)'],
  ['SELECT 1, 2, 3', 'SELECT 1, 1, 1'],
  ['SELECT a FROM t WHERE b IN ($1, $2, $3)', 'SELECT a FROM t WHERE b IN ($1, $2, $3)'],
  ["SELECT $tag$secret$tag$, E'a\\'b', x'ff', B'101'", "SELECT NULL, NULL, x'0', B'0'"],
  ["COPY t (a) TO STDOUT WITH (FORMAT csv, DELIMITER ';')", "COPY t (a) TO STDOUT WITH (FORMAT csv, DELIMITER '')"],
  ["SELECT a FROM t WHERE b LIKE '%x' ESCAPE '!'", 'SELECT a FROM t WHERE b LIKE NULL ESCAPE NULL'],
  [
    "SELECT jt.a FROM JSON_TABLE('{}', '$.x' COLUMNS (a int PATH '$.y')) jt",
    "SELECT jt.a FROM JSON_TABLE(NULL, '$.x' COLUMNS (a int PATH '$.y')) jt",
  ],
])('%s is kept as %s', (text, shape) => {
  expect(shapes(text)).toEqual([shape])
})

test('the statements of one text are kept one by one, without transaction control, settings and definitions', () => {
  expect(shapes("BEGIN; SET x = 'y'; SELECT 1; CREATE TABLE a (b int); UPDATE t SET c = 'd'; COMMIT")).toEqual([
    'SELECT 1',
    'UPDATE t SET c = NULL',
  ])
})

test('names beyond ASCII stay, and what cannot be read is nothing', () => {
  const text = Buffer.from("SELECT größe FROM t WHERE x = 'größe'").toString('latin1')
  expect(shapes(text)).toEqual([Buffer.from('SELECT größe FROM t WHERE x = NULL').toString('latin1')])
  expect(shapes("SELECT 'unterminated")).toEqual([])
  expect(shapes('SELEC 1')).toEqual([])
})

test('texts that differ in their values alone have the same key', () => {
  const key = (text: string) => foldLiterals(text)?.key
  expect(key("SELECT a FROM t WHERE b = 'x' AND c IN (1, 2, 3)")).toBe(
    key("SELECT a FROM t WHERE b = 'yyy' AND c IN (7, 8)"),
  )
  expect(key('SELECT a, b FROM t ORDER BY 1')).not.toBe(key('SELECT a, b FROM t ORDER BY 2'))
})
