import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { toByteString } from '../../src/sql/byte-string.js'
import { identifierName } from '../../src/sql/identifier.js'
import { mentions } from '../../src/sql/mentions.js'
import { nameTable } from '../../src/sql/name-table.js'
import { loadParser, type Parser } from '../../src/sql/parse.js'
import { isScanError, scan } from '../../src/sql/scan.js'
import { readCorpus } from '../corpus/corpus.js'

const NAMES = nameTable(new Set(['users', 'Mail', 'value', 'a"b', 'my-table']))

describe('a text mentions a name', () => {
  test.each([
    'SELECT * FROM users',
    'select USERS.id',
    'select u."Mail"',
    'select "a""b"',
    'select value',
    "select 'users'::regclass",
    "select 'Public.Users'::regclass",
    'select to_regclass(\'"Mail"\')',
    'select to_regclass(\'public."my-table"\')',
    "select nextval('users')",
    "select 'f(users, int)'::regprocedure",
    "select 'users[]'::regtype",
    "select '{orders,users}'::regclass[]",
    'select $$users$$::regclass',
    'do $$ begin delete from users; end $$',
    'do $x$ begin delete from Users; end $x$',
  ])('%s', (sql) => {
    expect(mentions(sql, NAMES)).toBe(true)
  })
})

describe('a text may mention a name', () => {
  test.each([
    ['escaped identifiers', 'select U&"\\0061"'],
    ['identifiers beyond ASCII', 'select größe'],
    ['quoted identifiers beyond ASCII', 'select "größe"'],
    ['upper case before a byte beyond ASCII', 'select GRÖSSE'],
    ['names that are cut', `select ${'a'.repeat(64)}`],
    ['quoted names that are cut', `select "${'a'.repeat(64)}"`],
    ['literals with escapes', "select E'us\\145rs'::regclass"],
    ['literals with Unicode escapes', "select U&'us\\0065rs'::regclass"],
    ['literals on several lines', "select 'us'\n'ers'::regclass"],
    ['literals with doubled quotes', "select '\"it''s\"'::regclass"],
    ['literals beyond ASCII', "select 'größe'::regclass"],
    ['texts without tokens', "select 'x"],
    ['texts with a comment that does not end', 'select 1 /*'],
  ])('%s', (_, sql) => {
    expect(mentions(toByteString(sql), NAMES)).toBe(true)
  })
})

describe('a text does not mention a name', () => {
  test.each([
    'select usersx, xusers, user, s.users1',
    'select mail, "mail", "USERS"',
    'select 1 -- users\n/* users */',
    "select 'the users say: hello!'",
    "select '<users>'",
    "select $1, 1.5e10, B'01', a->>b, c[1]",
    "select 'open', 'a.b.c', 'x y'",
    '',
  ])('%s', (sql) => {
    expect(mentions(sql, NAMES)).toBe(false)
  })

  test('where only standard_conforming_strings decides', () => {
    const sql = "select 'ab\\', x"
    expect(mentions(sql, NAMES, { standardConformingStrings: true })).toBe(false)
    // The literal has no end.
    expect(mentions(sql, NAMES, { standardConformingStrings: false })).toBe(true)
  })
})

describe('of the corpus', () => {
  let parser: Parser
  beforeAll(async () => {
    parser = await loadParser()
  })

  test('each statement mentions each of its names, in any case', () => {
    for (const { sql } of readCorpus(parser)) {
      const text = toByteString(sql)
      const tokens = scan(text)
      if (isScanError(tokens)) throw new Error(sql)
      for (const token of tokens.filter(({ kind }) => kind === 'identifier' || kind === 'quoted')) {
        const name = identifierName(text, token)
        const names = nameTable(new Set([name]))
        expect(mentions(text, names), `${name} in ${sql}`).toBe(true)
        if (token.kind === 'identifier') expect(mentions(text.toUpperCase(), names), sql).toBe(true)
      }
    }
  })
})

test('a name stays found among generated neighbours', () => {
  const neighbours = fc.array(
    fc.constantFrom('a', '1', "'x'", '"Q"', '$1', '+', '(', '-- c\n', '/* c */', '$$x$$', ' '),
  )
  fc.assert(
    fc.property(neighbours, neighbours, (before, after) => {
      const text = `${before.join(' ')} users ${after.join(' ')}`
      expect(mentions(text, NAMES)).toBe(true)
      expect(mentions(text.replace('users', 'people'), NAMES)).toBe(false)
    }),
    { seed: 3, numRuns: 500 },
  )
})
