import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bind, describe, execute, parse, sync } from '../support/frontend-message.js'
import { startTestHotswap, type TestHotswap } from '../support/start-hotswap.js'
import { connectWire } from './support/wire-client.js'

const schema = `
  CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
  CREATE TABLE people (id int PRIMARY KEY, feeling mood NOT NULL, moods mood[]);
  INSERT INTO people VALUES (1, 'happy', '{ok,sad}'), (2, 'ok', NULL);
  CREATE TABLE other (id int);
`

const REBUILD = `
  ALTER TYPE mood RENAME TO mood_old;
  CREATE TYPE mood AS ENUM ('angry', 'sad', 'ok', 'happy');
  ALTER TABLE people ALTER feeling TYPE mood USING feeling::text::mood, ALTER moods TYPE mood[] USING moods::text[]::mood[];
  DROP TYPE mood_old;
`

let hotswap: TestHotswap
beforeAll(async () => {
  hotswap = await startTestHotswap(schema)
})
afterAll(() => hotswap.stop())

/** The oids of mood and mood[] as the database has them now. */
async function oidsNow(): Promise<readonly number[]> {
  const client = new pg.Client({ connectionString: hotswap.database.url })
  await client.connect()
  const { rows } = await client.query("SELECT 'mood'::regtype::oid::int AS a, 'mood[]'::regtype::oid::int AS b")
  await client.end()
  return [rows[0].a, rows[0].b]
}

const typesOf = (result: pg.QueryResult) => result.fields.map((field) => field.dataTypeID)

test('an app goes on while an enum is made anew, twice: prepared statements, text and binary, old oids', async () => {
  const app = await hotswap.connect()
  const old = await oidsNow()
  const [mood = 0, moods = 0] = old
  // What drivers do: a parser registered by the oid that the app found when it started.
  const types = new pg.TypeOverrides()
  types.setTypeParser(mood, (value: string) => `mood ${value}`)
  const named = () =>
    app.query({ name: 'one', text: 'SELECT feeling, moods FROM people WHERE feeling = $1', values: ['happy'], types })
  const binary = (text: string, values: unknown[]) =>
    app.query({ text, values, binary: true, types } as unknown as pg.QueryConfig)
  const check = async () => {
    const one = await named()
    expect(one.rows).toEqual([{ feeling: 'mood happy', moods: '{ok,sad}' }])
    expect(typesOf(one)).toEqual([mood, moods])
    const plain = await app.query("SELECT feeling, 'ok'::mood, array_agg(feeling) FROM people WHERE id = 2 GROUP BY 1")
    expect(typesOf(plain)).toEqual([mood, mood, moods])
    const some = await binary('SELECT feeling FROM people WHERE id = $1', [2])
    expect(typesOf(some)).toEqual([mood])
    expect(String(some.rows[0].feeling)).toContain('ok')
    await app.query('PREPARE two (mood) AS SELECT id FROM people WHERE feeling = $1').catch(() => undefined)
    expect((await app.query("EXECUTE two ('ok')")).rows).toEqual([{ id: 2 }])
    await app.query('UPDATE people SET moods = $1 WHERE id = 2', ['{sad}'])
  }
  await check()
  for (const name of ['first', 'second']) {
    const { error, report } = await hotswap.migrate(name, REBUILD)
    expect(error?.message).toBeUndefined()
    expect(report).toBeDefined()
    expect(await oidsNow()).not.toEqual(old)
    await check()
    await check()
  }
  expect((await app.query({ text: 'SELECT $1::mood AS m', values: ['ok'], types })).rows).toEqual([{ m: 'mood ok' }])
})

test('a Parse names a type by the oid that its client knows, and a statement prepared before a switch goes on', async () => {
  const [mood = 0, moods = 0] = await oidsNow()
  const client = await connectWire({
    port: hotswap.port,
    database: hotswap.database.name,
    startup: { options: '-c hotswap.version=second' },
  })
  const described = async (name: string) => {
    client.send(describe('S', name), sync())
    const frame = await client.until('t')
    await client.until('Z')
    return [2, 6].map((at) => frame.body.readInt32BE(at))
  }
  const rows = async (name: string) => {
    client.take()
    client.send(bind('', name, ['happy', '{ok}'], 1), describe('P', ''), execute(''), sync())
    await client.until('Z')
    return client
      .take()
      .map((one) => one.type)
      .join('')
  }
  const sql = 'SELECT id, feeling FROM people WHERE feeling = $1 AND moods && $2'
  client.send(parse('typed', sql, [mood, moods]), parse('inferred', sql), sync())
  await client.until('Z')
  expect(await described('typed')).toEqual([mood, moods])
  expect((await hotswap.migrate('third', REBUILD)).error).toBeUndefined()
  expect(await oidsNow()).not.toEqual([mood, moods])
  for (const name of ['typed', 'inferred']) {
    expect(await rows(name)).toBe('2TDCZ')
    expect(await described(name)).toEqual([mood, moods])
  }
  client.send(parse('later', sql, [mood, moods]), sync())
  await client.until('Z')
  expect(await rows('later')).toBe('2TDCZ')
  expect(await described('later')).toEqual([mood, moods])
  client.socket.destroy()
})

test('drivers find types by the oids that descriptions tell: also those that connect after the switch', async () => {
  const [fresh, straight] = [
    await hotswap.connect('-c hotswap.version=initial'),
    new pg.Client({ connectionString: hotswap.database.url }),
  ]
  await straight.connect()
  const [mood, moods] = typesOf(await fresh.query('SELECT feeling, moods FROM people LIMIT 1'))
  const [now] = await oidsNow()
  expect(mood).not.toBe(now)
  const found = async (sql: string, values: unknown[] = []) =>
    (await fresh.query({ text: sql, values, rowMode: 'array' })).rows
  expect(await found('SELECT typname, typarray FROM pg_type WHERE oid = $1', [mood])).toEqual([['mood', moods]])
  expect(await found("SELECT oid, typarray FROM pg_catalog.pg_type WHERE typname = 'mood'")).toEqual([[mood, moods]])
  expect(
    await found('SELECT typname FROM pg_type WHERE oid = ANY ($1::oid[]) ORDER BY 1', [[mood, moods, 23]]),
  ).toEqual([['_mood'], ['int4'], ['mood']])
  expect(
    await found('SELECT a.typname FROM pg_type a JOIN pg_type e ON e.oid = a.typelem WHERE e.oid = $1', [mood]),
  ).toEqual([['_mood']])
  expect(await found('SELECT enumlabel FROM pg_enum WHERE enumtypid = $1 ORDER BY enumsortorder', [mood])).toEqual(
    ['angry', 'sad', 'ok', 'happy'].map((label) => [label]),
  )
  const join = `SELECT a.attname, t.typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = 'people'::regclass AND a.attnum > 0 ORDER BY a.attnum`
  expect(await found(join)).toEqual([
    ['id', 'int4'],
    ['feeling', 'mood'],
    ['moods', '_mood'],
  ])
  const formatted =
    "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'people'::regclass AND attnum = 2"
  expect(await found(formatted)).toEqual([['mood']])
  const named = `SELECT t.oid, format_type(a.atttypid, -1) FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = 'people'::regclass AND attnum = 2`
  expect(await found(named)).toEqual([[mood, 'mood']])
  const asType =
    "SELECT t.oid::regtype::text, upper(t.typelem::regtype::text) FROM pg_type t WHERE typname IN ('mood', '_mood') ORDER BY 1"
  expect(await found(asType)).toEqual([
    ['mood', '-'],
    ['mood[]', 'MOOD'],
  ])
  const every = 'SELECT * FROM pg_type ORDER BY typname, typnamespace'
  const names = (result: pg.QueryResult) => result.fields.map(({ name }) => name)
  expect(names(await fresh.query(every))).toEqual(names(await straight.query(every)))
  await straight.end()
})

test('clients of each version see the oids that they know', async () => {
  const [first, last] = [
    await hotswap.connect('-c hotswap.version=initial'),
    await hotswap.connect('-c hotswap.version=third'),
  ]
  const [mood, moods] = await oidsNow()
  const sql = 'SELECT feeling, moods FROM people LIMIT 1'
  expect(typesOf(await last.query(sql))).toEqual([mood, moods])
  expect(typesOf(await first.query(sql))).not.toEqual([mood, moods])
})

test('what an old app reads of its tables in the system catalogs is counted, each time', async () => {
  const counted = async (version: string, sql: string) => {
    const client = await hotswap.connect(`-c hotswap.version=${version}`)
    const before = hotswap.proxy.counters().catalogReads
    for (let i = 0; i < 3; i++) await client.query(sql)
    return hotswap.proxy.counters().catalogReads - before
  }
  const tables = "SELECT column_name FROM information_schema.columns WHERE table_name = 'people'"
  expect(await counted('initial', tables)).toBe(3)
  expect(await counted('third', tables)).toBe(0)
  expect(await counted('initial', "SELECT oid FROM pg_type WHERE typname = 'mood'")).toBe(0)
})
