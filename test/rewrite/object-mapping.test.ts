import { afterEach, expect, test } from 'vitest'
import { formatDifference } from '../../src/catalog/difference.js'
import { planStep } from '../../src/rewrite/plan-step.js'
import { typeOidsOf } from '../../src/rewrite/type-oids.js'
import { createDatabase, type TestDatabase } from '../support/database.js'
import { introspectDatabase } from '../support/introspect-database.js'

const schema = `
  CREATE SCHEMA app;
  CREATE TYPE mood AS ENUM ('sad', 'ok');
  CREATE TYPE unused AS ENUM ('a');
  CREATE DOMAIN zip AS text CHECK (VALUE <> '');
  CREATE TYPE span AS RANGE (subtype = integer);
  CREATE TABLE people (id int PRIMARY KEY, feeling mood DEFAULT 'ok', moods mood[] DEFAULT '{ok}', zip zip, years span);
  CREATE TABLE pets (id int, feeling mood);
  CREATE FUNCTION one(mood) RETURNS int LANGUAGE sql AS 'SELECT 1';
`

const databases: TestDatabase[] = []
afterEach(async () => {
  for (const database of databases.splice(0)) await database.drop()
})

/** What became of functions and types (\`mood->app.feeling\`, \`!\` where it was made anew), and what is refused. */
async function migrate(sql: string) {
  const database = await createDatabase(schema)
  databases.push(database)
  const before = await introspectDatabase(database.url)
  await database.run(sql)
  const after = await introspectDatabase(database.url)
  const { mapping, differences } = planStep(before, after)
  const objects = [...(mapping.objects?.values() ?? [])].map(
    ({ before, after }) => `${before.name}->${after.schema}.${after.name}${before.oid === after.oid ? '' : '!'}`,
  )
  const generation = {
    number: 1,
    versions: [before, after].map((catalog, i) => ({ name: `v${i}`, catalog })),
    steps: [{ mapping }],
  }
  return {
    objects: objects.sort(),
    differences: differences.map(formatDifference),
    columns: [...mapping.relations.values()]
      .filter(({ before }) => before.schema !== 'pg_catalog')
      .flatMap(({ columns }) => [...columns.values()].map(({ kind }) => kind)),
    oids: typeOidsOf(generation, 0)?.toServer.size ?? 0,
  }
}

const REBUILD = (labels: string) => `
  DROP FUNCTION one(mood);
  ALTER TYPE mood RENAME TO old;
  CREATE TYPE mood AS ENUM (${labels});
  ALTER TABLE people ALTER feeling DROP DEFAULT, ALTER feeling TYPE mood USING feeling::text::mood,
    ALTER feeling SET DEFAULT 'ok', ALTER moods DROP DEFAULT, ALTER moods TYPE mood[] USING moods::text[]::mood[],
    ALTER moods SET DEFAULT '{ok}';
  ALTER TABLE pets ALTER feeling TYPE mood USING feeling::text::mood;
  DROP TYPE old;
  CREATE FUNCTION one(mood) RETURNS int LANGUAGE sql AS 'SELECT 1';
`

test.each([
  ['a renamed enum', 'ALTER TYPE mood RENAME TO feeling', ['mood->public.feeling'], 0],
  [
    'a moved domain and range',
    'ALTER DOMAIN zip SET SCHEMA app; ALTER TYPE span SET SCHEMA app',
    ['span->app.span', 'zip->app.zip'],
    0,
  ],
  ['a renamed function', 'ALTER FUNCTION one RENAME TO two', ['one->public.two'], 0],
  [
    'two types that swap their names',
    'ALTER TYPE mood RENAME TO t; ALTER TYPE unused RENAME TO mood; ALTER TYPE t RENAME TO unused',
    ['mood->public.unused', 'unused->public.mood'],
    0,
  ],
  [
    'an enum rebuilt under its name, with the function that takes it',
    REBUILD("'sad', 'ok'"),
    ['mood->public.mood!', 'one->public.one!'],
    2,
  ],
  [
    'an enum rebuilt with more labels',
    REBUILD("'x', 'sad', 'y', 'ok', 'z'"),
    ['mood->public.mood!', 'one->public.one!'],
    2,
  ],
  [
    'an enum rebuilt under another name',
    `DROP FUNCTION one; CREATE TYPE app.feeling AS ENUM ('sad', 'ok');
     ALTER TABLE people ALTER feeling DROP DEFAULT, ALTER moods DROP DEFAULT,
       ALTER feeling TYPE app.feeling USING feeling::text::app.feeling,
       ALTER moods TYPE app.feeling[] USING moods::text[]::app.feeling[],
       ALTER feeling SET DEFAULT 'ok', ALTER moods SET DEFAULT '{ok}';
     ALTER TABLE pets ALTER feeling TYPE app.feeling USING feeling::text::app.feeling;
     DROP TYPE mood; CREATE FUNCTION one(app.feeling) RETURNS int LANGUAGE sql AS 'SELECT 1'`,
    ['mood->app.feeling!', 'one->public.one!'],
    2,
  ],
  [
    'an enum without columns made anew',
    "DROP TYPE unused; CREATE TYPE unused AS ENUM ('a', 'b')",
    ['unused->public.unused!'],
    2,
  ],
  ['a new overload', "CREATE FUNCTION one(int) RETURNS int LANGUAGE sql AS 'SELECT 2'", [], 0],
])('%s is a good step', async (_, sql, objects, oids) => {
  const step = await migrate(sql)
  expect(step.differences).toEqual([])
  expect(step.objects).toEqual(objects)
  expect(step.oids).toBe(oids)
  expect(step.columns.filter((kind) => kind !== 'column')).toEqual([])
})

test.each([
  ['a rebuilt enum that lost a label', REBUILD("'ok'").replace("'sad'", ''), 'public.mood: the enum lost "sad"'],
  ['a rebuilt enum in another order', REBUILD("'ok', 'sad'"), 'public.mood: the order of its labels changed'],
  [
    'a renamed label',
    "ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'",
    'public.mood: labels of the enum were renamed: "sad" to "blue"',
  ],
  ['a dropped enum', 'DROP TYPE unused', 'public.unused: the enum was dropped'],
  ['another domain', "ALTER DOMAIN zip ADD CHECK (VALUE <> 'x')", 'public.zip: the domain changed'],
  [
    'a function with another result',
    "DROP FUNCTION one; CREATE FUNCTION one(mood) RETURNS text LANGUAGE sql AS $$SELECT '1'$$",
    'public.one: the function was dropped',
  ],
  [
    'a range made anew over another type',
    'ALTER TABLE people DROP years; DROP TYPE span; CREATE TYPE span AS RANGE (subtype = bigint)',
    'public.span: the type was dropped',
  ],
  [
    'an enum whose columns became two types',
    `DROP FUNCTION one; CREATE TYPE a AS ENUM ('sad', 'ok'); CREATE TYPE b AS ENUM ('sad', 'ok');
     ALTER TABLE people ALTER feeling DROP DEFAULT, ALTER moods DROP DEFAULT, ALTER feeling TYPE a USING feeling::text::a,
       ALTER moods TYPE a[] USING moods::text[]::a[], ALTER feeling SET DEFAULT 'ok', ALTER moods SET DEFAULT '{ok}';
     ALTER TABLE pets ALTER feeling TYPE b USING feeling::text::b; DROP TYPE mood;
     CREATE FUNCTION one(a) RETURNS int LANGUAGE sql AS 'SELECT 1'`,
    'public.mood: the enum was dropped',
  ],
])('%s is refused', async (_, sql, expected) => {
  const { differences } = await migrate(sql)
  expect(differences).toContainEqual(expect.stringContaining(expected))
})

test('a changed default of a rebuilt type is one', async () => {
  const { differences } = await migrate(`${REBUILD("'sad', 'ok'")} ALTER TABLE people ALTER feeling SET DEFAULT 'sad'`)
  expect(differences).toEqual([expect.stringContaining('public.people.feeling')])
})
