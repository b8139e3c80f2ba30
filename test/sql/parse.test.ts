import { beforeEach, describe, expect, test } from 'vitest'
import { toByteString } from '../../src/sql/byte-string.js'
import { loadParser, type Parser } from '../../src/sql/parse.js'

let parser: Parser

beforeEach(async () => {
  parser = await loadParser()
})

function statementTexts(text: string): string[] {
  const parsed = parser.parse(text)
  if (parsed.kind === 'error') throw new Error(parsed.message)
  const bytes = Buffer.from(text)
  return parsed.statements.map(({ start, end }) => bytes.subarray(start, end).toString())
}

/** Waits for the spare instance, which is made in the background. */
async function untilItParses(): Promise<void> {
  const deadline = Date.now() + 5_000
  while (parser.parse('SELECT 1').kind === 'error') {
    if (Date.now() > deadline) throw new Error('the parser did not come back within 5 s')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('a text is cut into its statements', () => {
  test.each([
    ['', []],
    [' ;; -- c', []],
    ['SELECT 1', ['SELECT 1']],
    [' SELECT 1; /*é*/ SELECT é ;; \n SELECT 3', ['SELECT 1', 'SELECT é ', 'SELECT 3']],
    ['DO \'a;b\'; TABLE "x;y"', ["DO 'a;b'", 'TABLE "x;y"']],
  ])('%j', (text, statements) => {
    expect(statementTexts(text)).toEqual(statements)
  })
})

describe('a text that does not parse is an error with a position in characters', () => {
  test.each([
    ['SELECT é, from', 11, 'syntax error at or near "from"'],
    ['SELECT 1 +', 11, 'syntax error at end of input'],
    ["'x", 1, 'unterminated quoted string at or near "\'x"'],
  ])('%j', (text, position, message) => {
    expect(parser.parse(text)).toEqual({ kind: 'error', message, position })
  })

  test('a NUL, which would end the text for the parser, is an error', () => {
    expect(parser.parse('SELECT 1\0; DROP TABLE t').kind).toBe('error')
  })
})

describe('no text harms a later one', () => {
  test('50,000 nested parentheses', () => {
    expect(parser.parse(`SELECT ${'('.repeat(50_000)}1${')'.repeat(50_000)}`).kind).toBe('error')
    expect(statementTexts('SELECT 1')).toEqual(['SELECT 1'])
  })

  test('a tree so deep that the stack overflows', async () => {
    const deep = `SELECT 1${'+1'.repeat(50_000)}`
    for (let round = 0; round < 5; round++) {
      expect(parser.parse(deep).kind).toBe('error')
      await untilItParses()
      expect(statementTexts('SELECT 1; SELECT 2')).toEqual(['SELECT 1', 'SELECT 2'])
    }
  })

  test('an INSERT of a megabyte', () => {
    const rows = Array.from({ length: 40_000 }, (_, i) => `(${i}, 'some text of a row')`)
    const text = `INSERT INTO t VALUES ${rows.join(', ')}`
    expect(text.length).toBeGreaterThan(1_000_000)
    expect(parser.parse(text)).toMatchObject({ kind: 'parsed', statements: [{ start: 0, end: text.length }] })
  })

  test('ten thousand errors in a row', () => {
    for (let i = 0; i < 10_000; i++) expect(parser.parse('SELECT 1 1').kind).toBe('error')
    expect(statementTexts('SELECT 1')).toEqual(['SELECT 1'])
  })
})

test('locations in the tree are byte offsets into the whole text', () => {
  const text = "SELECT 'é'; SELECT naïve"
  const parsed = parser.parse(text)
  const location = JSON.stringify(parsed).match(/"ColumnRef":\{.*?"location":(\d+)/)?.[1]
  expect(Number(location)).toBe(toByteString(text).indexOf('na'))
})
