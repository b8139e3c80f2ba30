import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database.js'
import {
  bind,
  copyData,
  copyDone,
  describe,
  execute,
  frame,
  int32,
  parse,
  query,
  sync,
  terminate,
  text,
} from '../support/frontend-message.js'
import { fakeGeneration, fakeSource } from './support/fake-generations.js'
import { startTestProxy, type TestProxy } from './support/start-test-proxy.js'
import { connectWire, fieldsOf } from './support/wire-client.js'

let database: TestDatabase
let proxy: TestProxy

/** One relation under three names of one length: a client says `uu`, and the server has t1 and t2 with the same rows. */
const named = (number: number) =>
  fakeGeneration(number, ['v1', 'v2'], (sql) => sql.replaceAll('uu', number % 2 === 0 ? 't2' : 't1'))

beforeAll(async () => {
  database = await createDatabase('create table t1 as select 1 as a union select 2; create table t2 as table t1')
  proxy = await startTestProxy(database, { source: fakeSource(named(1)) })
})

afterAll(async () => {
  await proxy.close()
  await database.drop()
})

// Not among them: SQL PREPARE. Making such a statement again takes an Execute, and a Query that comes in the same batch
// without a Sync then reports T where it reported I (since PostgreSQL 17 an Execute opens an implicit block).
const statements = [
  'select a + 0 as a from uu order by 1',
  'select count(*) from uu where a > 1',
  'select 1/(select count(*) - 2 from uu)',
  'selec 1',
  'begin',
  'commit',
  'rollback',
  'savepoint s',
  'rollback to s',
  "set local work_mem = '1MB'",
  'set search_path = public, pg_catalog',
  'reset search_path',
  'select 1; select a + 0 from uu; select 1/0; select 3',
  'begin; select a + 0 from uu; commit',
  'deallocate a',
  'deallocate all',
  'execute a',
  'create temp table if not exists tmp (z int)',
  'discard temp',
  '',
]

type Message = (table: string) => Buffer

const sql = fc.constantFrom(...statements)
const name = fc.constantFrom('', 'a', 'b')
const portal = fc.constantFrom('', 'p')
const of = (text: string) => (table: string) => text.replaceAll('uu', table)

const copy =
  (ending: Buffer, withSync: boolean): Message =>
  () =>
    Buffer.concat([
      parse('', 'copy tmp from stdin'),
      bind('', '', [], 0),
      execute(''),
      ...(withSync ? [sync()] : []),
      copyData(Buffer.from('1\n')),
      ending,
      sync(),
    ])

const copyFail = frame('f', text('no'))

/** A message, or a few that belong together. Most batches end by a Sync soon. */
const message: fc.Arbitrary<Message> = fc.oneof(
  { weight: 4, arbitrary: sql.map((one) => (table: string) => query(of(one)(table))) },
  {
    weight: 4,
    arbitrary: fc.tuple(name, sql).map(
      ([a, one]) =>
        (table: string) =>
          parse(a, of(one)(table)),
    ),
  },
  {
    weight: 5,
    arbitrary: fc.tuple(portal, name).map(
      ([p, a]) =>
        () =>
          bind(p, a, [], 0),
    ),
  },
  { weight: 5, arbitrary: portal.map((p) => () => execute(p)) },
  { weight: 1, arbitrary: portal.map((p) => () => frame('E', text(p), int32(1))) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom('S' as const, 'P' as const), name).map(
      ([k, a]) =>
        () =>
          describe(k, a),
    ),
  },
  { weight: 2, arbitrary: name.map((a) => () => frame('C', Buffer.from('S'), text(a))) },
  { weight: 1, arbitrary: portal.map((p) => () => frame('C', Buffer.from('P'), text(p))) },
  { weight: 8, arbitrary: fc.constant(() => sync()) },
  { weight: 1, arbitrary: fc.constant(() => frame('H')) },
  { weight: 1, arbitrary: fc.constantFrom(copy(copyDone(), true), copy(copyDone(), false), copy(copyFail, true)) },
  {
    weight: 1,
    arbitrary: fc.constant(() =>
      Buffer.concat([query('select 1; copy tmp from stdin; select 2'), copyData(Buffer.from('1\n')), copyDone()]),
    ),
  },
)

/** Parts of a conversation; after each the client waits until everything is answered, and the schema is switched. */
const conversation = fc.array(fc.array(message, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 })

/** Everything that is answered, without what differs between sessions. */
async function play(
  port: number,
  parts: readonly (readonly Message[])[],
  table: string,
  between: () => void,
): Promise<string[]> {
  const client = await connectWire({ port, database: database.name })
  const answered = async () => {
    while (!(await client.until('D')).body.includes('part done')) {}
    await client.until('Z')
  }
  for (const part of parts) {
    client.send(...part.map((one) => one(table)), sync(), query("select 'part done' as x"))
    // PostgreSQL itself ends the session at a ROLLBACK TO by Query after a Parse without Sync (XX000).
    if (
      !(await answered()
        .then(() => true)
        .catch(() => client.socket.closed))
    )
      throw new Error('no answer')
    between()
  }
  client.send(terminate())
  await client.closed()
  return client.take().map(({ type, body }) => {
    if (type === 'E' || type === 'N') {
      const { C, M, P } = fieldsOf(body)
      return `${type} ${C} ${M} ${P}`
    }
    return `${type} ${JSON.stringify(body.toString('latin1'))}`
  })
}

/** A failed transaction would hide the marker of a part's end. */
const ended = (parts: readonly (readonly Message[])[]) =>
  parts.map((part) => [...part, () => sync(), () => query('rollback')])

test('any conversation is answered as by the server alone, while the schema is switched between its parts', async () => {
  let number = 1
  await fc.assert(
    fc.asyncProperty(conversation, async (parts) => {
      const expected = await play(database.port, ended(parts), 't1', () => undefined)
      const answered = await play(proxy.port, ended(parts), 'uu', () => proxy.source.publish(named(++number)))
      expect(answered).toEqual(expected)
    }),
    // The gate asks the same questions every time, among them statements that are prepared again.
    process.env.HOTSWAP_LONG === undefined ? { numRuns: 100, seed: 7 } : { numRuns: 2_000 },
  )
  expect(proxy.counters().reprepared).toBeGreaterThan(0)
})
