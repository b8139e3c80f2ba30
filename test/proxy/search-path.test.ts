import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { RewriteRequest } from '../../src/rewrite/outcome.js'
import { createDatabase, serverMajor, type TestDatabase } from '../support/database.js'
import { bind, execute, parse, query, sync } from '../support/frontend-message.js'
import { fakeGeneration, fakeSource } from './support/fake-generations.js'
import { startTestProxy, type TestProxy } from './support/start-test-proxy.js'
import { connectWire, fieldsOf } from './support/wire-client.js'

let database: TestDatabase
let proxy: TestProxy
let client: pg.Client
let last: RewriteRequest | undefined

beforeAll(async () => {
  database = await createDatabase(`
    create schema a; create schema b;
    create function go_to_b() returns void language plpgsql as $$ begin perform set_config('search_path', 'b', false); end $$`)
  const source = fakeSource(
    fakeGeneration(1, ['v1', 'v2'], (text, request) => {
      if (text === 'select 1') last = request
      return text
    }),
  )
  proxy = await startTestProxy(database, { source })
})

afterAll(async () => {
  await proxy.close()
  await database.drop()
})

beforeEach(async () => {
  client = await connected()
})

afterEach(() => client.end())

async function connected(config: pg.ClientConfig = {}): Promise<pg.Client> {
  const one = new pg.Client({ connectionString: proxy.url(database.name), ...config })
  await one.connect()
  return one
}

/** The path that a statement sent now is rewritten under. */
async function path(of: pg.Client = client): Promise<string> {
  last = undefined
  await of.query('select 1')
  return (last as RewriteRequest | undefined)?.path.join(' ') ?? ''
}

const temporary = () => last?.temporary.map((relation) => relation.name)

test('it is the server default at first', async () => {
  expect(await path()).toBe('pg_catalog public')
})

test('it is what the startup options, the role or the database say', async () => {
  const one = await connected({ options: '-c search_path=a,b' })
  expect(await path(one)).toBe('pg_catalog a b')
  await one.end()
  await database.run(`alter database ${database.name} set search_path = b`)
  const other = await connected()
  expect(await path(other)).toBe('pg_catalog b')
  await other.end()
  await database.run(`alter database ${database.name} reset search_path`)
})

test.each([
  ['SET', 'set search_path = a', 'pg_catalog a'],
  ['SET SCHEMA', "set schema 'b'", 'pg_catalog b'],
  ['set_config', "select set_config('search_path', 'b, a', false)", 'pg_catalog b a'],
  ['a DO block', "do $$ begin perform set_config('search_path', 'a', false); end $$", 'pg_catalog a'],
])('%s changes it for the next statement', async (_, sql, expected) => {
  await client.query(sql)
  expect(await path()).toBe(expected)
})

test('a function changes it for the next statement, where the server reports that', async ({ skip }) => {
  skip((await serverMajor()) < 18, 'PostgreSQL reports search_path from 18 on')
  await client.query('select go_to_b()')
  expect(await path()).toBe('pg_catalog b')
})

test.each(['reset search_path', 'reset all', 'discard all'])('%s brings the default back', async (sql) => {
  await client.query('set search_path = a')
  expect(await path()).toBe('pg_catalog a')
  await client.query(sql)
  expect(await path()).toBe('pg_catalog public')
})

test('a change by the extended protocol counts from its Execute on', async () => {
  const wire = await connectWire({ port: proxy.port, database: database.name })
  const look = async () => {
    wire.send(query('select 1'))
    await wire.until('Z')
    return last?.path.join(' ')
  }
  wire.send(parse('s', 'set search_path = a'), sync())
  await wire.until('Z')
  expect(await look()).toBe('pg_catalog public')
  wire.send(bind('', 's', [], 0), execute(''), sync())
  await wire.until('Z')
  expect(await look()).toBe('pg_catalog a')
  wire.socket.destroy()
})

test('a batch sent on before the change is answered still sees it', async () => {
  const wire = await connectWire({ port: proxy.port, database: database.name })
  wire.send(query('set search_path = b'), query('select 1'), query('set search_path = a'))
  for (let i = 0; i < 3; i++) await wire.until('Z')
  expect(last?.path).toEqual(['pg_catalog', 'b'])
  wire.socket.destroy()
})

test('SET LOCAL ends with its transaction', async () => {
  await client.query('begin')
  await client.query('set local search_path = a')
  expect(await path()).toBe('pg_catalog a')
  await client.query('commit')
  expect(await path()).toBe('pg_catalog public')
})

test('ROLLBACK and ROLLBACK TO undo it', async () => {
  await client.query('begin')
  await client.query('set search_path = a')
  await client.query('savepoint s')
  await client.query('set search_path = b')
  expect(await path()).toBe('pg_catalog b')
  await client.query('rollback to s')
  expect(await path()).toBe('pg_catalog a')
  await client.query('rollback')
  expect(await path()).toBe('pg_catalog public')
})

test('after an error in the transaction it is asked again once that is rolled back', async () => {
  await client.query('begin')
  await client.query('set search_path = a')
  await expect(client.query('select 1/0')).rejects.toThrow('division')
  await expect(client.query('select 1')).rejects.toThrow('aborted')
  await client.query('rollback')
  expect(await path()).toBe('pg_catalog public')
})

test('a transaction may still be made serializable after its search_path was set', async () => {
  await client.query('begin')
  await client.query('set local search_path = a')
  await client.query('set transaction isolation level serializable')
  expect(await path()).toBe('pg_catalog a')
  await client.query('rollback')
})

test('a role change is a change of "$user"', async () => {
  await database.run(
    'create role tenant; grant tenant to postgres; create schema tenant; grant usage on schema tenant to tenant',
  )
  await client.query('set role tenant')
  expect(await path()).toBe('pg_catalog tenant public')
  await client.query('reset role')
  expect(await path()).toBe('pg_catalog public')
  await database.run('drop schema tenant; drop role tenant')
})

test('a schema that is not there keeps its place: an older version may have had relations in it', async () => {
  await client.query('set search_path = late, public')
  expect(await path()).toBe('pg_catalog late public')
  await client.query('create schema late')
  expect(await path()).toBe('pg_catalog late public')
  await client.query('drop schema late')
  expect(await path()).toBe('pg_catalog late public')
})

test('a schema that may not be used is not searched', async () => {
  await database.run('create schema closed; create role visitor; grant visitor to current_user')
  await client.query('set search_path = closed, public; set role visitor')
  expect(await path()).toBe('pg_catalog public')
  await client.query('reset role')
  expect(await path()).toBe('pg_catalog closed public')
  await database.run('drop schema closed; drop role visitor')
})

test('temporary relations are known with their columns, until they are gone', async () => {
  await client.query('create temp table t (id bigint not null, name varchar(7)[])')
  await path()
  const schema = last?.temporary[0]?.schema ?? ''
  expect(schema).toMatch(/^pg_temp_\d+$/)
  expect(last?.path).toEqual([schema, 'pg_catalog', 'public'])
  expect(last?.temporary).toMatchObject([
    {
      name: 't',
      kind: 'table',
      columns: [
        { name: 'id', attnum: 1, typeOid: 20, notNull: true, type: 'bigint' },
        { name: 'name', attnum: 2, typeOid: 1015, typmod: 11, type: 'character varying(7)[]' },
      ],
    },
  ])
  await client.query('alter table t rename to u')
  await path()
  expect(temporary()).toEqual(['u'])
  await client.query('drop table u')
  expect(await path()).toBe('pg_catalog public')
  expect(temporary()).toEqual([])
})

test('a temporary table goes with its transaction', async () => {
  await client.query('begin')
  await client.query('select 2 as x into temp t')
  await path()
  expect(temporary()).toEqual(['t'])
  await client.query('rollback')
  await path()
  expect(temporary()).toEqual([])
  await client.query('begin')
  await client.query('create temporary table t on commit drop as select 1')
  await client.query('commit')
  await path()
  expect(temporary()).toEqual([])
})

test('the other settings that decide what a text says are followed', async () => {
  await path()
  expect(last).toMatchObject({ standardConformingStrings: true, clientEncoding: 'UTF8' })
  await client.query("set standard_conforming_strings = off; set client_encoding = 'LATIN1'")
  await path()
  expect(last).toMatchObject({ standardConformingStrings: false, clientEncoding: 'LATIN1' })
})

test('names of any letters come through, whatever the client encoding', async () => {
  await database.run('create schema "Größe"')
  await client.query("set client_encoding = 'LATIN1'")
  await client.query(`do $$ begin perform set_config('search_path', U&'"Gr\\00F6\\00DFe"', false); end $$`)
  expect(await path()).toBe('pg_catalog Größe')
  await database.run('drop schema "Größe"')
})

test('a session of one version alone is never asked, until there is another', async () => {
  const second = await startTestProxy(database, { source: fakeSource(fakeGeneration(1, ['v1'])) })
  const one = new pg.Client({ connectionString: second.url(database.name) })
  await one.connect()
  const { pid } = second.sessions()[0] ?? {}
  const lastQuery = await client.query('select query from pg_stat_activity where pid = $1', [pid])
  expect(lastQuery.rows).toEqual([{ query: '' }])
  await one.query('set search_path = a')
  let seen: readonly string[] = []
  second.source.publish(
    fakeGeneration(2, ['v1', 'v2'], (text, request) => {
      seen = request.path
      return text
    }),
  )
  await one.query('select 1')
  expect(seen).toEqual(['pg_catalog', 'a'])
  await one.end()
  await second.close()
})

test('an error of the statement itself leaves what is known as it is', async () => {
  const wire = await connectWire({ port: proxy.port, database: database.name })
  wire.send(query('set search_path to'))
  expect(fieldsOf((await wire.until('E')).body).C).toBe('42601')
  wire.send(query('select 1'))
  await wire.until('C')
  expect(last?.path).toEqual(['pg_catalog', 'public'])
  wire.socket.destroy()
})
