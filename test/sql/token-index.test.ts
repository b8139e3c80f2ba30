import { describe, expect, test } from 'vitest'
import { isScanError, scan } from '../../src/sql/scan.js'
import type { Token } from '../../src/sql/token.js'
import { isSymbol, isWord, nextToken, readName, skipParentheses, tokenAt } from '../../src/sql/token-index.js'

function tokensOf(sql: string): readonly Token[] {
  const tokens = scan(sql)
  if (isScanError(tokens)) throw new Error(tokens.message)
  return tokens
}

test('tokenAt is the first token that starts at or after an offset', () => {
  const tokens = tokensOf('ab  cd e')
  expect([0, 1, 2, 4, 5, 7, 8].map((offset) => tokenAt(tokens, offset))).toEqual([0, 1, 1, 1, 2, 2, 3])
  expect(nextToken(tokens, 3)).toEqual({ kind: 'identifier', start: 4, end: 6 })
  expect(nextToken(tokens, 8)).toBeUndefined()
})

describe('a dotted name is read through white space and comments', () => {
  test.each([
    ['a', ['a']],
    ['A.b', ['a', 'b']],
    ['a /* x.y */ . -- z\n "B" .*', ['a', 'B', '*']],
    ['*', ['*']],
    ['public.select.c, d', ['public', 'select', 'c']],
    ['"*".x', ['*', 'x']],
    ['U&"d!0061t" UESCAPE \'!\' . a', ['dat', 'a']],
    ['a.b(c)', ['a', 'b']],
    ['a..b', ['a']],
    ['1', []],
    ["'a'.b", []],
  ])('%s', (sql, names) => {
    expect(readName(sql, tokensOf(sql), 0).map((part) => part.name)).toEqual(names)
  })

  test('its parts know where they stand, quotes and UESCAPE included', () => {
    const sql = 'x, U&"a" UESCAPE \'!\' . "B" . *'
    expect(readName(sql, tokensOf(sql), 2)).toEqual([
      { name: 'a', start: 3, end: 20, star: false },
      { name: 'B', start: 23, end: 26, star: false },
      { name: '*', start: 29, end: 30, star: true },
    ])
  })
})

test('skipParentheses goes past the parenthesis or bracket that closes', () => {
  const sql = 'f(a, (b)[1], c) d'
  const tokens = tokensOf(sql)
  const index = skipParentheses(sql, tokens, 1)
  expect(sql.slice(tokens[index]?.start)).toBe('d')
  expect(skipParentheses(sql, tokens, 0)).toBe(0)
  expect(skipParentheses('(a', tokensOf('(a'), 0)).toBe(2)
})

test('symbols and words are told by their whole text', () => {
  const sql = 'SELECT "select" \'(\' (='
  const tokens = tokensOf(sql)
  expect(tokens.map((token) => isWord(sql, token, 'select'))).toEqual([true, false, false, false, false])
  expect(tokens.map((token) => isSymbol(sql, token, '('))).toEqual([false, false, false, true, false])
  expect(isSymbol(sql, tokens[4], '=>')).toBe(false)
})
