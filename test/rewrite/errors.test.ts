import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { toByteString } from '../../src/sql/byte-string.js'
import { createOldDatabase, type DatabasePair, type OldDatabase } from '../oracle/database-pair.js'
import { type OracleCase, parseFixture } from '../oracle/fixture.js'
import { observe } from '../oracle/observe.js'
import { type Oracle, openOracle } from '../oracle/run-case.js'
import type { BackendMessage } from '../support/backend-message.js'

const before = `
CREATE SCHEMA app;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN posint AS integer CONSTRAINT posint_check CHECK (VALUE > 0);
CREATE TABLE notes (
  id serial PRIMARY KEY, code varchar(10) UNIQUE, amount integer NOT NULL, flag boolean, label text NOT NULL, n posint,
  feel mood, CONSTRAINT notes_pair UNIQUE (amount, label), CONSTRAINT label_short CHECK (length(label) < 10)
);
CREATE UNIQUE INDEX notes_lower ON notes (lower(label), (amount + 1));
INSERT INTO notes (code, amount, label) VALUES ('a', 1, 'x'), ('b', 2, 'y'), ('c', 3, 'z');
CREATE TABLE spans (during int4range, room text, EXCLUDE USING gist (during WITH &&));
INSERT INTO spans VALUES ('[1,5)', 'a');
CREATE TABLE parted (id int PRIMARY KEY, v text) PARTITION BY LIST (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE owners (id int PRIMARY KEY, name text);
CREATE TABLE bills (id int PRIMARY KEY, owner int REFERENCES owners, title text);
CREATE TABLE lines (bill int REFERENCES bills);
CREATE TABLE app.bills (id int);
CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL, zip text UNIQUE, legacy boolean);
INSERT INTO owners VALUES (1, 'Ada'), (2, 'Bob');
INSERT INTO bills VALUES (1, 1, 'books');
INSERT INTO lines VALUES (1);
INSERT INTO people VALUES (1, 'Ada Lovelace', '123', true);
CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE RETURN n * 2;
`

const renamed = `
ALTER TYPE mood RENAME TO feeling;
ALTER DOMAIN posint RENAME TO positive;
ALTER DOMAIN positive SET SCHEMA app;
ALTER TABLE notes RENAME TO memos;
ALTER TABLE memos RENAME label TO title;
ALTER TABLE memos RENAME amount TO quantity;
ALTER TABLE memos RENAME code TO kode;
ALTER TABLE memos RENAME CONSTRAINT notes_pair TO memos_pair;
ALTER TABLE memos RENAME CONSTRAINT label_short TO title_short;
ALTER INDEX notes_lower RENAME TO memos_lower;
ALTER SEQUENCE notes_id_seq RENAME TO memos_id_seq;
ALTER TABLE memos ADD extra text;
ALTER TABLE spans RENAME during TO period;
ALTER TABLE spans RENAME TO periods;
ALTER TABLE parted RENAME TO pieces;
ALTER TABLE pieces RENAME id TO nr;
ALTER TABLE owners RENAME TO tmp;
ALTER TABLE bills RENAME TO owners;
ALTER TABLE tmp RENAME TO bills;
ALTER TABLE owners RENAME id TO tmp;
ALTER TABLE owners RENAME owner TO id;
ALTER TABLE owners RENAME tmp TO owner;
ALTER FUNCTION twice(integer) RENAME TO double;
`

const computed = {
  sql: `
    ALTER TABLE people RENAME TO persons;
    ALTER TABLE persons RENAME zip TO zip_no;
    ALTER TABLE persons ALTER zip_no TYPE integer USING zip_no::integer;
    ALTER TABLE persons ADD first text, ADD last text;
    UPDATE persons SET first = split_part(name, ' ', 1), last = split_part(name, ' ', 2);
    ALTER TABLE persons ALTER first SET NOT NULL, ADD CONSTRAINT full_name UNIQUE (first, last);
    ALTER TABLE persons DROP name, DROP legacy;
    ALTER TABLE persons ADD country text;
  `,
  rules: `
tables:
  people:
    to: persons
    same_meaning: true
    columns:
      name: { type: text, read: "first || ' ' || last", write: { first: "split_part(value, ' ', 1)", last: "split_part(value, ' ', 2)" } }
      zip: { to: zip_no, type: text, read: "zip_no::text", write: "value::integer", injective: true }
      legacy: { dropped: true, type: boolean, read: "false" }
`,
}

/** Fields that tell of PostgreSQL's own source, or that the proxy leaves as they are. */
const UNTOLD: ReadonlySet<string> = new Set(['V', 'F', 'L', 'R'])

/** The errors and notices of an answer, without the values of a failing row, which has the new columns too. */
function told(messages: readonly BackendMessage[]): string[] {
  return messages.flatMap((message) => {
    if (message.type !== 'ErrorResponse' && message.type !== 'NoticeResponse') return []
    const fields = [...message.fields].filter(([code]) => !UNTOLD.has(code))
    return fields.map(([code, value]) => `${code} ${value.replace(/^Failing row contains .*/s, 'Failing row')}`).sort()
  })
}

let old: OldDatabase
beforeAll(async () => {
  old = await createOldDatabase(before)
})
afterAll(() => old.drop())

async function ask(
  oracle: Oracle,
  { sql, copyData }: Pick<OracleCase, 'sql' | 'copyData'>,
): Promise<[string[], string[]]> {
  const request = { sql: toByteString(sql), parameters: [], copyData }
  return [
    told(await observe(oracle.before, 'simple', '', request)),
    told((await oracle.after.run('simple', undefined, '', request, false)).messages),
  ]
}

describe('after renames', () => {
  let pair: DatabasePair
  let oracle: Oracle
  beforeAll(async () => {
    pair = await old.migrate({ name: 'renamed', steps: [{ sql: renamed, rules: '' }] })
    oracle = await openOracle('rewriter', pair, inject('postgresPort'))
  })
  afterAll(async () => {
    await oracle.close()
    await pair.drop()
  })

  const cases = parseFixture(readFileSync(new URL('fixtures/errors.sql', import.meta.url), 'utf8'))
  test.each(cases)('$rule: $sql', async (item) => {
    const [expected, got] = await ask(oracle, item)
    expect(expected).not.toEqual([])
    expect(got).toEqual(expected)
  })

  test('a hint proposes no column that the old version lacks', async () => {
    const [, got] = await ask(oracle, { sql: "UPDATE notes SET label = 'a' WHERE notes.exta = 'x'", copyData: [] })
    expect(got).toEqual(['C 42703', 'M column notes.exta does not exist', 'P 36', 'S ERROR'])
  })

  test('a hint proposes a column by its old name', async () => {
    const [, got] = await ask(oracle, { sql: "UPDATE notes SET label = 'a' WHERE notes.titel = 'x'", copyData: [] })
    expect(got).toContain('H Perhaps you meant to reference the column "notes.label".')
  })
})

describe('after columns were computed', () => {
  let pair: DatabasePair
  let oracle: Oracle
  beforeAll(async () => {
    pair = await old.migrate({ name: 'computed', steps: [computed] })
    oracle = await openOracle('rewriter', pair, inject('postgresPort'))
  })
  afterAll(async () => {
    await oracle.close()
    await pair.drop()
  })
  const answer = (sql: string) => ask(oracle, { sql, copyData: [] })

  test.each([
    "INSERT INTO people (id, name, zip) VALUES (2, 'Bob Berg', '123')",
    "INSERT INTO people (id, name) VALUES (1, 'Bob Berg')",
    'INSERT INTO people (id) VALUES (2)',
    "INSERT INTO people (id, name, nothing) VALUES (2, 'Bob Berg', 1)",
    'SELECT name, nothing FROM people',
    'SELECT p.nothing FROM people p WHERE p.zip = $$123$$',
    'SELECT name FROM people GROUP BY id, zip HAVING nothing > 1',
    'SELECT zip + 1 FROM people',
    'SELECT sum(name) FROM people',
    'SELECT p.name FROM people',
    'SELECT name, zip FROM people JOIN people p USING (nothing)',
    'SELECT name FROM people a JOIN people b ON a.id = b.id',
    'SELECT name::integer FROM people',
    'SELECT 1 / (length(name) - 12) FROM people',
    'SELECT legacy + 1 FROM people',
    "SELECT id FROM people WHERE legacy = 'maybe'",
  ])('%s fails as on the old schema', async (sql) => {
    const [expected, got] = await answer(sql)
    expect(expected).not.toEqual([])
    expect(got).toEqual(expected)
  })

  test('a column that became NOT NULL behind an old one is told by the name of the old one', async () => {
    const [expected, got] = await answer('UPDATE people SET name = NULL')
    expect(expected).toContain('c name')
    expect(got).toEqual(expected)
  })

  test('a key of columns that the old version does not have is left out of a detail', async () => {
    const [, got] = await answer("INSERT INTO people (id, name) VALUES (2, 'Ada Lovelace')")
    expect(got).toEqual([
      'C 23505',
      'M duplicate key value violates unique constraint "full_name"',
      'S ERROR',
      'n full_name',
      's public',
      't people',
    ])
  })

  test('names that only the rewriter uses reach no client', async () => {
    const clauses = [
      'hotswap',
      'hs',
      '"hotswap key 0.0.1"',
      '"hotswap 0.0.8"',
      'hotswap_row',
      'firs',
      'countr',
      'zip_n',
      'nam',
      'lega',
    ]
    const statements = clauses.flatMap((name) =>
      [
        `SELECT ${name} FROM people`,
        `SELECT name, ${name} FROM people WHERE zip = '123' ORDER BY zip`,
        `SELECT p.${name} FROM people p JOIN people q ON p.zip = q.zip`,
        `SELECT row_to_json(p), ${name} FROM people p`,
        `SELECT name FROM people JOIN people q USING (${name})`,
        `UPDATE people SET ${name} = 1`,
        `UPDATE people SET name = 'x y' WHERE ${name} = 1 RETURNING row_to_json(people)`,
        `UPDATE people SET name = row_to_json(people)::text || people.${name}`,
        `INSERT INTO people (id, ${name}) VALUES (1, 2)`,
        `INSERT INTO people (id, name) VALUES (2, 'x y') RETURNING ${name}, row_to_json(people)`,
        `DELETE FROM people WHERE people.${name} = 1`,
        `MERGE INTO people p USING owners o ON o.id = p.${name} WHEN MATCHED THEN UPDATE SET name = 'x'`,
        `COPY people (zip, ${name}) TO STDOUT`,
        `CREATE TEMP TABLE t AS SELECT *, 1 AS ${name}, 2 AS ${name} FROM people`,
      ].map((sql) => ({ name, sql })),
    )
    const fields: string[] = []
    for (const { name, sql } of statements) {
      const [, got] = await answer(sql)
      // What the statement says itself may be said again.
      const own = name.replaceAll('"', '')
      fields.push(...got.map((field) => field.replaceAll(new RegExp(`\\b${own}\\b(?![. ]\\d| key)`, 'g'), '...')))
    }
    expect(fields.length).toBeGreaterThan(400)
    expect(fields.filter((field) => /hotswap|\bhs\b/.test(field))).toEqual([])
    expect(fields.filter((field) => /\bpersons\b|^H .*(first|last|country|zip_no)/.test(field))).toEqual([])
  })
})
