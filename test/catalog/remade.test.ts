import { afterAll, expect, test } from 'vitest'
import { findRelation } from '../../src/catalog/catalog.js'
import { formatDifference } from '../../src/catalog/difference.js'
import { readRuleFile } from '../../src/config/load-rules.js'
import { formatProblem } from '../../src/config/problem.js'
import type { Mapping } from '../../src/rewrite/mapping.js'
import { planStep } from '../../src/rewrite/plan-step.js'
import { createRewriter } from '../../src/rewrite/rewriter.js'
import { loadParser } from '../../src/sql/parse.js'
import { bindRules } from '../../src/switch/bind-rules.js'
import { createDatabase, type TestDatabase } from '../support/database.js'
import { introspectDatabase } from '../support/introspect-database.js'
import { withTextQuery } from '../support/text-query.js'
import { isTooNew } from '../support/too-new.js'

const schema = `
  CREATE TABLE harbours (id int PRIMARY KEY, town text NOT NULL UNIQUE, depth int DEFAULT 3 CHECK (depth > 0));
  CREATE TABLE ships (id int PRIMARY KEY, harbour int REFERENCES harbours);
  CREATE VIEW deep AS SELECT id AS harbour, town FROM harbours WHERE depth > 9;
  CREATE FUNCTION tide(text, hour int DEFAULT 6) RETURNS int LANGUAGE sql AS 'SELECT 1';
  CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
  ALTER TABLE ships ADD CONSTRAINT one_a_harbour EXCLUDE (harbour WITH =) WHERE (id > 0);
  CREATE CONSTRAINT TRIGGER seen AFTER INSERT ON ships FOR EACH ROW EXECUTE FUNCTION look();
`

const parser = await loadParser()
const databases: TestDatabase[] = []
afterAll(async () => {
  for (const database of databases) await database.drop()
})

/** A step, planned after a migration, with a rule file or none; gives what it leaves open, and its rewriter. */
async function planned(migration: string, rules = 'tables: {}') {
  const database = await createDatabase(schema)
  databases.push(database)
  const before = await introspectDatabase(database.url)
  await database.run(migration)
  const after = await introspectDatabase(database.url)
  const file = readRuleFile('1.yaml', rules, parser)
  if (!file.ok) throw new Error(file.problems.map(formatProblem).join('\n'))
  const bound = await withTextQuery(database.url, (query) => bindRules(query, before, after, file.value, parser))
  if (!bound.ok) throw new Error(bound.problems.map(formatProblem).join('\n'))
  const { mapping, differences } = planStep(before, after, bound.value)
  const versions = [
    { name: 'old', catalog: before },
    { name: 'new', catalog: after },
  ]
  const rewriter = createRewriter({ number: 1, versions, steps: [{ mapping }] }, { parser })
  const rewrite = (text: string) => {
    const path = ['pg_catalog', 'public']
    const settings = { standardConformingStrings: true, clientEncoding: 'UTF8' }
    const outcome = rewriter.rewrite({ text, version: 0, path, temporary: [], ...settings })
    return outcome.kind === 'unchanged' ? text : outcome.text
  }
  const columns = (table: string) => columnsOf(mapping, findRelation(before, ['public'], undefined, table)?.oid ?? 0)
  return { database, differences: differences.map(formatDifference), rewriter, rewrite, columns }
}

function columnsOf(mapping: Mapping, oid: number): Record<string, string> {
  const columns = [...(mapping.relations.get(oid)?.columns ?? [])]
  return Object.fromEntries(
    columns.map(([name, column]) => [name, column.kind === 'column' ? column.name : 'computed']),
  )
}

const remade = `
  CREATE TABLE harbours_new (town text NOT NULL CONSTRAINT harbours_town_key2 UNIQUE, id int PRIMARY KEY, country text, depth int DEFAULT 3 CHECK (depth > 0));
  INSERT INTO harbours_new SELECT town, id, NULL, depth FROM harbours;
  DROP TABLE harbours CASCADE;
  ALTER TABLE harbours_new RENAME TO harbours;
  ALTER INDEX harbours_new_pkey RENAME TO harbours_pkey;
  ALTER INDEX harbours_town_key2 RENAME TO harbours_town_key;
  ALTER TABLE harbours RENAME CONSTRAINT harbours_new_depth_check TO harbours_depth_check;
  ALTER TABLE ships ADD FOREIGN KEY (harbour) REFERENCES harbours;
  CREATE VIEW deep AS SELECT id AS harbour, town FROM harbours WHERE depth > 9;
`

test('a table that was made again under its name is the same table, whatever the order of its columns', async () => {
  const step = await planned(remade)
  expect(step.columns('harbours')).toEqual({ id: 'id', town: 'town', depth: 'depth' })
  await step.database.run(`INSERT INTO harbours VALUES ('Hafen', 7, 'DE', 12)`)
  const rows = await withTextQuery(step.database.url, (query) => query(step.rewrite('SELECT * FROM harbours')))
  expect(rows).toEqual([['7', 'Hafen', '12']])
})

test('an INSERT without a column list fills the columns of the table that was made again by name', async () => {
  const step = await planned(remade)
  const rows = await withTextQuery(step.database.url, (query) =>
    query(step.rewrite(`INSERT INTO harbours VALUES (1, 'Kai') RETURNING *`)),
  )
  expect(rows).toEqual([['1', 'Kai', '3']])
})

test('a table that was made again with its constraints leaves nothing open but who refers to it', async () => {
  const step = await planned(remade)
  expect(step.differences.filter((text) => !text.includes('foreign key "ships_harbour_fkey"'))).toEqual([])
})

test('constraints and unique indexes that were made again under other names are the same, and errors name the old ones', async () => {
  const step = await planned(`
    ALTER TABLE ships DROP CONSTRAINT ships_harbour_fkey,
      ADD CONSTRAINT fk_ships_harbour FOREIGN KEY (harbour) REFERENCES harbours;
    ALTER TABLE harbours DROP CONSTRAINT harbours_depth_check, ADD CONSTRAINT depth_positive CHECK (depth > 0);
    ALTER TABLE harbours DROP CONSTRAINT harbours_town_key, ADD CONSTRAINT town_unique UNIQUE (town)`)
  expect(step.differences).toEqual([])
  const rewritten = step.rewrite(
    'INSERT INTO harbours VALUES (1) ON CONFLICT ON CONSTRAINT harbours_town_key DO NOTHING',
  )
  expect(rewritten).toContain('ON CONSTRAINT town_unique')
  const told = new Map([
    ['C', '23503'],
    ['s', 'public'],
    ['t', 'ships'],
    ['n', 'fk_ships_harbour'],
    ['M', 'insert or update on table "ships" violates foreign key constraint "fk_ships_harbour"'],
  ])
  const mapped = step.rewriter.mapError(told, 0, undefined)
  expect(mapped.get('n')).toBe('ships_harbour_fkey')
  expect(mapped.get('M')).toContain('constraint "ships_harbour_fkey"')
})

test('a foreign key that was made again otherwise, or of which there are two alike, is another one', async () => {
  const other = await planned(`
    ALTER TABLE ships DROP CONSTRAINT ships_harbour_fkey,
      ADD CONSTRAINT fk_ships_harbour FOREIGN KEY (harbour) REFERENCES harbours ON DELETE CASCADE`)
  expect(other.differences.join('\n')).toMatch(
    /"ships_harbour_fkey" was dropped or changed.*a new foreign key "fk_ships_harbour"/s,
  )
  const two = await planned(`
    ALTER TABLE ships DROP CONSTRAINT ships_harbour_fkey,
      ADD CONSTRAINT one FOREIGN KEY (harbour) REFERENCES harbours,
      ADD CONSTRAINT two FOREIGN KEY (harbour) REFERENCES harbours`)
  expect(two.differences.join('\n')).toContain('"ships_harbour_fkey" was dropped or changed')
})

test.for<[string, string]>([
  [
    'NULLS NOT DISTINCT',
    'ALTER TABLE harbours DROP CONSTRAINT harbours_town_key, ADD CONSTRAINT t UNIQUE NULLS NOT DISTINCT (town)',
  ],
  [
    'a predicate that is gone',
    'ALTER TABLE ships DROP CONSTRAINT one_a_harbour, ADD CONSTRAINT t EXCLUDE (harbour WITH =)',
  ],
  [
    'another trigger function',
    `DROP TRIGGER seen ON ships; CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
     CREATE CONSTRAINT TRIGGER t AFTER INSERT ON ships FOR EACH ROW EXECUTE FUNCTION other()`,
  ],
])('a constraint of another name with %s is another one', async ([, migration], { skip }) => {
  skip(await isTooNew(migration), 'the server does not know it yet')
  const { differences } = await planned(migration)
  expect(differences.join('\n')).toContain('was dropped or changed')
})

test('a column that the table made again does not have is a dropped one', async () => {
  const step = await planned(
    'DROP TABLE harbours CASCADE; CREATE TABLE harbours (id int PRIMARY KEY, town text NOT NULL)',
  )
  expect(step.differences.join('\n')).toContain('public.harbours.depth: the column was dropped')
})

test('a table whose name another old table took is dropped, unless a rule says so', async () => {
  const migration = `
    CREATE VIEW other AS SELECT 1;
    ALTER TABLE ships DROP harbour;
    DROP TABLE harbours CASCADE;
    ALTER TABLE ships RENAME TO harbours`
  const step = await planned(migration)
  expect(step.differences.join('\n')).toContain('public.harbours: the table was dropped')
})

test('a rule says under which name a table was made again, and what its columns are called now', async () => {
  const migration = `
    CREATE TABLE ports (id int PRIMARY KEY, city text NOT NULL, depth int DEFAULT 3 CHECK (depth > 0));
    INSERT INTO ports SELECT * FROM harbours;
    DROP TABLE harbours CASCADE;`
  const rules = 'tables: { harbours: { to: ports, same_meaning: true, columns: { town: city } } }'
  const step = await planned(migration, rules)
  expect(step.columns('harbours')).toEqual({ id: 'id', town: 'city', depth: 'depth' })
  expect(step.differences.filter((text) => text.includes('harbours'))).toEqual([])
  await step.database.run(`INSERT INTO ports VALUES (7, 'Hafen', 12)`)
  const sql = `SELECT town FROM harbours WHERE harbours.depth > 9`
  expect(await withTextQuery(step.database.url, (query) => query(step.rewrite(sql)))).toEqual([['Hafen']])
})

test('a view that became a table of other column names is told by a rule', async () => {
  const migration = `
    DROP VIEW deep;
    CREATE TABLE deep (hid int PRIMARY KEY, town text NOT NULL)`
  const open = await planned(migration)
  expect(open.differences.join('\n')).toContain('public.deep: the view was dropped')
  const step = await planned(migration, 'tables: { deep: { same_meaning: true, columns: { harbour: hid } } }')
  expect(step.differences).toEqual([])
  await step.database.run(`INSERT INTO deep VALUES (7, 'Hafen')`)
  const rows = await withTextQuery(step.database.url, (query) =>
    query(step.rewrite('SELECT * FROM deep WHERE harbour = 7')),
  )
  expect(rows).toEqual([['7', 'Hafen']])
})

test('a rule says which new column a dropped one is, with the cast of its type', async () => {
  const migration = `
    ALTER TABLE harbours ADD number bigint; UPDATE harbours SET number = depth;
    ALTER TABLE harbours DROP depth;
    DROP VIEW IF EXISTS deep; CREATE VIEW deep AS SELECT id AS harbour, town FROM harbours;`
  const rules = 'tables: { harbours: { same_meaning: true, columns: { depth: number } } }'
  const step = await planned(migration.replace('DROP depth', 'DROP depth CASCADE'), rules)
  expect(step.columns('harbours')).toEqual({ id: 'id', town: 'town', depth: 'computed' })
  expect(step.differences.filter((text) => text.includes('column was dropped'))).toEqual([])
  await step.database.run(`INSERT INTO harbours VALUES (7, 'Hafen', 12)`)
  const sql = step.rewrite(`UPDATE harbours SET depth = depth + 1 RETURNING depth, pg_typeof(depth)`)
  expect(await withTextQuery(step.database.url, (query) => query(sql))).toEqual([['13', 'integer']])
})

test('a function made again with more parameters that have defaults takes the old calls', async () => {
  const result = "RETURNS int LANGUAGE sql AS 'SELECT 2'"
  const step = await planned(
    `DROP FUNCTION tide; CREATE FUNCTION tide(text, hour int DEFAULT 6, low boolean DEFAULT true) ${result}`,
  )
  expect(step.differences).toEqual([])
  const sql = `SELECT tide('a'), tide('a', 3)`
  expect(await withTextQuery(step.database.url, (query) => query(step.rewrite(sql)))).toEqual([['2', '2']])
})

test.each([
  ['has no default for a new parameter', 'tide(text, hour int, low boolean) RETURNS int'],
  ['has no default where the old one had', 'tide(text, hour int) RETURNS int'],
  ['takes other types', 'tide(text, hour bigint DEFAULT 6) RETURNS int'],
  ['gives another type', 'tide(text, hour int DEFAULT 6) RETURNS bigint'],
])('a function made again that %s is another one', async (_, signature) => {
  const step = await planned(`DROP FUNCTION tide; CREATE FUNCTION ${signature} LANGUAGE sql AS 'SELECT 2'`)
  expect(step.differences.join('\n')).toContain('public.tide: the function was dropped')
})

test('a trigger function is missed by no statement', async () => {
  const step = await planned('DROP FUNCTION watch()')
  expect(step.differences).toEqual([])
})
