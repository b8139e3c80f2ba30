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
