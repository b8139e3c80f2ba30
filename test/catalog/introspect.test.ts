import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Catalog, findRelation, type Relation } from '../../src/catalog/catalog.js'
import { introspect, type TextQuery } from '../../src/catalog/introspect.js'
import { createDatabase, type TestDatabase } from '../support/database.js'

const schema = `
  CREATE SCHEMA shop;
  CREATE SCHEMA "Odd Name";
  CREATE TYPE shop.mood AS ENUM ('good', 'bad');
  CREATE DOMAIN shop.zip AS varchar(5);
  CREATE TABLE public.users (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name varchar(20) COLLATE "C" NOT NULL DEFAULT 'x',
    gone int,
    price numeric(10,2),
    moods shop.mood[],
    zip shop.zip,
    twice numeric GENERATED ALWAYS AS (price * 2) STORED,
    "at" timestamptz(3),
    CHECK (price > 0)
  );
  ALTER TABLE users DROP COLUMN gone;
  CREATE TABLE shop.orders (id int8 PRIMARY KEY, user_id int REFERENCES public.users, code text);
  CREATE UNIQUE INDEX orders_code ON shop.orders (lower(code)) WHERE code <> '';
  CREATE VIEW shop.names AS SELECT name FROM public.users;
  CREATE TABLE shop.events (at date) PARTITION BY RANGE (at);
  CREATE TABLE shop.events_1 PARTITION OF shop.events DEFAULT;
  CREATE FUNCTION shop.full_name(u public.users) RETURNS text LANGUAGE sql AS 'SELECT u.name';
  CREATE FUNCTION shop.all_users() RETURNS SETOF public.users LANGUAGE sql AS 'SELECT * FROM public.users';
  CREATE TABLE "Odd Name"."Table" (a int);
  CREATE TABLE "Odd Name".t2 (c "Odd Name"."Table"[]);
`

let database: TestDatabase
let client: pg.Client
let catalog: Catalog

const query: TextQuery = async (sql) =>
  (await client.query({ text: sql, rowMode: 'array', types: { getTypeParser: () => (v: string) => v } })).rows

beforeAll(async () => {
  database = await createDatabase(schema)
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  catalog = await introspect(query)
})

afterAll(async () => {
  await client.end()
  await database.drop()
})

function relation(schemaName: string, name: string): Relation {
  const found = findRelation(catalog, [], schemaName, name)
  if (found === undefined) throw new Error(`${schemaName}.${name} was not introspected`)
  return found
}

test('a table has its live columns with types, typmods, defaults, identity and generation', () => {
  const columns = relation('public', 'users').columns
  expect(columns.map((c) => [c.name, c.attnum, c.type, c.notNull, c.hasDefault, c.identity, c.generated])).toEqual([
    ['id', 1, 'integer', true, false, 'always', 'none'],
    ['name', 2, 'character varying(20)', true, true, 'none', 'none'],
    ['price', 4, 'numeric(10,2)', false, false, 'none', 'none'],
    ['moods', 5, 'shop.mood[]', false, false, 'none', 'none'],
    ['zip', 6, 'shop.zip', false, false, 'none', 'none'],
    ['twice', 7, 'numeric', false, true, 'none', 'stored'],
    ['at', 8, 'timestamp(3) with time zone', false, false, 'none', 'none'],
  ])
  expect(columns.find((c) => c.name === 'price')?.typmod).toBe(((10 << 16) | 2) + 4)
})

test('constraints, indexes, parents and kinds are there', () => {
  expect(relation('public', 'users').constraints.map((c) => c.kind)).toContain('primary')
  expect(relation('public', 'users').constraints.map((c) => c.kind)).toContain('check')
  const orders = relation('shop', 'orders')
  expect(orders.constraints.find((c) => c.kind === 'foreign')?.columns).toEqual([2])
  expect(orders.indexes.map((i) => [i.name, i.unique])).toEqual([
    ['orders_pkey', true],
    ['orders_code', true],
  ])
  expect(relation('shop', 'names').kind).toBe('view')
  expect(relation('shop', 'events').kind).toBe('partitioned')
  expect(relation('shop', 'events_1').parents).toEqual([relation('shop', 'events').oid])
  expect(relation('public', 'users_id_seq').kind).toBe('sequence')
  expect(relation('pg_catalog', 'pg_class').columns.length).toBeGreaterThan(20)
  expect(relation('information_schema', 'tables').kind).toBe('view')
  expect(relation('Odd Name', 't2').columns[0]?.type).toBe('"Odd Name"."Table"[]')
})

test('functions over a row type are listed, whether it is their argument or their result', () => {
  const { oid } = relation('public', 'users')
  expect(catalog.rowTypeFunctions.filter((f) => f.relationOid === oid)).toEqual([
    { schema: 'shop', name: 'all_users', relationOid: oid, givesRows: true },
    { schema: 'shop', name: 'full_name', relationOid: oid, givesRows: false },
  ])
})

test('search_path changes nothing that two catalogs are compared by', async () => {
  const comparable = (c: Catalog) =>
    c.relations.map((r) => ({
      ...r,
      constraints: r.constraints.map((k) => ({ ...k, definition: '' })),
      indexes: r.indexes.map((i) => ({ ...i, definition: '' })),
    }))
  await client.query('BEGIN')
  await client.query('SET LOCAL search_path = shop, "Odd Name", public, pg_catalog')
  const other = await introspect(query)
  await client.query('ROLLBACK')
  expect(comparable(other)).toEqual(comparable(catalog))
})

test('uncommitted DDL of the asking transaction is seen', async () => {
  await client.query('BEGIN')
  await client.query('ALTER TABLE shop.orders RENAME COLUMN code TO label')
  const inside = await introspect(query)
  await client.query('ROLLBACK')
  expect(findRelation(inside, [], 'shop', 'orders')?.columns[2]?.name).toBe('label')
})

test('temporary and TOAST relations are not in the catalog', async () => {
  await client.query('CREATE TEMP TABLE mine (a text)')
  const now = await introspect(query)
  expect(now.relations.some((r) => r.name === 'mine' || r.schema.startsWith('pg_to'))).toBe(false)
})

test('an earlier catalog lends its system relations; the rest is read anew', async () => {
  await client.query('BEGIN')
  await client.query('CREATE TABLE fresh (a int)')
  const [all, quick] = [await introspect(query), await introspect(query, catalog)]
  await client.query('ROLLBACK')
  expect(findRelation(quick, [], 'public', 'fresh')).toBeDefined()
  expect(quick).toEqual(all)
})
