import { afterAll, beforeAll, expect, test } from 'vitest'
import { formatDifference } from '../../../src/catalog/difference.js'
import { introspect } from '../../../src/catalog/introspect.js'
import { findBackfills } from '../../../src/switch/check/backfills.js'
import { readWritten } from '../../../src/switch/check/written-tables.js'
import { createDatabase, type TestDatabase } from '../../support/database.js'
import { withTextQuery } from '../../support/text-query.js'
import { isTooNew } from '../../support/too-new.js'
import { bindText, parser } from './support.js'

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase(`
    CREATE TABLE users (id int PRIMARY KEY, first text, last text, email text);
    CREATE TABLE countries (id int PRIMARY KEY, name text);
    CREATE TABLE log (id int, at date) PARTITION BY RANGE (at);
    CREATE TABLE log_2020 PARTITION OF log FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
    CREATE TABLE alembic_version (version_num text);
    INSERT INTO users VALUES (1, 'Ada', 'L', 'A@x'); INSERT INTO countries VALUES (1, 'DE')`)
})
afterAll(() => database.drop())

/** What is said of a migration, which runs and is rolled back. */
function backfills(sql: string, rules?: string): Promise<readonly string[]> {
  return withTextQuery(database.url, async (query) => {
    await query('BEGIN')
    const before = await introspect(query)
    await query(sql)
    const after = await introspect(query, before)
    const stepRules = rules === undefined ? new Map() : await bindText(query, before, after, rules)
    const written = await readWritten(query)
    const found = findBackfills({ sql, parser, before, after, rules: stepRules, ledgers: ['alembic_version'], written })
    await query('ROLLBACK')
    return found.map(formatDifference)
  })
}

test.for<[string, string, string]>([
  [
    'an UPDATE of an old column',
    'UPDATE users SET email = lower(email)',
    'public.users: its column "email" is changed by UPDATE',
  ],
  [
    'an old column under its new name',
    'ALTER TABLE users RENAME email TO mail; ALTER TABLE users RENAME TO people; UPDATE people SET mail = lower(mail)',
    'public.users: its column "mail" is changed by UPDATE',
  ],
  [
    'a new column without a rule',
    "ALTER TABLE users ADD name text; UPDATE users SET name = first || ' ' || last",
    'public.users: the new column "name" is filled by UPDATE, and no rule says what old clients write to it',
  ],
  [
    'rows that are copied into a new table',
    'CREATE TABLE addresses (id int, email text); INSERT INTO addresses SELECT id, email FROM users',
    'public.users: its rows are copied by INSERT ... SELECT',
  ],
  [
    'CREATE TABLE AS',
    'CREATE TABLE addresses AS SELECT id, email FROM users',
    'public.users: its rows are copied by CREATE TABLE AS',
  ],
  ['SELECT INTO', 'SELECT id, email INTO addresses FROM users', 'public.users: its rows are copied by CREATE TABLE AS'],
  [
    'rows that are added',
    'INSERT INTO countries SELECT id + 10, first FROM users',
    'public.countries: rows are added to it by INSERT ... SELECT',
  ],
  [
    'MERGE',
    'MERGE INTO countries c USING users u ON u.id = c.id WHEN MATCHED THEN UPDATE SET name = u.first',
    'public.countries: its column "name" is changed by MERGE',
  ],
  [
    'MERGE that makes rows',
    'MERGE INTO countries c USING users u ON u.id + 5 = c.id WHEN NOT MATCHED THEN INSERT VALUES (u.id + 5, u.first)',
    'public.countries: rows are added to it by MERGE',
  ],
  [
    'an UPDATE in WITH',
    'WITH done AS (UPDATE users SET email = NULL RETURNING id) SELECT count(*) FROM done',
    'public.users: its column "email" is changed by UPDATE',
  ],
  [
    'an UPDATE in a DO block',
    "DO $$ BEGIN UPDATE users SET email = 'x'; END $$",
    'public.users: a DO block changed its rows, and nobody can tell which of its columns',
  ],
])('%s is a backfill', async ([, sql, line], { skip }) => {
  skip(await isTooNew(sql), 'the server does not know it yet')
  expect(await backfills(sql)).toEqual([expect.stringContaining(line)])
  const table = /public\.(\w+)/.exec(line)?.[1] ?? ''
  const column = sql.includes('RENAME') ? 'to: people, columns: { email: mail }, ' : ''
  const hinted = `{ ${column}independent: true }`
  expect(await backfills(sql, `tables: { ${table}: ${hinted} }`)).toEqual([])
})

test.each<[string, string, string?]>([
  [
    'a new column whose value for old INSERTs a rule gives',
    "ALTER TABLE users ADD country text; UPDATE users SET country = 'DE'",
    `tables: { users: { insert: { country: "'DE'" } } }`,
  ],
  [
    'a merged column',
    "ALTER TABLE users ADD name text; UPDATE users SET name = first || ' ' || last; ALTER TABLE users DROP first, DROP last",
    `tables: { users: { columns: { first: { type: text, read: "split_part(name, ' ', 1)" }, last: { type: text, read: "split_part(name, ' ', 2)" } },
      write: { name: "first || ' ' || last" }, order: [id, first, last, email] } }`,
  ],
  [
    'a column that became another',
    'ALTER TABLE users ADD mail text; UPDATE users SET mail = email; ALTER TABLE users DROP email',
    'tables: { users: { columns: { email: { type: text, read: mail, write: { mail: value } } }, order: [id, first, last, email] } }',
  ],
  [
    'a column that has other values now',
    "UPDATE users SET last = 'active'",
    'tables: { users: { columns: { last: { type: text, values: { L: active } } } } }',
  ],
  ['rows without a query', "INSERT INTO countries VALUES (2, 'FR'), (3, 'IT')"],
  ["a tool's own ledger", "UPDATE alembic_version SET version_num = 'b'; INSERT INTO alembic_version SELECT 'c'"],
  [
    'a new table that is filled from elsewhere',
    'CREATE TABLE numbers (n int); INSERT INTO numbers SELECT generate_series(1, 3); UPDATE numbers SET n = 0',
  ],
  [
    'a table that is made anew',
    'CREATE TABLE fresh (id int PRIMARY KEY, name text); INSERT INTO fresh SELECT * FROM countries; DROP TABLE countries; ALTER TABLE fresh RENAME TO countries',
  ],
  ['a DO block that writes nothing of the app', 'DO $$ BEGIN ALTER TABLE users RENAME email TO mail; END $$'],
  ['definitions', 'ALTER TABLE users ADD x int DEFAULT 5; CREATE INDEX ON users (x)'],
])('%s is none', async (_, sql, rules) => {
  expect(await backfills(sql, rules)).toEqual([])
})

test('what is said of a partitioned table counts for its partitions', async () => {
  const sql = 'UPDATE log_2020 SET id = 1'
  expect(await backfills(sql)).toHaveLength(1)
  expect(await backfills(sql, 'tables: { log: { independent: true } }')).toEqual([])
})
