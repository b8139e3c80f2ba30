import { afterEach, expect, test } from 'vitest'
import { startTestHotswap, type TestHotswap } from '../support/start-hotswap.js'

const schema = `
  CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
  CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, feeling mood NOT NULL DEFAULT 'sad');
  INSERT INTO users VALUES (1, 'Ada', 'happy'), (2, 'Bob', 'sad'), (3, 'Cid', 'ok');
`

let hotswap: TestHotswap | undefined
afterEach(async () => {
  await hotswap?.stop()
  hotswap = undefined
})

test('a running client keeps the old label over ALTER TYPE ... RENAME VALUE, by text and by prepared statement', async () => {
  hotswap = await startTestHotswap(schema)
  const client = await hotswap.connect()
  const read = { name: 'read', text: 'SELECT id, feeling FROM users WHERE feeling = $1', values: ['sad'] }
  const write = {
    name: 'write',
    text: 'UPDATE users SET feeling = $1 WHERE id = $2 RETURNING feeling',
    values: ['sad', 3],
  }
  const before = await client.query(read)
  expect(before.rows).toEqual([{ id: 2, feeling: 'sad' }])
  await client.query({ ...write, values: ['ok', 3] })

  const { error, report } = await hotswap.migrate('0001-mood', `ALTER TYPE mood RENAME VALUE 'sad' TO 'unhappy'`)
  expect(error).toBeUndefined()
  expect(report?.changed).toContain('public.mood -> public.mood')

  const after = await client.query(read)
  expect(after.rows).toEqual([{ id: 2, feeling: 'sad' }])
  expect(after.fields).toMatchObject(before.fields.map(({ name, dataTypeID }) => ({ name, dataTypeID })))
  expect((await client.query(write)).rows).toEqual([{ feeling: 'sad' }])
  await client.query("INSERT INTO users (id, name) VALUES (4, 'Dora')")
  await client.query("INSERT INTO users VALUES (5, 'Eve', 'sad'), (6, 'Fay', 'happy'::mood)")
  expect((await client.query("SELECT id FROM users WHERE feeling < 'ok'::mood ORDER BY feeling, id")).rows).toEqual(
    [2, 3, 4, 5].map((id) => ({ id })),
  )
  await expect(client.query("SELECT 'unhappy'::mood")).rejects.toMatchObject({
    code: '22P02',
    message: 'invalid input value for enum mood: "unhappy"',
  })
  const fresh = await hotswap.connect('-c hotswap.version=0001-mood')
  expect((await fresh.query('SELECT feeling FROM users WHERE id IN (3, 4, 5) ORDER BY id')).rows).toEqual(
    [1, 2, 3].map(() => ({ feeling: 'unhappy' })),
  )
})

test('drivers find the enum by its name and by its oid, with the old labels, over two migrations', async () => {
  hotswap = await startTestHotswap(schema)
  const client = await hotswap.connect()
  const look = async () => {
    const found = await client.query(
      `SELECT t.oid::int, t.typarray::int, a.typname AS array, n.nspname, array_agg(e.enumlabel ORDER BY e.enumsortorder)::text AS labels
       FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace JOIN pg_enum e ON e.enumtypid = t.oid
       JOIN pg_type a ON a.oid = t.typarray WHERE t.typname = 'mood' GROUP BY 1, 2, 3, 4`,
    )
    const oid: number = found.rows[0].oid
    const byOid = await client.query('SELECT typname, typarray::int FROM pg_type WHERE oid = $1', [oid])
    const column = await client.query(
      `SELECT a.atttypid::int AS oid, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
       WHERE a.attrelid = 'users'::regclass AND a.attname = 'feeling'`,
    )
    const labels = await client.query(
      `SELECT enumlabel FROM pg_enum WHERE enumtypid = 'mood'::regtype ORDER BY enumsortorder`,
    )
    return [found.rows, byOid.rows, column.rows, labels.rows]
  }
  const before = await look()
  expect(before[0]).toHaveLength(1)
  await hotswap.migrate('one', `ALTER TYPE mood RENAME VALUE 'sad' TO 'unhappy'`)
  expect(await look()).toEqual(before)
  await hotswap.migrate('two', `ALTER TYPE mood RENAME VALUE 'unhappy' TO 'gloomy'; ALTER TYPE mood ADD VALUE 'sad'`)
  expect(await look()).toEqual(before)

  expect(
    (await client.query('SELECT feeling, ARRAY[feeling] AS all FROM users ORDER BY id')).rows.map((row) => row.feeling),
  ).toEqual(['happy', 'sad', 'ok'])
  const middle = await hotswap.connect('-c hotswap.version=one')
  expect((await middle.query("SELECT id FROM users WHERE feeling = 'unhappy'")).rows).toEqual([{ id: 2 }])
  await middle.query({ text: 'UPDATE users SET feeling = $1 WHERE id = 3', values: ['unhappy'] })
  expect((await client.query("SELECT id FROM users WHERE feeling = 'sad' ORDER BY id")).rows).toEqual([
    { id: 2 },
    { id: 3 },
  ])

  const head = await hotswap.connect('-c hotswap.version=two')
  await head.query("INSERT INTO users VALUES (9, 'Kim', 'sad')")
  await expect(client.query('SELECT feeling FROM users WHERE id = 9')).rejects.toMatchObject({ code: '22P02' })
})

test('an index of the enum serves what old statements look for, order and ranges among it', async () => {
  hotswap = await startTestHotswap(`${schema}
    INSERT INTO users SELECT n, 'n' || n, CASE WHEN n % 1000 = 0 THEN 'sad' WHEN n % 2 = 0 THEN 'ok' ELSE 'happy' END::mood
      FROM generate_series(10, 20000) n;
    CREATE INDEX users_feeling ON users (feeling); ANALYZE users`)
  await hotswap.migrate('one', `ALTER TYPE mood RENAME VALUE 'sad' TO 'unhappy'`)
  const client = await hotswap.connect()
  await client.query('SET plan_cache_mode = force_generic_plan')
  await client.query('SET enable_seqscan = off')
  const planOf = async (text: string, values: string[] = []) => {
    const { rows } = await client.query({ text: `EXPLAIN (COSTS OFF) ${text}`, values })
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  }
  const sought = /Index Cond: \(\(?feeling = .*/
  expect(await planOf("SELECT id FROM users WHERE feeling = 'sad'")).toMatch(
    /Index Cond: \(feeling = 'unhappy'::mood\)/,
  )
  expect(await planOf("SELECT id FROM users WHERE feeling = 'sad'::mood")).toMatch(/feeling = 'unhappy'::mood/)
  expect(await planOf('SELECT id FROM users WHERE feeling = $1', ['sad'])).toMatch(sought)
  expect(await planOf('SELECT id FROM users WHERE feeling = $1::mood', ['sad'])).toMatch(sought)
  expect(await planOf("SELECT id FROM users WHERE feeling IN ('sad', 'ok')")).toMatch(/Index Cond: \(feeling = ANY/)
  expect(await planOf("SELECT id FROM users WHERE feeling < 'ok'")).toMatch(/Index Cond: \(feeling <= 'ok'::mood\)/)
  expect(await planOf('SELECT id FROM users ORDER BY feeling LIMIT 5')).toMatch(
    /^Limit\n(.*\n)*.*Index Scan using users_feeling/,
  )
  expect(await planOf('DELETE FROM users WHERE feeling = $1', ['sad'])).toMatch(sought)
  expect((await client.query("SELECT count(*)::int FROM users WHERE feeling = 'sad'")).rows).toEqual([{ count: 21 }])
})

test('an enum without labels that old statements know wants a rule with values', async () => {
  hotswap = await startTestHotswap(schema)
  const client = await hotswap.connect()
  const sql = `
    ALTER TABLE users ALTER feeling DROP DEFAULT;
    CREATE TYPE temper AS ENUM ('low', 'high');
    ALTER TABLE users ALTER feeling TYPE temper USING CASE WHEN feeling = 'happy' THEN 'high' ELSE 'low' END::temper;
    ALTER TABLE users ALTER feeling SET DEFAULT 'low';
    DROP TYPE mood; ALTER TYPE temper RENAME TO mood`
  const bare = await hotswap.migrate('bare', sql)
  expect(bare.error?.detail).toContain(
    'public.users.feeling: its enum lost "sad", "ok", "happy" (say what they are now: columns: { feeling: { to: feeling, values: { sad: ..., ok: ..., happy: ... } } })',
  )
  const { error } = await hotswap.migrate(
    'ruled',
    sql,
    'tables: { users: { columns: { feeling: { values: { sad: low, ok: low, happy: high } } } } }',
  )
  expect(error).toBeUndefined()
  const read = () => client.query('SELECT id, feeling FROM users ORDER BY id')
  expect((await read()).rows.map((row) => row.feeling)).toEqual(['happy', 'sad', 'sad'])
  await client.query("INSERT INTO users VALUES (4, 'Dora', 'ok'::mood)")
  await client.query("INSERT INTO users (id, name) VALUES (5, 'Eve')")
  expect((await client.query("SELECT id FROM users WHERE feeling = 'sad'::mood ORDER BY id")).rows).toEqual(
    [2, 3, 4, 5].map((id) => ({ id })),
  )
  expect((await client.query('SELECT enum_range(NULL::mood)::text AS all')).rows).toEqual([{ all: '{sad,ok,happy}' }])
  await expect(client.query("SELECT 'low'::mood")).rejects.toMatchObject({ code: '22P02' })
  const head = await hotswap.connect('-c hotswap.version=ruled')
  expect((await head.query('SELECT feeling FROM users WHERE id IN (4, 5)')).rows).toEqual([
    { feeling: 'low' },
    { feeling: 'low' },
  ])
})

test.each([
  ['a domain', 'CREATE DOMAIN temper AS mood', 'the domain public.temper is made of it'],
  [
    'a function',
    "CREATE FUNCTION f(mood) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    'the function public.f is made of it',
  ],
  ['a composite type', 'CREATE TYPE pair AS (a mood, b mood[])', 'the composite type public.pair is made of it'],
  ['a range', 'CREATE TYPE moods AS RANGE (subtype = mood)', 'the type public.moods is made of it'],
])('%s over an enum whose labels were renamed is refused', async (_, sql, expected) => {
  hotswap = await startTestHotswap(schema + sql)
  const { error } = await hotswap.migrate('one', `ALTER TYPE mood RENAME VALUE 'sad' TO 'unhappy'`)
  expect(error).toMatchObject({ code: '55000', detail: expect.stringContaining(expected) })
})

test('a role that may not make the type is told what to run', async () => {
  hotswap = await startTestHotswap(schema)
  const { error } = await hotswap.migrate(
    'one',
    `ALTER TYPE mood RENAME VALUE 'sad' TO 'unhappy'; SET LOCAL ROLE pg_monitor`,
  )
  expect(error).toMatchObject({
    code: '42501',
    detail: expect.stringContaining(
      "CREATE TYPE hotswap.one_mood AS ENUM ('sad', 'ok', 'happy');\nGRANT USAGE ON TYPE hotswap.one_mood TO PUBLIC",
    ),
    hint: expect.stringContaining('GRANT CREATE ON SCHEMA hotswap'),
  })
  const client = await hotswap.connect()
  expect((await client.query("SELECT id FROM users WHERE feeling = 'sad'")).rows).toEqual([{ id: 2 }])
})

test('a role with rights on the table alone reads and writes the old labels', async () => {
  hotswap = await startTestHotswap(`${schema} GRANT SELECT, INSERT ON users TO pg_monitor`)
  await hotswap.migrate('one', `ALTER TYPE mood RENAME VALUE 'sad' TO 'unhappy'`)
  const client = await hotswap.connect()
  await client.query('SET ROLE pg_monitor')
  await client.query("INSERT INTO users VALUES (4, 'Dora', 'sad')")
  expect((await client.query("SELECT id FROM users WHERE feeling = 'sad'::mood ORDER BY id")).rows).toEqual([
    { id: 2 },
    { id: 4 },
  ])
})

test('casts WITH INOUT serve old statements still, and parameters may have the oid of the enum', async () => {
  hotswap = await startTestHotswap(`${schema} CREATE CAST (varchar AS mood) WITH INOUT AS IMPLICIT`)
  const client = await hotswap.connect()
  const { rows } = await client.query("SELECT 'mood'::regtype::oid::int AS oid")
  await hotswap.migrate('one', `ALTER TYPE mood RENAME VALUE 'sad' TO 'unhappy'`)
  await client.query("UPDATE users SET feeling = 'sad'::varchar WHERE id = 1")
  await client.query('INSERT INTO users VALUES (4, $1, $2::varchar)', ['Dora', 'sad'])
  await client.query(`PREPARE p (mood) AS SELECT id FROM users WHERE feeling = $1 ORDER BY id`)
  expect((await client.query("EXECUTE p ('sad')")).rows).toEqual([1, 2, 4].map((id) => ({ id })))
  const described = await client.query('SELECT feeling FROM users LIMIT 0')
  expect(described.fields[0]?.dataTypeID).toBe(rows[0].oid)
})

test('the saved rule file shows old statements the old labels after a restart', async () => {
  const sql = `ALTER TYPE mood RENAME VALUE 'sad' TO 'unhappy'; ALTER TYPE mood RENAME TO feeling; ALTER TABLE users RENAME feeling TO mood`
  hotswap = await startTestHotswap(schema)
  const { report } = await hotswap.migrate('one', sql)
  expect(report?.rule).toContain('types:\n  public.mood:\n    to: public.feeling\n    shadow: hotswap.one_mood')
  const made = `CREATE SCHEMA hotswap; CREATE TYPE hotswap.one_mood AS ENUM ('sad', 'ok', 'happy')`
  const again = await startTestHotswap(`${schema} ${sql}; ${made}`, { rules: { 'one.yaml': report?.rule ?? '' } })
  try {
    const client = await again.connect()
    expect((await client.query("SELECT id, feeling FROM users WHERE feeling = 'sad'::mood")).rows).toEqual([
      { id: 2, feeling: 'sad' },
    ])
    await client.query("INSERT INTO users VALUES (4, 'Dora', 'sad')")
    await client.query("INSERT INTO users (id, name) VALUES (5, 'Eve')")
    expect((await client.query('SELECT enum_range(NULL::mood)::text AS all')).rows).toEqual([{ all: '{sad,ok,happy}' }])
    const head = await again.connect('-c hotswap.version=one')
    expect((await head.query("SELECT id FROM users WHERE mood = 'unhappy' ORDER BY id")).rows).toEqual(
      [2, 4, 5].map((id) => ({ id })),
    )
  } finally {
    await again.stop()
  }
})

test('a rule file that waits for its migration names the shadow type, and one that is after it says how to make it', async () => {
  const rule = `tables: { users: { to: people, columns: { feeling: { type: hotswap.old_mood, values: { sad: sad, ok: ok, happy: glad } } } } }
types: { mood: { shadow: hotswap.old_mood } }`
  const sql = `ALTER TYPE mood RENAME VALUE 'happy' TO 'glad'; ALTER TABLE users RENAME TO people`
  await expect(startTestHotswap(`${schema} ${sql}`, { rules: { 'one.yaml': rule } })).rejects.toThrow(
    "CREATE TYPE hotswap.old_mood AS ENUM ('...')",
  )
  hotswap = await startTestHotswap(schema, { rules: { 'one.yaml': rule } })
  const client = await hotswap.connect()
  expect((await hotswap.migrate('one', sql)).error).toBeUndefined()
  expect((await client.query("SELECT id FROM users WHERE feeling = 'happy'::mood")).rows).toEqual([{ id: 1 }])
})

test('DDL of an old client on the enum is refused', async () => {
  hotswap = await startTestHotswap(schema)
  await hotswap.migrate('one', `ALTER TYPE mood RENAME VALUE 'sad' TO 'unhappy'`)
  const client = await hotswap.connect()
  await expect(client.query("ALTER TYPE mood ADD VALUE 'angry'")).rejects.toMatchObject({ code: '0A000' })
  await expect(client.query('DROP TYPE mood CASCADE')).rejects.toMatchObject({ code: '0A000' })
})
