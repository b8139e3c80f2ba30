import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterEach, expect, test } from 'vitest'
import { readFingerprint } from '../../../src/catalog/fingerprint.js'
import { introspect, type TextQuery } from '../../../src/catalog/introspect.js'
import { openStore } from '../../../src/switch/store/open-store.js'
import type { Store } from '../../../src/switch/store/store.js'
import { createDatabase, serverUrl, type TestDatabase } from '../../support/database.js'

const clients: pg.Client[] = []
const databases: TestDatabase[] = []
const roles: string[] = []
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end().catch(() => undefined)))
  for (const database of databases.splice(0)) await database.drop()
  for (const role of roles.splice(0)) {
    const client = await connect(serverUrl('postgres'))
    await client(`DROP ROLE ${role}`)
  }
  await Promise.all(clients.splice(0).map((client) => client.end()))
})

async function newDatabase(sql = ''): Promise<TestDatabase> {
  const database = await createDatabase(sql)
  databases.push(database)
  return database
}

async function connect(url: string): Promise<TextQuery> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  clients.push(client)
  await client.connect()
  const types = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig
  return async (text) => {
    const result = await client.query({ text, rowMode: 'array', types })
    return (Array.isArray(result) ? result.at(-1) : result).rows
  }
}

async function newRole(): Promise<string> {
  const role = `r_${randomBytes(4).toString('hex')}`
  roles.push(role)
  const query = await connect(serverUrl('postgres'))
  await query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`)
  return role
}

function as(role: string, database: TestDatabase): string {
  return `postgres://${role}:secret@127.0.0.1:${database.port}/${database.name}`
}

async function open(query: TextQuery): Promise<Store> {
  const opened = await openStore({ query, defaultVersion: 'initial' })
  if (opened.kind !== 'open') throw new Error([opened.message, ...opened.details].join('\n'))
  return opened.store
}

/** Runs a migration by hand and gives the step that it was. */
async function migrate(session: TextQuery, name: string, sql: string) {
  const before = await introspect(session)
  await session(sql)
  const after = await introspect(session)
  return { name, before, after, rules: new Map(), fingerprint: await readFingerprint(session) }
}

test('a new store knows the schema as it is, and nothing before', async () => {
  const database = await newDatabase('CREATE TABLE users (id int PRIMARY KEY, "Ünï" text)')
  const query = await connect(database.url)
  const store = await open(query)
  const state = await store.read()
  expect(state).toEqual({
    number: 1,
    steps: [],
    head: await introspect(query),
    fingerprint: await readFingerprint(query),
    defaultVersion: 'initial',
    retired: [],
  })
  expect(state.head.schemas).toContain('hotswap')
  expect(state.head.byName.has('hotswap')).toBe(false)
})

test('a store that is there is opened as it is, by proxies that start at once too', async () => {
  const database = await newDatabase('CREATE TABLE t (id int)')
  const queries = await Promise.all(Array.from({ length: 4 }, () => connect(database.url)))
  const opened = await Promise.all(queries.map((query) => openStore({ query, defaultVersion: 'initial' })))
  expect(opened.map((one) => one.kind === 'open' && one.created).sort()).toEqual([false, false, false, true])
})

test('a step that was committed with its migration is read again as it was', async () => {
  const database = await newDatabase('CREATE TABLE users (id int)')
  const control = await connect(database.url)
  const store = await open(control)
  const session = await connect(database.url)
  await session('BEGIN')
  const step = await migrate(session, "it's \\ 0001-é", 'ALTER TABLE users RENAME TO "Leute \\ \'é"')
  const token = await store.openSwitch(step.name)
  expect(await store.recordStep(session, token, step)).toBe(2)
  expect(await store.readNumber()).toBe(1)
  await session('COMMIT')
  const { number, steps, head, fingerprint } = await store.read()
  expect({ number, steps, head, fingerprint }).toEqual({
    number: 2,
    steps: [{ name: step.name, before: step.before, rules: step.rules }],
    head: step.after,
    fingerprint: await readFingerprint(control),
  })
})

test('a step is recorded the same in a session with its own encoding, string syntax and search_path', async () => {
  const database = await newDatabase('CREATE TABLE "büro" (id int)')
  const store = await open(await connect(database.url))
  const session = await connect(database.url)
  await session("SET client_encoding = 'LATIN1'; SET standard_conforming_strings = off; SET search_path = ''")
  await session('BEGIN')
  const control = await connect(database.url)
  const before = await introspect(control)
  const step = { name: 'é\\', before, after: before, rules: new Map(), fingerprint: 'é' }
  await store.recordStep(session, await store.openSwitch(step.name), step)
  await session('COMMIT')
  const state = await store.read()
  expect([state.steps[0]?.name, state.steps[0]?.before, state.fingerprint]).toEqual(['é\\', before, 'é'])
})

test('a migration that is rolled back leaves nothing', async () => {
  const database = await newDatabase('CREATE TABLE users (id int)')
  const store = await open(await connect(database.url))
  const before = await store.read()
  const session = await connect(database.url)
  await session('BEGIN')
  const step = await migrate(session, 'one', 'ALTER TABLE users RENAME TO people')
  await store.recordStep(session, await store.openSwitch('one'), step)
  await session('ROLLBACK')
  expect(await store.read()).toEqual(before)
})

test('of two switches at once one is recorded, and the other fails to be repeated', async () => {
  const database = await newDatabase('CREATE TABLE a (id int); CREATE TABLE b (id int)')
  const store = await open(await connect(database.url))
  const sessions = [await connect(database.url), await connect(database.url)] as const
  const tokens = [await store.openSwitch('one'), await store.openSwitch('two')] as const
  await sessions[0]('BEGIN')
  await sessions[1]('BEGIN')
  const first = await migrate(sessions[0], 'one', 'ALTER TABLE a RENAME TO a2')
  const second = await migrate(sessions[1], 'two', 'ALTER TABLE b RENAME TO b2')
  await store.recordStep(sessions[0], tokens[0], first)
  const waiting = store.recordStep(sessions[1], tokens[1], second)
  const refused = expect(waiting).rejects.toThrow('another switch was faster than two')
  await sessions[0]('COMMIT')
  await refused
  await sessions[1]('ROLLBACK')
  const { number, steps } = await store.read()
  expect([number, steps.map(({ name }) => name)]).toEqual([2, ['one']])
})

test('a migration under REPEATABLE READ does not overwrite what it does not see', async () => {
  const database = await newDatabase('CREATE TABLE a (id int)')
  const store = await open(await connect(database.url))
  const session = await connect(database.url)
  await session('BEGIN ISOLATION LEVEL REPEATABLE READ')
  const step = await migrate(session, 'one', 'ALTER TABLE a ADD b int')
  const token = await store.openSwitch('one')
  await store.setDefault('other')
  await expect(store.recordStep(session, token, step)).rejects.toMatchObject({ code: '40001' })
})

test("a role without any right on the schema records with a token, and only with the token of this step's name", async () => {
  const database = await newDatabase('CREATE TABLE users (id int)')
  const role = await newRole()
  await database.run(`ALTER TABLE users OWNER TO ${role}; GRANT CREATE ON SCHEMA public TO ${role}`)
  const store = await open(await connect(database.url))
  const session = await connect(as(role, database))
  for (const forbidden of [
    'SELECT * FROM hotswap.state',
    "SELECT hotswap.step_token(1, 'one')",
    'UPDATE hotswap.state SET number = 2',
    "INSERT INTO hotswap.step VALUES (2, 'x', '', '')",
  ]) {
    await expect(session(forbidden)).rejects.toMatchObject({ code: '42501' })
  }
  await session('BEGIN')
  const step = await migrate(session, 'one', 'ALTER TABLE users RENAME TO people')
  const token = await store.openSwitch('one')
  for (const wrong of [
    store.recordStep(session, token, { ...step, name: 'two' }),
    store.recordStep(session, '1.a', step),
  ]) {
    await expect(wrong).rejects.toThrow('another switch was faster')
  }
  expect(await store.readNumber()).toBe(1)
  await store.recordStep(session, token, step)
  await session('COMMIT')
  const control = await connect(database.url)
  expect(await control('SELECT name, recorded_by FROM hotswap.step')).toEqual([['one', role]])
  await expect(store.recordStep(session, token, step)).rejects.toThrow('another switch was faster')
  expect(await store.readNumber()).toBe(2)
})

test('the default and the retired versions are stored, each with a new number', async () => {
  const database = await newDatabase()
  const store = await open(await connect(database.url))
  await store.setDefault('0002')
  await store.retire('initial')
  await store.retire('initial')
  const { number, defaultVersion, retired } = await store.read()
  expect({ number, defaultVersion, retired }).toEqual({ number: 3, defaultVersion: '0002', retired: ['initial'] })
})

test('neither becomes a retired version the default nor is the default retired, whoever was faster', async () => {
  const database = await newDatabase()
  const store = await open(await connect(database.url))
  await store.setDefault('0002')
  await store.retire('initial')
  await store.setDefault('initial')
  await store.retire('0002')
  expect(await store.read()).toMatchObject({ defaultVersion: '0002', retired: ['initial'] })
})

test('a head is replaced only where nobody changed the store meanwhile', async () => {
  const database = await newDatabase()
  const query = await connect(database.url)
  const store = await open(query)
  const head = await introspect(query)
  expect(await store.replaceHead(1, head, 'new')).toBe(true)
  await store.setDefault('x')
  expect(await store.replaceHead(1, head, 'newer')).toBe(false)
  expect((await store.read()).fingerprint).toBe('new')
})

test('where the role may not make a store nothing is made, and what to do is said as SQL that works', async () => {
  const database = await newDatabase()
  const role = await newRole()
  const query = await connect(as(role, database))
  const opened = await openStore({ query, defaultVersion: 'initial' })
  if (opened.kind !== 'none') throw new Error(opened.kind)
  expect(opened.message).toContain(`role "${role}" may not make one: permission denied for database`)
  const sql = `CREATE SCHEMA hotswap AUTHORIZATION "${role}";`
  expect(opened.details[0]).toContain(sql)
  await database.run(sql)
  expect(await openStore({ query, defaultVersion: 'initial' })).toMatchObject({ kind: 'open', created: true })
})

test('where the schema is there for other things the role is to be granted CREATE on it', async () => {
  const database = await newDatabase('CREATE SCHEMA hotswap; GRANT USAGE ON SCHEMA hotswap TO PUBLIC')
  const role = await newRole()
  const query = await connect(as(role, database))
  const opened = await openStore({ query, defaultVersion: 'initial' })
  if (opened.kind !== 'none') throw new Error(opened.kind)
  await database.run(/GRANT .*/.exec(opened.details[0] ?? '')?.[0] ?? '')
  expect(await openStore({ query, defaultVersion: 'initial' })).toMatchObject({ kind: 'open', created: true })
})

test('a store that another role made is refused with the grants that are missing', async () => {
  const database = await newDatabase()
  await open(await connect(database.url))
  const role = await newRole()
  const query = await connect(as(role, database))
  const opened = await openStore({ query, defaultVersion: 'initial' })
  if (opened.kind !== 'refused') throw new Error(opened.kind)
  expect(opened.message).toBe(`role "${role}" may not use the version store of this database`)
  await database.run(/GRANT .*/.exec(opened.details[0] ?? '')?.[0] ?? '')
  const store = await open(query)
  await store.setDefault('x')
  expect(await store.recordStep(query, await store.openSwitch('s'), await migrate(query, 's', ''))).toBe(3)
})

test('a store of a newer release is refused, and left as it is', async () => {
  const database = await newDatabase()
  const query = await connect(database.url)
  await open(query)
  await query('INSERT INTO hotswap.upgrade (number) VALUES (99)')
  const opened = await openStore({ query, defaultVersion: 'initial' })
  expect(opened).toMatchObject({
    kind: 'refused',
    message: expect.stringContaining('a newer release of pg-hotswap (its layout is 99'),
  })
})

test('a store of an older release is brought up to date', async () => {
  const database = await newDatabase()
  const query = await connect(database.url)
  const store = await open(query)
  const before = await store.read()
  await query(`DO $$ DECLARE t text; BEGIN
    FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'hotswap' AND tablename NOT IN ('upgrade', 'state', 'step')
    LOOP EXECUTE format('DROP TABLE hotswap.%I CASCADE', t); END LOOP;
    FOR t IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'hotswap'::regnamespace
      AND proname NOT IN ('step_token', 'record_step')
    LOOP EXECUTE 'DROP ROUTINE ' || t || ' CASCADE'; END LOOP;
  END $$`)
  await query('DELETE FROM hotswap.upgrade WHERE number > 1')
  expect(await (await open(query)).read()).toEqual(before)
  expect(await query('SELECT count(*) FROM hotswap.statement')).toEqual([['0']])
})

test('a store that came with a copy of another database is refused', async () => {
  const database = await newDatabase('CREATE TABLE t (id int)')
  await open(await connect(database.url))
  await Promise.all(clients.splice(0).map((client) => client.end()))
  const admin = await connect(serverUrl('postgres'))
  const copy = `${database.name}_copy`
  await admin(`CREATE DATABASE ${copy} TEMPLATE ${database.name}`)
  try {
    const query = await connect(serverUrl(copy))
    const opened = await openStore({ query, defaultVersion: 'initial' })
    expect(opened).toMatchObject({ kind: 'refused', message: expect.stringContaining('is of another database') })
  } finally {
    await admin(`DROP DATABASE ${copy} WITH (FORCE)`)
  }
})
