import { afterEach, expect, test } from 'vitest'
import type { TextQuery } from '../../src/catalog/introspect.js'
import { readRuleFile } from '../../src/config/load-rules.js'
import { formatProblem } from '../../src/config/problem.js'
import { parseRuleFile } from '../../src/config/rule-file.js'
import type { Rewriter } from '../../src/rewrite/outcome.js'
import { loadParser } from '../../src/sql/parse.js'
import { createVersionSource } from '../../src/switch/version-source.js'
import { StartRefused, startTestHotswap, type TestHotswap, waitFor } from '../support/start-hotswap.js'

const schema = `
  CREATE TABLE users (id int PRIMARY KEY, name text, email text);
  INSERT INTO users VALUES (1, 'Ada', 'ada@example.org');
`

/** A rewriter that changes nothing. */
const passAll = (): Rewriter => ({
  rewrite: () => ({ kind: 'unchanged' }),
  speaksHead: () => true,
  mapError: (fields) => fields,
  stats: () => {
    throw new Error('nothing is rewritten here')
  },
})

let hotswap: TestHotswap | undefined
afterEach(async () => {
  await hotswap?.stop()
  hotswap = undefined
})

function versionNames(): string[] {
  return hotswap?.versions.current().generation.versions.map(({ name }) => name) ?? []
}

test('an armed rule file takes effect when its migration has run by other means, on the same connection', async () => {
  hotswap = await startTestHotswap(schema, { rules: { '0001-people.yaml': 'tables: { users: { to: people } }' } })
  expect(versionNames()).toEqual(['initial'])
  expect(hotswap.versions.armed.map((file) => file.version)).toEqual(['0001-people'])
  const client = await hotswap.connect()
  expect((await client.query('SELECT id FROM users')).rows).toEqual([{ id: 1 }])

  await hotswap.database.run('ALTER TABLE users RENAME TO people')
  await waitFor(() => versionNames().length === 2)
  expect(versionNames()).toEqual(['initial', '0001-people'])
  expect((await client.query('SELECT * FROM users')).rows).toEqual([{ id: 1, name: 'Ada', email: 'ada@example.org' }])
})

test('a query that meets the migration before the poll does is answered all the same', async () => {
  hotswap = await startTestHotswap(schema, {
    rules: { '0001-people.yaml': 'tables: { users: { to: people } }' },
    config: { pollMs: 0 },
  })
  const client = await hotswap.connect()
  await client.query('SELECT id FROM users')
  await hotswap.database.run('ALTER TABLE users RENAME TO people')
  expect((await client.query('SELECT id FROM users')).rows).toEqual([{ id: 1 }])
})

test('a transaction that began before the migration, and meets it with its first statement, is answered all the same', async () => {
  hotswap = await startTestHotswap(schema, {
    rules: { '0001-people.yaml': 'tables: { users: { to: people } }' },
    config: { pollMs: 0 },
  })
  const client = await hotswap.connect()
  await client.query('BEGIN ISOLATION LEVEL SERIALIZABLE')
  await hotswap.database.run('ALTER TABLE users RENAME TO people')
  expect((await client.query('SELECT id FROM users WHERE id = $1', [1])).rows).toEqual([{ id: 1 }])
  await client.query("INSERT INTO users VALUES (2, 'Bo', NULL)")
  expect((await client.query('SHOW transaction_isolation')).rows).toEqual([{ transaction_isolation: 'serializable' }])
  await client.query('COMMIT')
  expect((await client.query('SELECT count(*)::int AS n FROM users')).rows).toEqual([{ n: 2 }])
})

test('a look at the database finds something new once', async () => {
  hotswap = await startTestHotswap(schema, {
    rules: { '0001-people.yaml': 'tables: { users: { to: people } }' },
    config: { pollMs: 0 },
  })
  await hotswap.database.run('ALTER TABLE users RENAME TO people')
  expect([await hotswap.versions.refresh(), await hotswap.versions.refresh()]).toEqual([true, false])
})

test.each([
  'alone',
  'in transactions',
])('no statement fails while an armed migration runs under load, whoever sees it first: statements %s', async (how) => {
  hotswap = await startTestHotswap(schema, {
    rules: { '0001-people.yaml': 'tables: { users: { to: people, columns: { name: label } } }' },
    config: { pollMs: 5 },
  })
  const clients = await Promise.all(Array.from({ length: 6 }, () => hotswap?.connect()))
  let stop = false
  let queries = 0
  const work = clients.map(async (client) => {
    while (!stop) {
      if (how === 'in transactions') await client?.query('BEGIN')
      expect((await client?.query('SELECT name FROM users'))?.rows).toEqual([{ name: 'Ada' }])
      if (how === 'in transactions') await client?.query('COMMIT')
      queries++
    }
  })
  await waitFor(() => queries > 50)
  await hotswap.database.run('ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME name TO label')
  const after = queries
  await waitFor(() => queries > after + 50)
  stop = true
  await Promise.all(work)
})

test('three armed rule files take effect one after the other, and old statements pass all of them', async () => {
  hotswap = await startTestHotswap(schema, {
    rules: {
      '1.yaml': 'tables: { users: { to: people, columns: { email: mail } } }',
      '2.yaml': 'tables: { people: { columns: { name: mail, mail: name } } }',
      '3.yaml': 'tables: { people: { to: person, added: [age] } }',
    },
  })
  const client = await hotswap.connect()
  const migrations = [
    'ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME email TO mail',
    'ALTER TABLE people RENAME name TO x; ALTER TABLE people RENAME mail TO name; ALTER TABLE people RENAME x TO mail',
    'ALTER TABLE people RENAME TO person; ALTER TABLE person ADD age int',
  ]
  // The second swaps two names, which names alone cannot show: it counts as migrated with the first.
  await hotswap.database.run(`${migrations[0]}; ${migrations[1]}`)
  await waitFor(() => versionNames().length === 3)
  const row = { id: 1, name: 'Ada', email: 'ada@example.org' }
  expect((await client.query('SELECT * FROM users')).rows).toEqual([row])
  await hotswap.database.run(migrations[2] ?? '')
  await waitFor(() => versionNames().length === 4)
  expect((await client.query('SELECT * FROM users')).rows).toEqual([row])
  const middle = await hotswap.connect('-c hotswap.version=1')
  expect((await middle.query('SELECT * FROM people')).rows).toEqual([{ id: 1, name: 'Ada', mail: 'ada@example.org' }])
})

test('an armed rule file takes effect with `migrate`, which then has its version name and its insert rules', async () => {
  hotswap = await startTestHotswap(schema, {
    rules: { '0001-people.yaml': `tables: { users: { to: people, insert: { age: 0 } } }` },
  })
  const client = await hotswap.connect()
  const { error, report } = await hotswap.migrate(
    'renaming',
    'ALTER TABLE users RENAME TO people; ALTER TABLE people ADD age int; UPDATE people SET age = 1; ALTER TABLE people ALTER age SET NOT NULL',
  )
  expect(error).toBeUndefined()
  expect(report?.version).toBe('0001-people')
  expect(versionNames()).toEqual(['initial', '0001-people'])
  await client.query("INSERT INTO users VALUES (2, 'Bo', NULL)")
  expect(hotswap.versions.armed).toEqual([])
  expect((await hotswap.versions.reload()).ok).toBe(true)
  expect(versionNames()).toEqual(['initial', '0001-people'])
})

test('declared versions and migrated ones are one chain', async () => {
  hotswap = await startTestHotswap(`${schema}; ALTER TABLE users RENAME TO people`, {
    rules: { '1.yaml': 'tables: { users: { to: people } }' },
  })
  const client = await hotswap.connect()
  await hotswap.migrate('2', 'ALTER TABLE people RENAME email TO mail')
  await hotswap.writeRule('3.yaml', 'tables: { people: { columns: { mail: address } } }')
  expect((await hotswap.versions.reload()).ok).toBe(true)
  expect(hotswap.versions.armed.map((file) => file.version)).toEqual(['3'])
  await hotswap.database.run('ALTER TABLE people RENAME mail TO address')
  await waitFor(() => versionNames().length === 4)
  expect(versionNames()).toEqual(['initial', '1', '2', '3'])
  expect((await client.query('SELECT email FROM users')).rows).toEqual([{ email: 'ada@example.org' }])
  const middle = await hotswap.connect('-c hotswap.version=2')
  expect((await middle.query('SELECT mail FROM people')).rows).toEqual([{ mail: 'ada@example.org' }])
})

test('reload takes new rules without dropping a connection; invalid ones leave the old in force', async () => {
  hotswap = await startTestHotswap(`${schema}; ALTER TABLE users RENAME TO people`)
  const client = await hotswap.connect()
  await expect(client.query('SELECT id FROM users')).rejects.toThrow('relation "users" does not exist')

  const control = await hotswap.connect('-c hotswap.control=on')
  await hotswap.writeRule('1.yaml', 'tables: { users: { to: people } }')
  const notices: string[] = []
  control.on('notice', (notice) => notices.push(notice.message ?? ''))
  await control.query('RELOAD')
  expect(JSON.parse(notices[0] ?? '')).toEqual({ generation: 2, versions: ['initial', '1'], armed: [] })
  expect((await client.query('SELECT id FROM users')).rows).toEqual([{ id: 1 }])

  await hotswap.writeRule('2.yaml', 'tables: { people: { columns: { emial: mail } } }')
  await expect(control.query('reload;')).rejects.toMatchObject({
    code: 'F0000',
    detail: expect.stringContaining(
      '2.yaml:1:32: public.people has neither "emial" (before this migration) nor "mail" (after it); did you mean "email"?',
    ),
  })
  expect(versionNames()).toEqual(['initial', '1'])
  expect((await client.query('SELECT id FROM users')).rows).toEqual([{ id: 1 }])
  await expect(control.query('RESTART')).rejects.toThrow('unknown control command')
})

test('generation numbers increase', async () => {
  hotswap = await startTestHotswap(schema)
  const numbers = [hotswap.versions.current().generation.number]
  await hotswap.migrate('a', 'ALTER TABLE users RENAME TO people')
  numbers.push(hotswap.versions.current().generation.number)
  await hotswap.versions.reload()
  numbers.push(hotswap.versions.current().generation.number)
  expect(numbers).toEqual([1, 2, 3])
})

test('what applications do to their data publishes no generation', async () => {
  hotswap = await startTestHotswap(schema)
  const client = await hotswap.connect()
  await client.query('CREATE TEMP TABLE mine (a int); TRUNCATE users; INSERT INTO users VALUES (2); ANALYZE users')
  expect(await hotswap.versions.refresh()).toBe(false)
  expect(hotswap.versions.current().generation.number).toBe(1)
  await client.query('CREATE TABLE theirs (a int)')
  await waitFor(() => hotswap?.versions.current().generation.number === 2)
})

test('a rule that contradicts the database refuses the start, with its place', async () => {
  const started = startTestHotswap(schema, { rules: { '1.yaml': 'tables: { usres: { to: people } }' } })
  await expect(started).rejects.toThrow(StartRefused)
  await expect(started).rejects.toThrow(/1\.yaml:1:11: there is neither a table "usres"/)
})

test.each([
  [
    { defaultVersion: 'initail' },
    'default_version "initail" is no version; did you mean "initial"? (versions are initial)',
  ],
  [{ clients: [{ applicationName: 'a', user: undefined, version: 'x' }] }, 'clients: "x" is no version'],
  [
    { hold: { timeoutMs: 1000, lockTimeoutMs: 1000, retries: 1, checkMs: 500 } },
    "must be below the server's deadlock_timeout (1000 ms)",
  ],
])('a configuration that contradicts the database refuses the start: %j', async (config, message) => {
  await expect(startTestHotswap(schema, { config })).rejects.toThrow(message)
})

test('clients are given their version by application_name', async () => {
  hotswap = await startTestHotswap(`${schema}; ALTER TABLE users RENAME TO people`, {
    rules: { '1.yaml': 'tables: { users: { to: people } }' },
    config: { clients: [{ applicationName: 'new', user: undefined, version: '1' }] },
  })
  const client = await hotswap.connect('-c application_name=old')
  expect((await client.query('SELECT id FROM users')).rows).toHaveLength(1)
  await expect(hotswap.connect('-c hotswap.version=2')).rejects.toMatchObject({
    code: '22023',
    message: 'there is no version "2" of the schema; did you mean "1"?',
  })
})

test('a lost control connection is opened again', async () => {
  hotswap = await startTestHotswap(schema, { rules: { '1.yaml': 'tables: { users: { to: people } }' } })
  await hotswap.database.run(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pg-hotswap control%' AND datname = current_database()",
  )
  await hotswap.database.run('ALTER TABLE users RENAME TO people')
  await waitFor(() => versionNames().length === 2)
})

test('a value that does not fit its column refuses the start, the reload and the migration', async () => {
  const sql = 'ALTER TABLE users ADD age int; UPDATE users SET age = 1; ALTER TABLE users ALTER age SET NOT NULL'
  const rule = `tables: { users: { insert: { age: "'old'" } } }`
  const message =
    '1.yaml:1:35: the value for public.users.age does not fit: invalid input syntax for type integer: "old"'
  await expect(startTestHotswap(`${schema}; ${sql}`, { rules: { '1.yaml': rule } })).rejects.toThrow(message)

  hotswap = await startTestHotswap(schema)
  expect((await hotswap.migrate('1', sql, rule)).error?.detail).toBe(message)
  expect(versionNames()).toEqual(['initial'])
  await hotswap.database.run(sql)
  await hotswap.writeRule('1.yaml', rule)
  const reloaded = await hotswap.versions.reload()
  expect(reloaded.ok).toBe(false)
})

test('the rule file that a migration reports declares the same step to a proxy that starts later', async () => {
  hotswap = await startTestHotswap(
    `${schema}; CREATE SCHEMA "odd.one"; CREATE TABLE posts (id int, title text, body text)`,
  )
  const { report } = await hotswap.migrate(
    '1',
    `ALTER TABLE users RENAME TO people; ALTER TABLE people SET SCHEMA "odd.one";
     ALTER TABLE posts RENAME title TO t; ALTER TABLE posts RENAME body TO title; ALTER TABLE posts RENAME t TO body;
     ALTER TABLE posts ADD lang text NOT NULL`,
    `tables: { posts: { insert: { lang: "'de'" } } }`,
  )
  expect(report?.rule).toBe(`tables:
  public.users:
    to: '"odd.one".people'
  public.posts:
    columns:
      title: body
      body: title
    added:
      - lang
    insert:
      lang: "'de'"
`)
  const inferred = hotswap.versions.current().generation
  await hotswap.writeRule('1.yaml', report?.rule ?? '')
  const later = await createVersionSource({
    query: await textQuery(hotswap),
    parser: await loadParser(),
    readRules: async () => {
      const checked = parseRuleFile('1.yaml', report?.rule ?? '')
      return checked.ok ? { ok: true, value: [checked.value] } : checked
    },
    createRewriter: passAll,
    pollMs: 0,
    log: { info: () => undefined, warn: () => undefined, debug: () => undefined },
  })
  if (!later.ok) throw new Error(later.problems.map(formatProblem).join('\n'))
  const declared = later.value.current().generation
  expect(declared.versions.map(({ name }) => name)).toEqual(inferred.versions.map(({ name }) => name))
  const summary = ({ steps }: typeof declared) =>
    steps.map(({ mapping }) =>
      [...mapping.relations.values()].map(({ before, after, columns, added, insert }) => [
        [before.schema, before.name, after.schema, after.name],
        [...columns],
        added,
        insert,
      ]),
    )
  expect(summary(declared)).toEqual(summary(inferred))
})

async function textQuery({ connect }: TestHotswap): Promise<TextQuery> {
  const client = await connect('-c hotswap.version=1')
  const types = { getTypeParser: () => (value: string) => value }
  return async (text) => (await client.query({ text, rowMode: 'array', types })).rows
}

test('the rule file of a migration that computes columns declares the same, too', async () => {
  hotswap = await startTestHotswap(`
    CREATE TABLE members (id int PRIMARY KEY, name text, zip varchar(5) DEFAULT '00000', status text, seen timestamp,
      legacy boolean, age int DEFAULT 1);
    INSERT INTO members VALUES (1, 'Ada Lovelace', '01234', 'A', '2024-01-01', true, 36);
  `)
  const client = await hotswap.connect()
  const { report, error } = await hotswap.migrate(
    '1',
    `ALTER TABLE members ADD first text, ADD last text, ALTER zip DROP DEFAULT;
     UPDATE members SET first = split_part(name, ' ', 1), last = split_part(name, ' ', 2);
     ALTER TABLE members DROP name, DROP legacy, ALTER age SET DEFAULT 2, ALTER id TYPE bigint,
       ALTER zip TYPE integer USING zip::integer, ALTER seen TYPE timestamptz USING seen AT TIME ZONE 'UTC';
     ALTER TABLE members RENAME status TO state;
     UPDATE members SET state = 'active'`,
    `tables:
       members:
         columns:
           name: { read: "first || ' ' || last", write: { first: "split_part(value, ' ', 1)", last: "split_part(value, ' ', 2)" } }
           zip: { read: "lpad(zip::text, 5, '0')", write: "value::integer", injective: true }
           status: { to: state, values: { A: active, B: blocked } }
           seen: { time_zone: UTC }
           legacy: { dropped: true, read: "true" }`,
  )
  expect(error?.detail ?? error?.message).toBeUndefined()
  const rows = [{ id: 1, name: 'Ada Lovelace', zip: '01234', status: 'A', legacy: true, age: 36 }]
  const sql = 'SELECT id, name, zip, status, legacy, age FROM members WHERE id = 1'
  expect((await client.query(sql)).rows).toEqual(rows)
  await client.query("INSERT INTO members (id, name, status) VALUES (2, 'Bo Diddley', 'B')")
  const bo = { id: 2, name: 'Bo Diddley', zip: '00000', status: 'B', legacy: true, age: 1 }
  expect((await client.query(sql.replace('= 1', '= 2'))).rows).toEqual([bo])
  const inferred = hotswap.versions.current().generation

  await hotswap.writeRule('1.yaml', report?.rule ?? '')
  const later = await createVersionSource({
    query: await textQuery(hotswap),
    parser: await loadParser(),
    readRules: async () => {
      const checked = readRuleFile('1.yaml', report?.rule ?? '', await loadParser())
      return checked.ok ? { ok: true, value: [checked.value] } : checked
    },
    createRewriter: passAll,
    pollMs: 0,
    log: { info: () => undefined, warn: () => undefined, debug: () => undefined },
  })
  if (!later.ok) throw new Error(`${later.problems.map(formatProblem).join('\n')}\n${report?.rule}`)
  const declared = later.value.current().generation
  const summary = ({ versions, steps }: typeof declared) => [
    versions.map(({ catalog }) =>
      catalog.byName
        .get('public')
        ?.get('members')
        ?.columns.map(({ name, type, typmod }) => [name, type, typmod]),
    ),
    steps.map(({ mapping }) =>
      [...mapping.relations.values()].map(({ columns, added }) => [
        [...columns.keys()],
        [...columns.values()].map((column) =>
          column.kind === 'column'
            ? column.name
            : [column.type, column.writes.map((write) => write.column), column.key?.column],
        ),
        added.map(({ name }) => name),
      ]),
    ),
  ]
  expect(summary(declared)).toEqual(summary(inferred))
})

test.each([
  [
    'ALTER TABLE users ALTER id TYPE bigint USING id * 2',
    'public.users.id: its values were changed by ALTER TYPE ... USING',
  ],
  ['ALTER TABLE users ALTER email TYPE text USING lower(email)', 'public.users.email: its values were changed'],
  [
    'ALTER TABLE users RENAME TO u; ALTER TABLE u RENAME email TO e; ALTER TABLE u ALTER e TYPE text USING lower(e); ALTER TABLE u RENAME TO users',
    'public.users.email: its values were changed',
  ],
  [
    'DO $$ BEGIN ALTER TABLE users ALTER id TYPE bigint USING id * 2; END $$',
    'public.users.id: its type changed from integer to bigint in a DO block',
  ],
])('a type changed with a meaning needs a rule: %s', async (sql, expected) => {
  hotswap = await startTestHotswap(schema)
  expect((await hotswap.migrate('1', sql)).error?.detail).toContain(expected)
  const column = expected.includes('.id:') ? 'id' : 'email'
  const rule = `tables: { users: { columns: { ${column}: { ${column === 'email' && sql.includes('RENAME') ? 'to: e, ' : ''}same_meaning: true } } } }`
  expect((await hotswap.migrate('2', sql, rule)).error).toBeUndefined()
})

test.each([
  'ALTER TABLE users ALTER id TYPE bigint',
  'ALTER TABLE users ALTER id TYPE bigint USING id::bigint, ALTER email TYPE varchar USING CAST(email::text AS varchar)',
])('a type changed by casts alone needs none: %s', async (sql) => {
  hotswap = await startTestHotswap(schema)
  const client = await hotswap.connect()
  expect((await hotswap.migrate('1', sql)).error).toBeUndefined()
  const { rows, fields } = await client.query('SELECT id FROM users')
  expect([rows, fields[0]?.dataTypeID]).toEqual([[{ id: 1 }], 23])
})

test('a change of type without a cast back needs a rule', async () => {
  hotswap = await startTestHotswap('CREATE TABLE t (id uuid, n int)')
  const { error } = await hotswap.migrate('1', 'ALTER TABLE t ALTER n TYPE bytea USING NULL::bytea', undefined)
  expect(error?.detail).toContain('public.t.n: its values were changed by ALTER TYPE ... USING')
  const rule = 'tables: { t: { columns: { n: { to: n, type: int } } } }'
  const ruled = await hotswap.migrate('2', 'ALTER TABLE t ALTER n TYPE date USING NULL::date', rule)
  expect(ruled.error?.detail).toBe(
    '2.yaml:1:30: PostgreSQL has no cast from date to integer and back: give a rule with "read" and "write"',
  )
  const plain = await hotswap.migrate('3', 'ALTER TABLE t ALTER id TYPE bytea USING id::text::bytea')
  expect(plain.error?.detail).toBe(
    'public.t.id: PostgreSQL has no cast from bytea to uuid and back (give a rule with "read" and "write")',
  )
})

test('who answers after the control connection was lost may be another server: everything is read again', async () => {
  hotswap = await startTestHotswap(schema)
  const tool = await hotswap.connect('-c hotswap.run=on')
  await tool.query('ALTER TABLE users RENAME name TO full_name')
  expect(versionNames()).toEqual(['initial', '0001-migration'])
  // As on a standby that was behind, and then took another migration's place: number and fingerprint are the same.
  await hotswap.database.run("UPDATE hotswap.step SET name = 'other'")
  expect([await hotswap.versions.refresh(), await hotswap.versions.confirm()]).toEqual([false, true])
  expect(versionNames()).toEqual(['initial', '0001-migration'])
  await hotswap.database.run(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pg-hotswap control%' AND datname = current_database()",
  )
  await waitFor(() => versionNames().join() === 'initial,other')
})
