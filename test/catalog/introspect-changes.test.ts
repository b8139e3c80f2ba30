import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  introspect,
  introspectChanges,
  introspectMarked,
  type OidsQuery,
  type SeenCatalog,
  type TextQuery,
} from '../../src/catalog/introspect.js'
import { createDatabase, type TestDatabase } from '../support/database.js'

const schema = `
  CREATE SCHEMA shop;
  CREATE TYPE mood AS ENUM ('good', 'bad');
  CREATE DOMAIN zip AS varchar(5) CHECK (VALUE <> '');
  CREATE SEQUENCE numbers;
  CREATE TABLE users (id int PRIMARY KEY, name text DEFAULT 'x', number int DEFAULT nextval('numbers'), mood mood, zip zip);
  CREATE UNIQUE INDEX users_name ON users (lower(name));
  CREATE TABLE shop.orders (id int PRIMARY KEY, user_id int REFERENCES users, total int, CHECK (total > 0));
  CREATE TABLE events (at date, what text) PARTITION BY RANGE (at);
  CREATE TABLE events_1 PARTITION OF events DEFAULT;
  CREATE TABLE events_2 (at date NOT NULL, what text);
  CREATE VIEW names AS SELECT name FROM users;
  CREATE VIEW sums AS SELECT total FROM shop.orders;
  CREATE MATERIALIZED VIEW kept AS SELECT id FROM users;
  CREATE TYPE pair AS (a int, b int);
  CREATE TABLE pairs (p pair, u users);
  CREATE POLICY own ON users USING (id > 0);
  CREATE FUNCTION first_user() RETURNS users LANGUAGE sql AS 'SELECT * FROM users LIMIT 1';
`

/** DDL of which nothing but the relations that it changed is read again. */
const narrow = [
  'ALTER TABLE users RENAME name TO full_name',
  'ALTER TABLE users RENAME id TO key',
  'ALTER TABLE shop.orders ADD COLUMN added int DEFAULT 3',
  'ALTER TABLE users DROP COLUMN number',
  "ALTER TABLE users ALTER name SET DEFAULT 'y'",
  'ALTER TABLE users ALTER name DROP DEFAULT',
  'ALTER TABLE users ALTER name SET NOT NULL',
  'ALTER TABLE shop.orders ALTER user_id TYPE bigint',
  'ALTER TABLE shop.orders ADD CONSTRAINT most CHECK (total < 100) NOT VALID',
  'ALTER TABLE shop.orders DROP CONSTRAINT orders_total_check',
  'ALTER TABLE shop.orders DROP CONSTRAINT orders_user_id_fkey',
  'ALTER TABLE users RENAME CONSTRAINT users_pkey TO users_key',
  'ALTER INDEX users_name RENAME TO users_by_name',
  'ALTER TABLE users ENABLE ROW LEVEL SECURITY',
  'CREATE INDEX orders_total ON shop.orders (total)',
  'DROP INDEX users_name',
  'ALTER TABLE users FORCE ROW LEVEL SECURITY; ALTER TABLE users ENABLE ROW LEVEL SECURITY',
  'ALTER TABLE users ENABLE ROW LEVEL SECURITY; DROP POLICY own ON users',
  'ALTER TABLE users ENABLE ROW LEVEL SECURITY; ALTER POLICY own ON users USING (id > 7)',
  "ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')",
  'ALTER TABLE events DETACH PARTITION events_1',
  'ALTER TABLE events RENAME what TO kind',
  'ALTER TABLE events_2 INHERIT shop.parent',
  'CREATE OR REPLACE VIEW sums AS SELECT id AS total FROM users',
  'ALTER VIEW names RENAME COLUMN name TO called',
  'ALTER TABLE shop.orders RENAME total TO a; ALTER TABLE shop.orders RENAME user_id TO total; ALTER TABLE shop.orders RENAME a TO user_id',
]

/** DDL after which everything is read. */
const wide = [
  'ALTER TABLE users RENAME TO people',
  'ALTER TABLE users SET SCHEMA shop',
  'ALTER SCHEMA shop RENAME TO store',
  'CREATE SCHEMA fresh',
  'CREATE TABLE fresh (a int)',
  'DROP TABLE shop.orders CASCADE',
  'DROP TABLE pairs; CREATE TABLE pairs (p pair)',
  'ALTER SEQUENCE numbers RENAME TO counts',
  "ALTER TYPE mood RENAME VALUE 'good' TO 'fine'",
  'ALTER TYPE mood RENAME TO feeling',
  'ALTER TYPE pair RENAME ATTRIBUTE a TO c',
  'ALTER DOMAIN zip DROP CONSTRAINT zip_check',
  "ALTER DOMAIN zip SET DEFAULT 'x'",
  'ALTER FUNCTION first_user() RENAME TO a_user',
  'DROP FUNCTION first_user()',
  'ALTER TABLE users DROP COLUMN name CASCADE',
]

/** DDL that no catalog shows. */
const none = [
  'TRUNCATE users, shop.orders, pairs',
  'REFRESH MATERIALIZED VIEW kept',
  "COMMENT ON TABLE users IS 'them'",
  'GRANT SELECT ON users TO PUBLIC',
]

let database: TestDatabase
let client: pg.Client
let seen: SeenCatalog
let asked: { readonly all: string[]; readonly some: (readonly number[])[] }

const query: TextQuery = async (sql) => {
  asked.all.push(sql)
  return (await client.query({ text: sql, rowMode: 'array', types: { getTypeParser: () => (v: string) => v } })).rows
}
const queryOids: OidsQuery = async (sql, oids) => {
  asked.some.push(oids)
  const rows = await query(sql.replaceAll('$1', `'{${oids.join()}}'`))
  asked.all.pop()
  return rows
}

beforeAll(async () => {
  database = await createDatabase(schema)
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query('CREATE TABLE shop.parent (at date)')
  asked = { all: [], some: [] }
  seen = await introspectMarked(query)
})

beforeEach(() => client.query('BEGIN'))
afterEach(() => client.query('ROLLBACK'))

afterAll(async () => {
  await client.end()
  await database.drop()
})

/** What is read after DDL: as a switch reads it, and in full. */
async function read(from = seen): Promise<{ changes: SeenCatalog; full: SeenCatalog; readAlone: boolean }> {
  asked = { all: [], some: [] }
  const changes = await introspectChanges({ query, queryOids }, from, from.catalog)
  const readAlone = asked.all.length === 1
  return { changes, full: { ...changes, catalog: await introspect(query) }, readAlone }
}

describe('only relations that have changed are read again', () => {
  test.each(narrow)('%s', async (sql) => {
    await client.query(sql)
    const { changes, full, readAlone } = await read()
    expect(changes.catalog).toEqual(full.catalog)
    expect(changes.catalog).not.toEqual(seen.catalog)
    expect(readAlone).toBe(true)
    expect(asked.some[0]?.length).toBeLessThanOrEqual(6)
  })

  test('what has not changed is the earlier object', async () => {
    await client.query('ALTER TABLE shop.orders RENAME total TO sum')
    const { changes } = await read()
    const same = changes.catalog.relations.filter((relation, index) => relation === seen.catalog.relations[index])
    expect(same).toHaveLength(seen.catalog.relations.length - 1)
  })
})

test.each(wide)('everything is read again after %s', async (sql) => {
  await client.query(sql)
  const { changes, full, readAlone } = await read()
  expect(changes.catalog).toEqual(full.catalog)
  expect(readAlone).toBe(false)
})

test.each(none)('nothing is read again after %s', async (sql) => {
  await client.query(sql)
  const { changes, readAlone } = await read()
  expect(changes.catalog).toEqual(seen.catalog)
  expect(readAlone).toBe(true)
  expect(asked.some).toEqual([])
})

// Rows of one transaction have one xmin, before and after.
test.each([
  ['CREATE TABLE mine (a int, b int)', 'ALTER TABLE mine RENAME a TO c'],
  ['CREATE TABLE mine (a int CHECK (a > 0))', 'ALTER TABLE mine RENAME CONSTRAINT mine_a_check TO other'],
  ["CREATE TYPE mine AS ENUM ('a')", "ALTER TYPE mine RENAME VALUE 'a' TO 'b'"],
  ['CREATE FUNCTION mine() RETURNS int LANGUAGE sql RETURN 1', 'ALTER FUNCTION mine() RENAME TO yours'],
  ['CREATE VIEW mine AS SELECT id FROM users', 'CREATE OR REPLACE VIEW mine AS SELECT id FROM shop.orders'],
])('what the same transaction made is read again when it changes: %s; %s', async (first, second) => {
  await client.query(first)
  const between = await introspectMarked(query)
  await client.query(second)
  const { changes, full } = await read(between)
  expect(changes.catalog).toEqual(full.catalog)
  expect(changes.catalog).not.toEqual(between.catalog)
})

test('what was changed and changed back in between is seen', async () => {
  await client.query('ALTER TABLE users RENAME name TO other; ALTER TABLE users RENAME other TO name')
  const { changes, full } = await read()
  expect(changes.catalog).toEqual(full.catalog)
  expect(asked.some.length).toBeGreaterThan(0)
})
