import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database.js'
import { bind, describe, execute, frame, parse, query, sync, text } from '../support/frontend-message.js'
import { fakeGeneration, fakeSource, refusal } from './support/fake-generations.js'
import { startTestProxy, type TestProxy } from './support/start-test-proxy.js'
import { connectWire, fieldsOf, show, type WireClient } from './support/wire-client.js'

let database: TestDatabase
let proxy: TestProxy
let client: WireClient

const close = (name: string) => frame('C', Buffer.from('S'), text(name))
const use = (name: string) => [bind('', name, [], 0), execute(''), sync()]

/** After the switch `old` is called `new`; both exist, so that it is seen which one was asked. */
function publishSwitch(): void {
  proxy.source.publish(
    fakeGeneration(proxy.source.current().generation.number + 1, ['v1', 'v2'], (sql) =>
      sql.includes('refused')
        ? refusal('not any more', 'select hotswap_marker', 'hotswap_marker')
        : sql.replaceAll('from old', 'from new').replaceAll('gone', 'missing'),
    ),
  )
}

beforeAll(async () => {
  database = await createDatabase(
    "create table old as select 'old' as a; create table new as select 'new' as a; create table gone()",
  )
  return () => database.drop()
})

beforeEach(async () => {
  proxy = await startTestProxy(database, { source: fakeSource(fakeGeneration(1, ['v1'])) })
  client = await connectWire({ port: proxy.port, database: database.name })
})

afterEach(async () => {
  client.socket.destroy()
  await proxy.close()
})

async function prepared(name: string, sql: string): Promise<void> {
  client.send(parse(name, sql), sync())
  await client.until('Z')
  client.take()
}

/** The batch's answer up to its ReadyForQuery, in short: types, and the one column of each row. */
async function answer(...frames: readonly Buffer[]): Promise<string> {
  client.send(...frames)
  await client.until('Z')
  return client
    .take()
    .filter((one) => one.type !== 'T' && one.type !== 'S')
    .map(({ type, body }) => (type === 'D' ? body.toString('latin1', 6) : type === 'E' ? `E${fieldsOf(body).C}` : type))
    .join(' ')
}

const NEW = '2 new C Z'

test('a statement made before the switch is prepared again before its next use', async () => {
  await prepared('s', 'select a from old')
  expect(await answer(...use('s'))).toBe('2 old C Z')
  publishSwitch()
  expect(await answer(...use('s'))).toBe(NEW)
  expect(await answer(...use('s'))).toBe(NEW)
  expect(proxy.counters().reprepared).toBe(1)
})

test('a statement whose text stays the same is not prepared again', async () => {
  await prepared('s', "select 'x' as a")
  publishSwitch()
  expect(await answer(...use('s'))).toBe('2 x C Z')
  expect(proxy.counters().reprepared).toBe(0)
})

test('Describe alone brings a statement up to date', async () => {
  await prepared('s', 'select a from old')
  publishSwitch()
  expect(await answer(describe('S', 's'), sync())).toBe('t Z')
  expect(proxy.counters().reprepared).toBe(1)
})

test('the name on the server stays the same, and nothing is left behind', async () => {
  await prepared('s', 'select a from old')
  publishSwitch()
  await answer(...use('s'))
  expect(await answer(query('execute s'))).toBe('new C Z')
  expect(await answer(query("select string_agg(name, ',') from pg_prepared_statements"))).toBe('s C Z')
  expect(await answer(parse('s', 'select 1'), sync())).toBe('E42P05 Z')
  expect(await answer(query('deallocate s'))).toBe('C Z')
  expect(await answer(...use('s'))).toBe('E26000 Z')
})

test('the unnamed statement is prepared again when it is bound in a later batch', async () => {
  await prepared('', 'select a from old')
  publishSwitch()
  expect(await answer(...use(''))).toBe(NEW)
})

test('several statements in one batch are each prepared again in their place', async () => {
  await prepared('s', 'select a from old')
  await prepared('t', 'select a || 2 from old')
  publishSwitch()
  const batch = ['s', 't', 's'].flatMap((name) => [bind('', name, [], 0), execute('')])
  expect(await answer(...batch, sync())).toBe('2 new C 2 new2 C 2 new C Z')
  expect(proxy.counters().reprepared).toBe(2)
})

test('parameter types given at the Parse are kept', async () => {
  client.send(parse('s', 'select $1 || a from old', [25]), sync())
  await client.until('Z')
  publishSwitch()
  client.send(describe('S', 's'), sync())
  expect((await client.until('t')).body).toEqual(Buffer.from([0, 1, 0, 0, 0, 25]))
})

test('where preparing again fails, its error is the answer, and the statement can be tried again', async () => {
  await prepared('s', 'select 1 from gone')
  publishSwitch()
  expect(await answer(...use('s'))).toBe('E42P01 Z')
  expect(await answer(...use('s'))).toBe('E42P01 Z')
  await database.run('create table missing()')
  expect(await answer(...use('s'))).toBe('2 C Z')
  await database.run('drop table missing')
})

test('where the new generation refuses the statement, the refusal is the answer', async () => {
  await prepared('s', "select 'refused'")
  publishSwitch()
  client.send(...use('s'))
  expect(fieldsOf((await client.until('E')).body)).toMatchObject({ C: '0A000', M: 'not any more' })
})

test('in a failed transaction nothing is prepared, and after it the statement is up to date', async () => {
  await prepared('s', 'select a from old')
  await answer(query('begin'))
  await answer(query('select 1/0'))
  publishSwitch()
  expect(await answer(...use('s'))).toBe('E25P02 Z')
  expect(await answer(query('rollback'))).toBe('C Z')
  expect(await answer(...use('s'))).toBe(NEW)
})

test('a statement whose preparation is skipped after an error is prepared at its next use', async () => {
  await prepared('s', 'select a from old')
  publishSwitch()
  expect(await answer(parse('', 'select nothing'), ...use('s'))).toBe('E42703 Z')
  expect(await answer(...use('s'))).toBe(NEW)
})

test('a statement that was closed, or whose Close was skipped, is known as such', async () => {
  await prepared('s', 'select a from old')
  expect(await answer(parse('', 'select nothing'), close('s'), sync())).toBe('E42703 Z')
  publishSwitch()
  expect(await answer(...use('s'))).toBe(NEW)
  expect(await answer(close('s'), sync())).toBe('3 Z')
  expect(await answer(...use('s'))).toBe('E26000 Z')
})

test('a name may be used before its ParseComplete, and again after Close in one batch', async () => {
  publishSwitch()
  const batch = [parse('s', 'select a from old'), ...use('s').slice(0, 2), close('s'), parse('s', "select 'z' as a")]
  expect(await answer(...batch, ...use('s'))).toBe('1 2 new C 3 1 2 z C Z')
  expect(await answer(...use('s'))).toBe('2 z C Z')
})

test('after a Parse of a taken name the old statement lives on', async () => {
  await prepared('s', 'select a from old')
  expect(await answer(parse('s', "select 'other'"), sync())).toBe('E42P05 Z')
  publishSwitch()
  expect(await answer(...use('s'))).toBe(NEW)
})

test.each([
  'deallocate s',
  'deallocate prepare s',
  'deallocate all',
  'discard all',
])('%s forgets, in a Query', async (sql) => {
  await prepared('s', 'select a from old')
  await answer(query(sql))
  publishSwitch()
  expect(await answer(...use('s'))).toBe('E26000 Z')
})

test.each(['deallocate s', 'deallocate all', 'discard all'])('%s forgets, by the extended protocol', async (sql) => {
  await prepared('s', 'select a from old')
  await answer(parse('', sql), bind('', '', [], 0), execute(''), sync())
  publishSwitch()
  expect(await answer(...use('s'))).toBe('E26000 Z')
})

test('a DEALLOCATE that ran counts, though its Query failed later', async () => {
  await prepared('s', 'select a from old')
  await answer(query('deallocate s; select 1/0'))
  publishSwitch()
  expect(await answer(...use('s'))).toBe('E26000 Z')
})

test('a DEALLOCATE that did not run does not count', async () => {
  await prepared('s', 'select a from old')
  await answer(query('select 1/0; deallocate s'))
  publishSwitch()
  expect(await answer(...use('s'))).toBe(NEW)
})

test('a statement made by SQL PREPARE is made again before an EXECUTE', async () => {
  await answer(query('prepare q as select a from old'))
  expect(await answer(query('execute q'))).toBe('old C Z')
  publishSwitch()
  expect(await answer(query('execute q'))).toBe('new C Z')
  expect(await answer(query('begin; execute q; commit'))).toBe('C new C C Z')
  expect(proxy.counters().reprepared).toBe(1)
})

test('a statement made by SQL PREPARE is made again before a Bind, and before an EXECUTE that was prepared', async () => {
  await answer(query('prepare q (text) as select a || $1 from old'))
  await prepared('e', "execute q('!')")
  publishSwitch()
  expect(await answer(bind('', 'q', ['?'], 0), execute(''), sync())).toBe('2 new? C Z')
  expect(await answer(...use('e'))).toBe('2 new! C Z')
  expect(show(client.frames)).not.toContain('hotswap')
})

test('in a transaction a statement made by SQL PREPARE is made again too', async () => {
  await answer(query('prepare q as select a from old'))
  publishSwitch()
  expect(await answer(query('begin'))).toBe('C Z')
  expect(await answer(query('execute q'))).toBe('new C Z')
  expect(await answer(query('commit'))).toBe('C Z')
})

test('a statement of an earlier generation follows several switches', async () => {
  await prepared('s', 'select a from old')
  publishSwitch()
  expect(await answer(...use('s'))).toBe(NEW)
  proxy.source.publish(fakeGeneration(9, ['v1', 'v2']))
  expect(await answer(...use('s'))).toBe('2 old C Z')
})
