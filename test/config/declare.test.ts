import { afterEach, expect, test } from 'vitest'
import { type Catalog, findRelation } from '../../src/catalog/catalog.js'
import { introspect } from '../../src/catalog/introspect.js'
import { type DeclaredVersions, planGeneration } from '../../src/config/declare.js'
import { readRuleFile } from '../../src/config/load-rules.js'
import { type Checked, formatProblem } from '../../src/config/problem.js'
import type { RuleFile } from '../../src/config/rule-file.js'
import { loadParser } from '../../src/sql/parse.js'
import { createRuleServer } from '../../src/switch/rule-server.js'
import { createDatabase, type TestDatabase } from '../support/database.js'
import { withTextQuery } from '../support/text-query.js'

const schema = `
  CREATE TABLE users (id int PRIMARY KEY, name text, email text, bio text);
  CREATE TABLE posts (id int PRIMARY KEY, title text, body text);
  CREATE SCHEMA app;
`

const databases: TestDatabase[] = []
afterEach(async () => {
  for (const database of databases.splice(0)) await database.drop()
})

const parser = await loadParser()

/** Rule files `1.yaml`, `2.yaml`, ...; each text is what stands under `tables:`. */
function rules(...texts: string[]): RuleFile[] {
  return texts.map((text, index) => {
    const checked = readRuleFile(`${index + 1}.yaml`, `tables: ${text}`, parser)
    if (!checked.ok) throw new Error(checked.problems.map(formatProblem).join('\n'))
    return checked.value
  })
}

/** What rules say of a database after the schema above and more SQL. */
async function declare(sql: string, ...texts: string[]): Promise<Checked<DeclaredVersions>> {
  const database = await createDatabase(schema + sql)
  databases.push(database)
  return await withTextQuery(database.url, async (query) =>
    planGeneration(await introspect(query), rules(...texts), { number: 1, server: createRuleServer(query, parser) }),
  )
}

function good(checked: Checked<DeclaredVersions>): DeclaredVersions {
  if (!checked.ok) throw new Error(checked.problems.map(formatProblem).join('\n'))
  return checked.value
}

function problems(checked: Checked<DeclaredVersions>): string[] {
  return checked.ok ? [] : checked.problems.map(formatProblem)
}

/** `public.users(id, name)`; undefined where the version has no such table. */
function show(catalog: Catalog | undefined, schemaName: string, name: string): string | undefined {
  const relation = catalog && findRelation(catalog, [], schemaName, name)
  return relation && `${schemaName}.${name}(${relation.columns.map((column) => column.name).join(', ')})`
}

test('without rules the head is the only version', async () => {
  const { generation, armed } = good(await declare(''))
  expect(generation.versions.map((version) => version.name)).toEqual(['initial'])
  expect(generation.steps).toEqual([])
  expect(armed).toEqual([])
})

test('the old catalog has the old names, without the added columns', async () => {
  const { generation } = good(
    await declare(
      'ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME email TO mail; ALTER TABLE people ADD country text NOT NULL',
      `{ users: { to: people, columns: { email: mail }, insert: { country: "'DE'" } } }`,
    ),
  )
  expect(generation.versions.map((version) => version.name)).toEqual(['initial', '1'])
  const old = generation.versions[0]?.catalog
  expect(show(old, 'public', 'users')).toBe('public.users(id, name, email, bio)')
  expect(show(old, 'public', 'people')).toBeUndefined()
  const step = [...(generation.steps[0]?.mapping.relations.values() ?? [])]
  expect(step).toHaveLength(1)
  expect(step[0]?.columns.get('email')).toEqual({ kind: 'column', name: 'mail' })
  expect(step[0]?.added.map((column) => column.name)).toEqual(['country'])
  expect(step[0]?.insert).toEqual([{ column: 'country', expression: "'DE'" }])
})

const chain = [
  '{ users: { to: people, columns: { email: mail } } }',
  '{ people: { columns: { mail: address }, added: [country] } }',
  '{ people: { to: app.person } }',
]
const migrations = [
  'ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME email TO mail;',
  'ALTER TABLE people RENAME mail TO address; ALTER TABLE people ADD country text;',
  'ALTER TABLE people RENAME TO person; ALTER TABLE person SET SCHEMA app;',
]

test.each([0, 1, 2, 3])('of a chain of three files, those after migration %i are armed', async (count) => {
  const { generation, armed } = good(await declare(migrations.slice(0, count).join(''), ...chain))
  expect(generation.versions.map((version) => version.name)).toEqual(['initial', '1', '2', '3'].slice(0, count + 1))
  expect(armed.map((file) => file.version)).toEqual(['1', '2', '3'].slice(count))
  expect(show(generation.versions[0]?.catalog, 'public', 'users')).toBe('public.users(id, name, email, bio)')
  expect(generation.steps.every((step) => step.mapping.relations.size === 1)).toBe(true)
})

test.each([
  [
    'columns that swap their names',
    'ALTER TABLE posts RENAME title TO t; ALTER TABLE posts RENAME body TO title; ALTER TABLE posts RENAME t TO body',
    '{ posts: { columns: { title: body, body: title } } }',
    ['public.posts(id, title, body)', 'public.users(id, name, email, bio)'],
  ],
  [
    'tables that swap their names',
    'ALTER TABLE users RENAME TO t; ALTER TABLE posts RENAME TO users; ALTER TABLE t RENAME TO posts',
    '{ users: { to: posts }, posts: { to: users } }',
    ['public.posts(id, title, body)', 'public.users(id, name, email, bio)'],
  ],
  [
    'a new column under the old name of another',
    'ALTER TABLE posts RENAME title TO headline; ALTER TABLE posts ADD title int',
    '{ posts: { columns: { title: headline }, added: [title] } }',
    ['public.posts(id, title, body)', 'public.users(id, name, email, bio)'],
  ],
  [
    'a new table under the old name of another',
    'ALTER TABLE posts RENAME TO articles; CREATE TABLE posts (other int)',
    '{ posts: { to: articles } }',
    ['public.posts(id, title, body)', 'public.users(id, name, email, bio)'],
  ],
])('%s', async (_, sql, rule, expected) => {
  const { generation } = good(await declare(sql, rule))
  const old = generation.versions[0]?.catalog
  expect([show(old, 'public', 'posts'), show(old, 'public', 'users')]).toEqual(expected)
})

test('names that do not tell before from after count as migrated, and a note says so', async () => {
  const { generation, notes } = good(await declare('', '{ posts: { columns: { title: body, body: title } } }'))
  expect(generation.versions.map((version) => version.name)).toEqual(['initial', '1'])
  expect(notes).toEqual(['1.yaml: its names exist before and after its migration; it is taken as migrated'])
})

test('names that do not tell are armed where an earlier file is armed', async () => {
  const { armed } = good(
    await declare('', '{ users: { to: people } }', '{ posts: { columns: { title: body, body: title } } }'),
  )
  expect(armed.map((file) => file.version)).toEqual(['1', '2'])
})

test('an added column that the rule does not name stays visible to old statements', async () => {
  const { generation } = good(
    await declare(
      'ALTER TABLE posts RENAME title TO headline; ALTER TABLE posts ADD extra int',
      '{ posts: { columns: { title: headline } } }',
    ),
  )
  expect(show(generation.versions[0]?.catalog, 'public', 'posts')).toBe('public.posts(id, title, body, extra)')
})

test('partitions are renamed with their parent', async () => {
  const { generation } = good(
    await declare(
      `CREATE TABLE events (at date, kind text, note text) PARTITION BY RANGE (at);
       CREATE TABLE events_1 PARTITION OF events DEFAULT;`,
      '{ events: { columns: { type: kind }, added: [note] } }',
    ),
  )
  expect(show(generation.versions[0]?.catalog, 'public', 'events_1')).toBe('public.events_1(at, type)')
  expect(generation.steps[0]?.mapping.relations.size).toBe(2)
})

test.each([
  [
    'a table that does not exist',
    '{ usres: { columns: { a: b } } }',
    '1.yaml:1:11: there is no table "usres"; did you mean "users"?',
  ],
  [
    'a renamed table of which neither name exists',
    '{ usr: { to: person } }',
    '1.yaml:1:11: there is neither a table "usr" (before this migration) nor "person" (after it)',
  ],
  [
    'a column of which neither name exists',
    '{ users: { columns: { emial: mail } } }',
    '1.yaml:1:31: public.users has neither "emial" (before this migration) nor "mail" (after it); did you mean "email"?',
  ],
  [
    'two columns that become one',
    '{ users: { columns: { name: label, email: label } } }',
    '1.yaml:1:51: column "name" already becomes "label"',
  ],
  [
    'two tables that become one',
    '{ users: { to: all }, posts: { to: all } }',
    '1.yaml:1:44: table "users" already becomes "all"',
  ],
  [
    'one table under two names',
    '{ users: { added: [x] }, public.users: { added: [y] } }',
    '1.yaml:1:34: this is the same table as "users"; put both rules together',
  ],
  [
    'an added column that another becomes',
    '{ users: { columns: { name: label }, added: [label] } }',
    '1.yaml:1:54: "label" is not a new column: "name" becomes it',
  ],
  [
    'a column that is there already',
    '{ users: { columns: { email: name } } }',
    '1.yaml:1:31: this file does not fit the database: after the migration, public.users has both "name" and "email"; where "email" is a new column under the old name, list it in "added"',
  ],
  [
    'a table that is there already',
    '{ users: { to: posts } }',
    '1.yaml:1:24: this file does not fit the database: before the migration, public.posts exists already, and so does public.users',
  ],
])('%s is an error with its place', async (_, rule, expected) => {
  expect(problems(await declare('', rule))).toEqual([expected])
})

test('a file of which one table is migrated and one is not is an error', async () => {
  expect(
    problems(await declare('ALTER TABLE users RENAME TO people', '{ users: { to: people }, posts: { to: articles } }')),
  ).toEqual([
    '1.yaml:1:34: "posts" is still as before this migration, while other tables of this file are as after it; one file is one migration',
  ])
})

test('a file that is not migrated before one that is, is an error', async () => {
  expect(
    problems(
      await declare('ALTER TABLE users RENAME TO people', '{ posts: { to: articles } }', '{ users: { to: people } }'),
    ),
  ).toEqual(['1.yaml:1:11: the database is as before this migration, although it is as after a later one'])
})

test('a NOT NULL addition without a default needs an insert rule', async () => {
  expect(problems(await declare('ALTER TABLE posts ADD lang text NOT NULL', '{ posts: { added: [lang] } }'))).toEqual([
    expect.stringContaining('1.yaml:1:28: public.posts.lang: the new column is NOT NULL and has no default'),
  ])
})

const computed = `
  CREATE TABLE members (id int PRIMARY KEY, name text, zip varchar(5), status text DEFAULT 'A', seen timestamp);
  ALTER TABLE members ADD first text, ADD last text, ALTER zip TYPE integer USING zip::integer,
    ALTER seen TYPE timestamptz USING seen AT TIME ZONE 'UTC';
  ALTER TABLE members DROP name;
  ALTER TABLE members RENAME status TO state;
`
const split = `name: { type: text, read: "first || last", write: { first: value, last: "''" } }`

test('old columns that are computed have the types that the rule gives, and stand where it says', async () => {
  const { generation } = good(
    await declare(
      computed,
      `{ members: { order: [id, name, zip, status, seen], columns: { ${split}, zip: { type: varchar(5), injective: true },
         status: { to: state, type: text, values: { A: a } }, seen: { type: timestamp, time_zone: UTC } } } }`,
    ),
  )
  const old = generation.versions[0]?.catalog.byName.get('public')?.get('members')
  expect(old?.columns.map(({ name, type, typeOid, typmod }) => [name, type, typeOid, typmod])).toEqual([
    ['id', 'integer', 23, -1],
    ['name', 'text', 25, -1],
    ['zip', 'character varying(5)', 1043, 9],
    ['status', 'text', 25, -1],
    ['seen', 'timestamp without time zone', 1114, -1],
  ])
  expect(new Set(old?.columns.map(({ attnum }) => attnum)).size).toBe(5)
  const mapping = [...(generation.steps[0]?.mapping.relations.values() ?? [])][0]
  expect(mapping?.columns.get('name')).toMatchObject({ kind: 'computed', type: 'text' })
  expect(mapping?.columns.get('zip')).toMatchObject({ key: { column: 'zip', injective: true, total: false } })
  expect(mapping?.added.map(({ name }) => name)).toEqual(['first', 'last'])
  // An INSERT without the name writes NULL through the expressions; the others take the new defaults.
  expect(mapping?.insert.map(({ column, unless }) => [column, unless])).toEqual([
    ['first', 'name'],
    ['last', 'name'],
  ])
})

test('of a column that keeps its name, its type tells whether the migration has run', async () => {
  const rule = '{ users: { columns: { id: { type: int } } } }'
  expect(good(await declare('', rule)).armed).toHaveLength(1)
  expect(good(await declare('ALTER TABLE users ALTER id TYPE bigint', rule)).armed).toHaveLength(0)
  const written = `{ users: { columns: { id: { type: int, read: "id::int", write: "value::bigint" } } } }`
  expect(good(await declare('ALTER TABLE users ALTER id TYPE bigint', written)).armed).toHaveLength(0)
})

test('a chain binds its steps in the middle against what its rules derive', async () => {
  const { generation } = good(
    await declare(
      `ALTER TABLE users DROP bio; ALTER TABLE users RENAME TO people;
       ALTER TABLE people ADD first text, ADD last text, DROP name`,
      '{ users: { order: [id, name, email, bio], columns: { bio: { dropped: true, type: text, read: "name" } } } }',
      `{ users: { to: people, order: [id, name, email], columns: { ${split} } } }`,
    ),
  )
  expect(show(generation.versions[0]?.catalog, 'public', 'users')).toBe('public.users(id, name, email, bio)')
  expect(show(generation.versions[1]?.catalog, 'public', 'users')).toBe('public.users(id, name, email)')
})

test.each([
  [
    'a column that is gone without the order of the old ones',
    'ALTER TABLE users DROP bio',
    '{ users: { columns: { bio: { dropped: true, type: text, read: "NULL" } } } }',
    '1.yaml:1:11: say in which order the old table had its columns, e.g. order: [id, name, email, bio]; public.users does not show it',
  ],
  [
    'a column that may have been another one without the order of the old ones',
    'ALTER TABLE users ADD mail int, DROP email',
    '{ users: { columns: { email: { to: mail, type: text, read: "mail::text", write: "1" } } } }',
    '1.yaml:1:11: say in which order the old table had its columns, e.g. order: [id, name, bio, email]; public.users does not show it',
  ],
  [
    'an order that is not whole',
    'ALTER TABLE users DROP bio',
    '{ users: { order: [id, bio, nmae], columns: { bio: { dropped: true, type: text, read: "NULL" } } } }',
    '1.yaml:1:37: the old table had no column "nmae"; did you mean "name"?\n1.yaml:1:27: expected all old columns in their order: name, email is missing',
  ],
  [
    'a type that is not said',
    'ALTER TABLE users DROP bio',
    '{ users: { order: [id, name, email, bio], columns: { bio: { dropped: true, read: "NULL" } } } }',
    '1.yaml:1:67: say the type that "bio" had in the old version, e.g. type: text',
  ],
  [
    'a type that does not exist',
    'ALTER TABLE users DROP bio',
    '{ users: { order: [id, name, email, bio], columns: { bio: { dropped: true, type: txt, read: "NULL" } } } }',
    '1.yaml:1:90: type "txt" does not exist',
  ],
  [
    'a wrong expression',
    'ALTER TABLE users DROP bio',
    '{ users: { order: [id, name, email, bio], columns: { bio: { dropped: true, type: text, read: "id" } } } }',
    '1.yaml:1:102: expected an expression of type text, got integer; cast it: (id)::text',
  ],
])('%s is an error with its place', async (_, sql, rule, expected) => {
  expect(problems(await declare(sql, rule)).join('\n')).toBe(expected)
})
