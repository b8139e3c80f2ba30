import { beforeAll, describe, expect, test } from 'vitest'
import { toByteString } from '../../src/sql/byte-string.js'
import { mentions } from '../../src/sql/mentions.js'
import { type NameTable, nameTable } from '../../src/sql/name-table.js'
import { loadParser, type Parser } from '../../src/sql/parse.js'
import { isScanError, scan } from '../../src/sql/scan.js'
import { hasWord, type Words, wordsOf } from '../../src/sql/words.js'
import { readCorpus } from '../corpus/corpus.js'

function words(sql: string, among?: NameTable): Words {
  const text = toByteString(sql)
  const tokens = scan(text)
  if (isScanError(tokens)) throw new Error(tokens.message)
  return wordsOf(text, tokens, [0, tokens.length], {}, among)
}

describe('the words of a statement', () => {
  test.each([
    ['SELECT a."B""c" FROM x', ['select', 'a', 'B"c', 'from', 'x']],
    ["'Public.Users'", ['Public', 'public', 'Users', 'users']],
    ['\'"My Table"\'', ['My', 'my', 'Table', 'table', '', 'My Table']],
    ["'{a,b}'", ['a', 'b']],
    ['$$drop x$$', ['drop', 'x']],
    ["'what is this?' 1 $1", []],
  ])('%s', (sql, expected) => {
    expect([...(words(sql) ?? ['any'])]).toEqual(expected)
  })

  test.each(['U&"a"', 'größe', "'a'\n'b'", "E'a\\142'", 'a'.repeat(64)])('%s could be any', (sql) => {
    expect(words(sql)).toBeUndefined()
    expect(hasWord(words(sql), new Set(['x']))).toBe(true)
  })
})

describe('of the corpus', () => {
  let parser: Parser
  beforeAll(async () => {
    parser = await loadParser()
  })

  test('a statement has a word exactly where it mentions it', () => {
    const asked = ['users', 'name', 'id', 'select', 'orders', 'public', 'title', 'Mail', 'natural', 'nothing']
    for (const { sql } of readCorpus(parser)) {
      const own = words(sql)
      const few = words(sql, nameTable(new Set(asked)))
      for (const name of asked) {
        const names = new Set([name])
        expect(hasWord(own, names), `${name} in ${sql}`).toBe(mentions(toByteString(sql), nameTable(names)))
        expect(hasWord(few, names), `${name} among others in ${sql}`).toBe(hasWord(own, names))
      }
    }
  })
})
