import fc from 'fast-check'
import { loadModule } from 'libpg-query'
import { beforeAll, describe, expect, test } from 'vitest'
import { toByteString } from '../../src/sql/byte-string.js'
import { loadParser, type Parser } from '../../src/sql/parse.js'
import { isScanError, scan } from '../../src/sql/scan.js'
import { readCorpus } from '../corpus/corpus.js'
import { referenceScan } from './libpg-query-tokens.js'

const CASES = process.env.HOTSWAP_LONG === undefined ? 2_000 : 20_000
const SEED = Number(process.env.HOTSWAP_SEED ?? 20_251)

let parser: Parser

beforeAll(async () => {
  await loadModule()
  parser = await loadParser()
})

/** Tokens as lines `kind text`, or the word `error`. */
function scanned(text: string, standardConformingStrings = true): string {
  const bytes = toByteString(text)
  const tokens = scan(bytes, { standardConformingStrings })
  if (isScanError(tokens)) return 'error'
  return tokens.map((token) => `${token.kind} ${bytes.slice(token.start, token.end)}`).join('\n')
}

function reference(text: string): string {
  const bytes = toByteString(text)
  const result = referenceScan(text)
  if (result.kind !== 'tokens') return result.kind
  return result.tokens.map((token) => `${token.kind} ${bytes.slice(token.start, token.end)}`).join('\n')
}

test('every statement of the corpus has the tokens that libpg-query finds in it', () => {
  const corpus = readCorpus(parser)
  expect(corpus.length).toBeGreaterThan(700)
  for (const { sql } of corpus) expect(scanned(sql), sql).toBe(reference(sql))
})

// Pieces that begin, end or break lexemes; joined without separators they make most of the rules meet.
const PIECES = [
  ...["'", '"', '$', '$$', '$a$', '$1', '$12', '\\', "''", '""', "\\'", '\\u0041', '\\ud83d\\ude00', '\\x4', '\\101'],
  ...[
    "'a'",
    "'it''s'",
    '"Q q"',
    '"a""b"',
    "E'",
    "e'\\n'",
    "U&'\\0041'",
    'U&"d\\0061t"',
    'u&',
    "N'n'",
    "b'01'",
    "X'fF'",
  ],
  ...['/*', '*/', '/* c */', '/* a /* b */ */', '--', '-- c\n', '\n', ' ', '\t', '\r', '\f', '\v', ' \n '],
  ...[
    '+',
    '-',
    '*',
    '/',
    '%',
    '^',
    '<',
    '>',
    '=',
    '~',
    '!',
    '@',
    '#',
    '&',
    '|',
    '`',
    '?',
    '->>',
    '@-',
    '<=',
    '!=',
    '=>',
  ],
  ...['.', '..', ':', '::', ':=', ',', ';', '(', ')', '[', ']', '{', '}'],
  ...['0', '1', '42', '1_000', '1.5', '.5', '5.', '1e5', '1e', 'e+5', '0x1F', '0xg', '0o17', '0b01', '0b2', '_', '1_'],
  ...[
    'a',
    'E',
    'U',
    'x',
    'select',
    'FROM',
    'nchar',
    'é',
    'größe',
    '日本',
    '😀',
    '$x',
    'a$b',
    'values',
    'Interval',
    '_a1',
  ],
]

const text = fc
  .array(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...PIECES) }, { weight: 1, arbitrary: rawCharacters() }), {
    maxLength: 12,
  })
  .map((pieces) => pieces.join(''))
  .filter((joined) => joined !== '')

function rawCharacters(): fc.Arbitrary<string> {
  return fc.string({
    unit: fc.integer({ min: 0x20, max: 0x17f }).map((code) => String.fromCodePoint(code)),
    maxLength: 3,
  })
}

test('a generated text has the tokens that libpg-query finds in it, or is an error where it finds one', () => {
  let compared = 0
  fc.assert(
    fc.property(text, (sql) => {
      const expected = reference(sql)
      if (expected === 'none') return
      compared++
      expect(scanned(sql)).toBe(expected)
    }),
    { numRuns: CASES, seed: SEED },
  )
  expect(compared).toBeGreaterThan(CASES * 0.95)
})

describe('where a token ends', () => {
  test.each([
    ['a=-1', 'identifier a|operator =|operator -|number 1'],
    ['a@-1', 'identifier a|operator @-|number 1'],
    ['=+--- c', 'operator =|operator +'],
    ['</* c */>', 'operator <|operator >'],
    ['10$1', 'number 10|param $1'],
    ['1..10', 'number 1|punctuation ..|number 10'],
    ['$1::int', 'param $1|punctuation ::|keyword int'],
    ["'a'\n  'b' 'c'", "string 'a'\n  'b'|string 'c'"],
    ["b'0''1'", "bit-string b'0'|string '1'"],
    ["N'x'", "keyword N|string 'x'"],
    ['$a$ $b$ $a$x', 'string $a$ $b$ $a$|identifier x'],
    ['$a b', 'punctuation $|identifier a|identifier b'],
    ['x:=y', 'identifier x|operator :=|identifier y'],
  ])('%s', (sql, tokens) => {
    expect(scanned(sql).replaceAll('\n', '|')).toBe(tokens.replaceAll('\n', '|'))
    expect(scanned(sql)).toBe(reference(sql))
  })
})

describe('what has no tokens', () => {
  test.each([
    ["'a", 0, 'unterminated quoted string'],
    ['x "a', 2, 'unterminated quoted identifier'],
    ['x ""', 2, 'zero-length delimited identifier'],
    ['x /* /* */', 1, 'unterminated /* comment'],
    ['$a$ $b$', 0, 'unterminated dollar-quoted string'],
    ["B'0", 0, 'unterminated bit string literal'],
    ["X'0", 0, 'unterminated hexadecimal string literal'],
    ["E'\\u12'", 0, 'invalid Unicode escape'],
    ["E'\\ud800'", 0, 'invalid Unicode surrogate pair'],
    ['12abc', 0, 'trailing junk after numeric literal'],
    ['1_0$1', 0, 'trailing junk after numeric literal'],
    ['$99999999999', 0, 'parameter number too large'],
    [`x ${'~'.repeat(64)}`, 2, 'operator too long'],
    ['a \0', 2, 'NUL outside quotes'],
  ])('%j', (sql, position, message) => {
    expect(scan(sql)).toEqual({ position, message })
  })
})

test('a backslash escapes in plain strings only where standard_conforming_strings is off', () => {
  expect(scanned("'a\\' b'", false)).toBe("string 'a\\' b'")
  expect(scanned("'a\\' b", true)).toBe("string 'a\\'\nidentifier b")
  expect(scanned("U&'x'", false)).toBe('error')
})

test.each([
  '+',
  '$a',
  '/*',
  "E'\\",
  '"',
  "'a'\n",
  '1_',
  '.',
  'u&',
])('a megabyte of %j is scanned in linear time', (piece) => {
  const bytes = piece.repeat(1_000_000 / piece.length)
  const started = performance.now()
  scan(bytes)
  // A quadratic scan of this text takes minutes.
  expect(performance.now() - started).toBeLessThan(5_000)
})
