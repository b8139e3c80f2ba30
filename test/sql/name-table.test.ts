import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAY_BE_NAMED, nameTable, otherWordEnd } from '../../src/sql/name-table.js'

function has(names: readonly string[], word: string): boolean {
  const text = `x ${word} y`
  return otherWordEnd(text, 2, text.length, nameTable(new Set(names))) === MAY_BE_NAMED
}

describe('a word is in a table', () => {
  test('in any case, where the name is stored in lower case', () => {
    expect(['users', 'USERS', 'uSeRs'].map((word) => has(['users'], word))).toEqual([true, true, true])
  })

  test('never where the name is stored with upper case: the word folds', () => {
    expect(['Mail', 'mail', 'MAIL'].map((word) => has(['Mail'], word))).toEqual([false, false, false])
  })

  test('only as a whole', () => {
    expect(['user', 'userss', 'xusers'].map((word) => has(['users'], word))).toEqual([false, false, false])
  })

  test('whatever characters hash alike', () => {
    // `|0x20` maps _ onto DEL, and $ onto itself.
    expect(has(['a\u007f'], 'a_')).toBe(false)
    expect(has(['a_', 'a$'], 'a$')).toBe(true)
  })

  test('of no name is nothing', () => {
    expect(has([], 'users')).toBe(false)
  })

  test('of generated names, exactly as in a set', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'B', '_', '1', '$'), minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(fc.array(word, { maxLength: 60 }), word, (names, asked) => {
        expect(has(names, asked)).toBe(new Set(names).has(asked.toLowerCase()))
      }),
      { seed: 5, numRuns: 500 },
    )
  })
})
