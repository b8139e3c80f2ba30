import { describe, expect, test } from 'vitest'
import type { Edit } from '../../src/rewrite/outcome.js'
import { splice } from '../../src/rewrite/splice.js'
import { oldOffset } from '../../src/rewrite/way-back.js'

/** For each character of the new text the character of the old text that it comes from; `.` where none. */
function origins(text: string, edits: readonly Edit[]): readonly [text: string, from: string] {
  const { text: made, wayBack } = splice(text, edits)
  const from = [...made].map((_, offset) => {
    const old = oldOffset(wayBack, offset)
    return old === undefined ? '.' : (text[old] ?? '$')
  })
  return [made, from.join('')]
}

describe('what an edit makes comes from where the edit starts', () => {
  test.each<[string, Edit[], string, string]>([
    ['a=b', [], 'a=b', 'a=b'],
    ['a=b', [{ start: 0, end: 1, text: 'xyz' }], 'xyz=b', 'aaa=b'],
    ['abc=d', [{ start: 0, end: 3, text: 'x' }], 'x=d', 'a=d'],
    ['a=b', [{ start: 3, end: 3, text: '+c' }], 'a=b+c', 'a=b$$'],
    ['a,b', [{ start: 0, end: 2, text: '' }], 'b', 'b'],
    ['a=b', [{ start: 0, end: 1, text: 'xy', implied: true }], 'xy=b', '..=b'],
  ])('%s %o', (text, edits, made, from) => {
    expect(origins(text, edits)).toEqual([made, from])
  })

  test('but for stretches that were moved', () => {
    const moved = [{ at: 2, length: 3, start: 0 }]
    expect(origins('abc=d', [{ start: 3, end: 3, text: '+(abc)', moved }])).toEqual(['abc+(abc)=d', 'abc==abc==d'])
  })
})

test('edits come in any order, and stay in theirs where they stand at one place', () => {
  const edits = [
    { start: 2, end: 3, text: 'z' },
    { start: 0, end: 0, text: '1+' },
    { start: 0, end: 0, text: '2+' },
    { start: 0, end: 0, text: '(', encloses: 'before' as const },
    { start: 2, end: 2, text: '/', encloses: 'after' as const },
    { start: 2, end: 2, text: '*' },
  ]
  expect(splice('a+b', edits).text).toBe('(1+2+a+*/z')
})

test('edits that overlap are a bug', () => {
  const edits = [
    { start: 0, end: 2, text: 'x' },
    { start: 1, end: 3, text: 'y' },
  ]
  expect(() => splice('abc', edits)).toThrow('edits overlap at byte 1')
})

describe('an edit that would make one word of two gets a blank', () => {
  test.each<[string, Edit[], string]>([
    ['UPDATE"u"SET', [{ start: 6, end: 9, text: 'p' }], 'UPDATE p SET'],
    ['UPDATE "u" SET', [{ start: 7, end: 10, text: 'p' }], 'UPDATE p SET'],
    ['1"u"', [{ start: 1, end: 4, text: 'p' }], '1 p'],
    ['"u"*2', [{ start: 0, end: 3, text: 'p' }], 'p*2'],
    ['a"b"c', [{ start: 1, end: 4, text: '' }], 'a c'],
    ['a+b', [{ start: 1, end: 1, text: '' }], 'a+b'],
    ['ab', [{ start: 1, end: 1, text: '' }], 'ab'],
    [
      '"a""b"',
      [
        { start: 0, end: 3, text: 'x' },
        { start: 3, end: 6, text: 'y' },
      ],
      'x y',
    ],
    [
      '"a"+b',
      [
        { start: 0, end: 3, text: 'x' },
        { start: 3, end: 3, text: ' AS y' },
      ],
      'x AS y+b',
    ],
  ])('%s %o', (text, edits, made) => {
    expect(splice(text, edits).text).toBe(made)
  })

  test('and positions follow', () => {
    expect(origins('a"u"b', [{ start: 1, end: 4, text: 'p' }])).toEqual(['a p b', 'a"""b'])
    const moved = [{ at: 0, length: 1, start: 2 }]
    expect(origins('a"u"b', [{ start: 1, end: 4, text: 'u', moved }])).toEqual(['a u b', 'a"u"b'])
  })
})
