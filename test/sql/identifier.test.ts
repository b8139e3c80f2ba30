import fc from 'fast-check'
import { loadModule, parseSync } from 'libpg-query'
import { beforeAll, describe, expect, test } from 'vitest'
import { fromByteString, toByteString } from '../../src/sql/byte-string.js'
import { identifierName, qualifiedName, quoteIdentifier, quoteLiteral } from '../../src/sql/identifier.js'
import { KEYWORDS } from '../../src/sql/keywords.js'
import { isScanError, scan } from '../../src/sql/scan.js'

beforeAll(loadModule)

function nameOf(sql: string): string {
  const text = toByteString(sql)
  const tokens = scan(text)
  const [token] = isScanError(tokens) ? [] : tokens
  if (token === undefined) throw new Error(`no token in ${sql}`)
  return identifierName(text, token)
}

/** The column name that libpg-query reads in SELECT <identifier>. */
function parsedName(sql: string): unknown {
  const tree = parseSync(`SELECT x.${sql}`)
  return JSON.stringify(tree).match(
    /"fields":\[\{"String":\{"sval":"x"\}\},\{"String":\{"sval":("(?:[^"\\]|\\.)*")/,
  )?.[1]
}

describe('an identifier means the name that PostgreSQL stores', () => {
  test.each([
    ['users', 'users'],
    ['USERS', 'users'],
    ['"Users"', 'Users'],
    ['"a""b"', 'a"b'],
    ['Größe', 'größe'],
    ['GRÖSSE', 'grÖsse'],
    ['"日本"', '日本'],
    ['a$B', 'a$b'],
    ['U&"d\\0061t\\+000061"', 'data'],
    ['U&"\\D83D\\DE00"', '😀'],
    ['U&"a\\\\b"', 'a\\b'],
    ['SELECT', 'select'],
    ['a'.repeat(70), 'a'.repeat(63)],
    [`"${'é'.repeat(40)}"`, 'é'.repeat(31)],
    [`a${'日'.repeat(30)}`, `a${'日'.repeat(20)}`],
  ])('%s', (sql, name) => {
    expect(nameOf(sql)).toBe(name)
    expect(parsedName(sql)).toBe(JSON.stringify(name))
  })
})

describe('a name is quoted only where it must be', () => {
  test.each([
    ['users', 'users'],
    ['_a1$', '_a1$'],
    ['name', 'name'],
    ['Users', '"Users"'],
    ['1a', '"1a"'],
    ['a b', '"a b"'],
    ['a"b', '"a""b"'],
    ['user', '"user"'],
    ['interval', '"interval"'],
    ['left', '"left"'],
    ['year', '"year"'],
    ['größe', '"grÃ¶Ã\u009fe"'],
  ])('%s', (name, sql) => {
    expect(quoteIdentifier(name)).toBe(sql)
  })

  test('with its schema', () => {
    expect(qualifiedName('public', 'Users')).toBe('public."Users"')
    expect(qualifiedName(undefined, 'order')).toBe('"order"')
  })
})

test('every keyword, quoted where quoteIdentifier says so, is a name wherever one can stand', () => {
  for (const word of KEYWORDS.keys()) {
    const name = quoteIdentifier(word)
    const places = `
      SELECT ${name}, ${name}.${name}, 1 ${name} FROM ${name} ${name} JOIN t ${name} USING (${name}) ORDER BY ${name};
      SELECT sum(${name}) OVER (${name}), (${name}).${name}, ${name}::int FROM ${name} WINDOW ${name} AS () LIMIT ${name};
      UPDATE ${name} ${name} SET ${name} = ${name} FROM ${name}.${name} RETURNING ${name};
      INSERT INTO ${name} AS ${name} (${name}) VALUES (${name}) ON CONFLICT (${name}) DO UPDATE SET ${name} = 1;
      DELETE FROM ${name} ${name} USING ${name} WHERE ${name} IS NULL;
      MERGE INTO ${name} ${name} USING ${name} ${name} ON ${name} WHEN MATCHED THEN UPDATE SET ${name} = ${name};
      WITH ${name} (${name}) AS (TABLE ${name}) SELECT ${name}.* FROM ${name} AS ${name} (${name}) GROUP BY ${name};
      COPY ${name} (${name}) FROM STDIN; TRUNCATE ${name}; LOCK ${name}; ALTER TABLE ${name} RENAME ${name} TO ${name}`
    expect(() => parseSync(places), word).not.toThrow()
  }
})

test('a quoted name is read back as the same name', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), (name) => {
      fc.pre(!name.includes('\0') && Buffer.byteLength(name) <= 63)
      expect(nameOf(fromByteString(quoteIdentifier(name)) ?? '')).toBe(name)
    }),
    { seed: 7, numRuns: 500 },
  )
})

describe('a literal means its value whatever standard_conforming_strings says', () => {
  test.each([
    ['a', "'a'"],
    ["it's", "'it''s'"],
    ['a\\b', "E'a\\\\b'"],
    ["\\'", "E'\\\\'''"],
    ['é', "'Ã©'"],
  ])('%s', (value, sql) => {
    expect(quoteLiteral(value)).toBe(sql)
    const tree = JSON.stringify(parseSync(`SELECT ${fromByteString(quoteLiteral(value))}`))
    expect(tree).toContain(`"sval":${JSON.stringify(value)}`)
  })
})
