import { loadModule, scanSync } from 'libpg-query'
import { beforeAll, expect, test } from 'vitest'
import { isKeywordAt, KEYWORDS, type KeywordCategory } from '../../src/sql/keywords.js'

const CATEGORY_OF_KIND: readonly (KeywordCategory | undefined)[] = [
  undefined,
  'unreserved',
  'col_name',
  'type_func_name',
  'reserved',
]

beforeAll(loadModule)

test('PostgreSQL 18 has 494 keywords', () => {
  expect(KEYWORDS.size).toBe(494)
})

test('every keyword has the category that libpg-query reports', () => {
  const reported = [...KEYWORDS.keys()].map((word) => [
    word,
    CATEGORY_OF_KIND[scanSync(word).tokens[0]?.keywordKind ?? 0],
  ])
  expect(reported).toEqual([...KEYWORDS])
})

test('a keyword is one in any case, and a word that begins or continues like one is not', () => {
  for (const word of KEYWORDS.keys()) {
    expect(isKeywordAt(`x${word.toUpperCase()} `, 1, word.length + 1), word).toBe(true)
    expect(isKeywordAt(`${word}_x`, 0, word.length + 2), word).toBe(false)
    expect(isKeywordAt(word, 0, word.length - 1), word).toBe(KEYWORDS.has(word.slice(0, -1)))
  }
})

test('bytes beyond ASCII fold to no keyword', () => {
  // 0xC1 | 0x20 is 0xE1; 'a' is 0x61.
  expect(isKeywordAt('\u00c1s', 0, 2)).toBe(false)
})
