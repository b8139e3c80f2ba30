import { createHash } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, expect, describe as suite, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database.js'
import {
  bind,
  copyData,
  copyDone,
  describe,
  execute,
  frame,
  int16,
  int32,
  parse,
  query,
  sync,
  terminate,
  text,
} from '../support/frontend-message.js'
import { fakeGeneration, fakeSource } from './support/fake-generations.js'
import { startTestProxy, type TestProxy } from './support/start-test-proxy.js'
import { connectWire, type WireFrame } from './support/wire-client.js'

/** Bytes to send, and the types of messages to wait for after them; `close`: the end of the connection. */
type Step = readonly [bytes: Buffer, ...until: string[]]

const flush = frame('H')
const portal = (name: string, rows: number) => frame('E', text(name), int32(rows))
const close = (kind: 'S' | 'P', name: string) => frame('C', Buffer.from(kind), text(name))
const copyFail = frame('f', text('no more'))
const all = (...frames: readonly Buffer[]) => Buffer.concat(frames)
/** current_schemas(bool) by FunctionCall: one boolean argument in text, text result. */
const call = (oid: number) =>
  frame('F', int32(oid), int16(1), int16(0), int16(1), int32(4), Buffer.from('true'), int16(0))

const conversations: Record<string, readonly Step[]> = {
  'a simple query': [[query('select a, b from t order by a'), 'Z']],
  'an empty query': [
    [query(''), 'Z'],
    [query('  ; ;'), 'Z'],
  ],
  'several statements in one query': [[query("select 1; insert into t values (9, 'x'); select count(*) from t"), 'Z']],
  'an error in the middle of several statements': [[query('select 1; select 1/0; select 2'), 'Z']],
  'a query that fails to parse': [
    [query('selec 1'), 'Z'],
    [query('select 1'), 'Z'],
  ],
  'a transaction by simple queries': [
    [query('begin'), 'Z'],
    [query('insert into t values (10, null)'), 'Z'],
    [query('select nothing'), 'Z'],
    [query('select 1'), 'Z'],
    [query('rollback'), 'Z'],
    [query('select count(*) from t'), 'Z'],
  ],
  'an explicit commit inside one query': [[query('begin; insert into t values (11); commit; select nothing'), 'Z']],
  'several queries sent at once': [[all(query('select 1'), query('select x'), query('select 2')), 'Z', 'Z', 'Z']],
  'a prepared statement': [
    [all(parse('s', 'select a from t where a > $1::int order by a'), describe('S', 's'), sync()), 'Z'],
    [all(bind('', 's', ['1'], 0), describe('P', ''), execute(''), sync()), 'Z'],
    [all(bind('', 's', ['2'], 1), execute(''), sync()), 'Z'],
    [all(close('S', 's'), sync()), 'Z'],
    [all(bind('', 's', ['2'], 1), execute(''), sync()), 'Z'],
  ],
  'an unnamed statement in one batch': [
    [all(parse('', 'select $1::text'), bind('', '', ['a'], 0), describe('P', ''), execute(''), sync()), 'Z'],
  ],
  'an unnamed statement used in a later batch': [
    [all(parse('', 'select $1::text'), sync()), 'Z'],
    [all(bind('', '', ['a'], 0), execute(''), sync()), 'Z'],
    [all(bind('', '', ['b'], 0), execute(''), sync()), 'Z'],
  ],
  'an unnamed statement dropped by a simple query': [
    [all(parse('', 'select 1'), sync()), 'Z'],
    [query('select 2'), 'Z'],
    [all(bind('', '', [], 0), execute(''), sync()), 'Z'],
  ],
  'an unnamed statement lost to a failed Parse': [
    [all(parse('', 'select 1'), sync()), 'Z'],
    [all(parse('', 'select nothing'), sync()), 'Z'],
    [all(bind('', '', [], 0), execute(''), sync()), 'Z'],
  ],
  'a name that is taken': [
    [all(parse('s', 'select 1'), sync()), 'Z'],
    [all(parse('s', 'select 2'), bind('', 's', [], 0), execute(''), sync()), 'Z'],
    [all(bind('', 's', [], 0), execute(''), sync()), 'Z'],
  ],
  'a failed Parse makes no statement': [
    [all(parse('s', 'select nothing'), sync()), 'Z'],
    [all(describe('S', 's'), sync()), 'Z'],
    [all(parse('s', 'select 1'), describe('S', 's'), sync()), 'Z'],
  ],
  'an error skips to the Sync, a Query in between too': [
    [
      all(
        parse('', 'select 1/0'),
        bind('', '', [], 0),
        execute(''),
        query('select 1'),
        parse('skipped', 'select 1'),
        sync(),
      ),
      'Z',
    ],
    [all(bind('', 'skipped', [], 0), execute(''), sync()), 'Z'],
  ],
  'a pipeline of batches with an error in one': [
    [
      all(
        ...['select 1', 'select nothing', 'select 3'].flatMap((sql) => [
          parse('', sql),
          bind('', '', [], 0),
          describe('P', ''),
          execute(''),
          sync(),
        ]),
      ),
      'Z',
      'Z',
      'Z',
    ],
  ],
  'one pipeline in one implicit transaction': [
    [
      all(
        parse('', 'insert into t values ($1::int)'),
        bind('', '', ['20'], 0),
        execute(''),
        bind('', '', ['twenty'], 0),
        execute(''),
        sync(),
      ),
      'Z',
    ],
    [query('select count(*) from t where a = 20'), 'Z'],
  ],
  'Flush instead of Sync': [
    [all(parse('', 'select 1'), describe('S', ''), flush), 'T'],
    [all(bind('', '', [], 0), flush), '2'],
    [all(execute(''), flush), 'C'],
    [sync(), 'Z'],
  ],
  'Flush, then an error, then Sync': [
    [all(parse('', 'select nothing'), flush), 'E'],
    [all(bind('', '', [], 0), execute(''), flush, sync()), 'Z'],
  ],
  'a portal read in pieces': [
    [query('begin'), 'Z'],
    [all(parse('', 'select generate_series(1, 5)'), bind('p', '', [], 0), portal('p', 2), sync()), 'Z'],
    [all(portal('p', 2), sync()), 'Z'],
    [all(portal('p', 2), portal('p', 2), close('P', 'p'), portal('p', 1), sync()), 'Z'],
    [query('rollback'), 'Z'],
  ],
  'a portal that ended with its transaction': [
    [all(parse('', 'select generate_series(1, 5)'), bind('p', '', [], 0), portal('p', 2), sync()), 'Z'],
    [all(portal('p', 2), sync()), 'Z'],
  ],
  'a query between a Parse and its Bind': [
    [all(parse('s', 'select 1'), query('select 2'), bind('', 's', [], 0), execute(''), sync()), 'Z', 'Z'],
  ],
  'COPY in': [
    [query('copy t from stdin'), 'G'],
    [all(copyData(Buffer.from('30\tx\n31\t')), copyData(Buffer.from('y\n')), copyDone()), 'Z'],
    [query('select count(*) from t'), 'Z'],
  ],
  'COPY in, its data sent without waiting': [
    [all(query('copy t from stdin'), copyData(Buffer.from('30\tx\n')), copyDone(), query('select 1')), 'Z', 'Z'],
  ],
  'COPY in that the client gives up': [
    [query('copy t from stdin'), 'G'],
    [all(copyData(Buffer.from('30\tx\n')), copyFail), 'Z'],
  ],
  'COPY in that fails before the client knows': [
    [query('copy t from stdin'), 'G'],
    [all(copyData(Buffer.from('thirty\tx\n')), copyData(Buffer.from('31\ty\n')), copyDone()), 'Z'],
    [query('select count(*) from t'), 'Z'],
  ],
  'COPY in between other statements of one query': [
    [query('select 1; copy t from stdin; insert into t values (40); copy t from stdin; select count(*) from t'), 'G'],
    [all(copyData(Buffer.from('30\tx\n')), copyDone()), 'G'],
    [all(copyData(Buffer.from('31\tx\n')), copyDone()), 'Z'],
  ],
  'COPY in by the extended protocol, with a Sync that the server ignores': [
    [all(parse('', 'copy t from stdin'), bind('', '', [], 0), execute(''), sync()), 'G'],
    [all(copyData(Buffer.from('30\tx\n')), copyDone(), sync()), 'Z'],
    [query('select count(*) from t'), 'Z'],
  ],
  'COPY in by the extended protocol that fails': [
    [all(parse('', 'copy t from stdin'), bind('', '', [], 0), execute(''), flush), 'G'],
    [all(copyData(Buffer.from('thirty\tx\n')), copyDone(), sync()), 'Z'],
    [query('select count(*) from t'), 'Z'],
  ],
  'COPY out': [
    [query('copy (select a, b from t order by a) to stdout'), 'Z'],
    [all(parse('', 'copy t to stdout (format binary)'), bind('', '', [], 0), execute(''), sync()), 'Z'],
  ],
  'COPY data outside of COPY': [[all(copyData(Buffer.from('x')), copyDone(), copyFail, query('select 1')), 'Z']],
  'a function call': [
    [call(1403), 'Z'],
    [call(99_999_999), 'Z'],
    [query('select 1'), 'Z'],
  ],
  'a function call between pipelined batches': [
    [
      all(query('select 1'), call(1403), parse('', 'select 2'), bind('', '', [], 0), execute(''), sync()),
      'Z',
      'Z',
      'Z',
    ],
  ],
  'settings that are reported': [
    [query("set application_name = 'x'; set standard_conforming_strings = off; set client_encoding = 'LATIN1'"), 'Z'],
    [query("select 'a\\tb', U&'\\00e9'"), 'Z'],
    [query('set search_path = pg_catalog; show search_path'), 'Z'],
    [query('reset all'), 'Z'],
  ],
  'a notification to itself': [
    [query("listen c; notify c, 'hello'"), 'Z'],
    [query('select 1'), 'Z'],
  ],
  notices: [[query("do $$ begin raise notice 'n'; raise warning 'w'; end $$"), 'Z']],
  'statements made by SQL': [
    [query('prepare q (int) as select $1 + 1; execute q(1)'), 'Z'],
    [all(describe('S', 'q'), bind('', 'q', ['5'], 0), execute(''), sync()), 'Z'],
    [query('deallocate q'), 'Z'],
    [query('execute q(1)'), 'Z'],
    [all(parse('q', 'select 3'), sync()), 'Z'],
    [query('execute q'), 'Z'],
    [query('discard all'), 'Z'],
    [all(bind('', 'q', [], 0), execute(''), sync()), 'Z'],
  ],
  'temporary tables and search_path in a transaction': [
    [query('begin; create temp table t (z text); set local search_path = public'), 'Z'],
    [query("select z || '' from t"), 'Z'],
    [query('savepoint a; set search_path = nowhere'), 'Z'],
    [query('select * from public.t'), 'Z'],
    [query('rollback to a'), 'Z'],
    [query('commit'), 'Z'],
    [query("select z || '' from t"), 'Z'],
  ],
  'SET TRANSACTION after what changes search_path': [
    [query('begin'), 'Z'],
    [query('set local search_path = public'), 'Z'],
    [query('set transaction isolation level serializable'), 'Z'],
    [query('select count(*) from t'), 'Z'],
    [query('commit'), 'Z'],
  ],
  'a deferred constraint that fails at the Sync': [
    [query('create temp table d (a int unique deferrable initially deferred)'), 'Z'],
    [
      all(
        parse('', 'insert into d values (1), (1)'),
        bind('', '', [], 0),
        execute(''),
        sync(),
        parse('', 'select 1'),
        sync(),
      ),
      'Z',
      'Z',
    ],
  ],
  'a Sync alone, and several': [[all(sync(), sync()), 'Z', 'Z']],
  'malformed messages': [
    [all(frame('Q', Buffer.from('select 1')), query('select 1')), 'Z', 'Z'],
    [all(frame('Q', Buffer.from('select 1\0 more\0')), query('select 1')), 'Z', 'Z'],
    [all(frame('P', Buffer.from('s\0')), sync()), 'Z'],
    [all(frame('B', Buffer.from('s')), sync()), 'Z'],
    [all(frame('D', Buffer.from('x\0')), sync()), 'Z'],
    [all(frame('E', Buffer.from('p\0')), sync()), 'Z'],
    [all(frame('C'), sync()), 'Z'],
  ],
  'a message of a type that there is not': [[frame('?', Buffer.from('x')), 'close']],
  'a Query while COPY data is expected': [[all(query('copy t from stdin'), query('select 1')), 'close']],
  'Terminate in the middle of a transaction': [[all(query('begin'), query('select 1'), terminate()), 'close']],
  'a row of a megabyte, and a parameter of one': [
    [query("select repeat('x', 1000000)"), 'Z'],
    [all(parse('', 'select length($1::text)'), bind('', '', ['y'.repeat(1_000_000)], 0), execute(''), sync()), 'Z'],
  ],
  'many rows': [[query('select i, repeat(i::text, 5) from generate_series(1, 20000) i'), 'Z']],
}

let database: TestDatabase
let admin: pg.Client
let bare: TestProxy
/** Its clients speak an old version whose statements all stay as they are: probes and bookkeeping are at work. */
let old: TestProxy

beforeAll(async () => {
  database = await createDatabase('create table t (a int, b text)')
  admin = new pg.Client({ connectionString: database.url })
  await admin.connect()
  bare = await startTestProxy(database)
  old = await startTestProxy(database, { source: fakeSource(fakeGeneration(1, ['v1', 'v2'])) })
})

afterAll(async () => {
  await admin.end()
  await bare.close()
  await old.close()
  await database.drop()
})

/** What the server answers, without what differs from session to session. */
async function play(
  port: number,
  steps: readonly Step[],
  pieces: (bytes: Buffer) => readonly Buffer[],
): Promise<string[]> {
  await admin.query("truncate t; insert into t values (1, 'x'), (2, 'y'), (3, 'z')")
  const client = await connectWire({ port, database: database.name })
  const answers: string[] = []
  for (const [bytes, ...until] of steps) {
    for (const piece of pieces(bytes)) {
      client.send(piece)
      await new Promise((resolve) => setImmediate(resolve))
    }
    for (const type of until) await (type === 'close' ? client.closed() : client.until(type))
    answers.push(...client.take().map(comparable))
  }
  client.socket.destroy()
  return answers
}

/** A frame without what differs from session to session; a long one by its digest. */
function comparable({ type, body }: WireFrame): string {
  const bytes = (type === 'A' ? body.subarray(4) : body).toString('latin1').replace(/pg_temp_\d+/, 'pg_temp')
  if (bytes.length < 500) return `${type} ${JSON.stringify(bytes)}`
  return `${type} ${bytes.length} bytes, sha256 ${createHash('sha256').update(bytes, 'latin1').digest('hex')}`
}

const whole = (bytes: Buffer) => [bytes]

/** Splits at places that a seed decides. */
function splitBy(seed: number): (bytes: Buffer) => Buffer[] {
  let state = seed
  return (bytes) => {
    const pieces: Buffer[] = []
    let at = 0
    while (at < bytes.length && pieces.length < 60) {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31
      const length = 1 + (state % (pieces.length < 40 ? 12 : bytes.length))
      pieces.push(bytes.subarray(at, at + length))
      at += length
    }
    return [...pieces, bytes.subarray(at)].filter((piece) => piece.length > 0)
  }
}

suite.each(Object.entries(conversations))('%s', (name, steps) => {
  let direct: readonly string[]

  beforeAll(async () => {
    direct = await play(database.port, steps, whole)
  })

  test('gets the same bytes from the proxy as from PostgreSQL', async () => {
    expect(await play(bare.port, steps, whole)).toEqual(direct)
    expect(await play(old.port, steps, whole)).toEqual(direct)
  })

  test('gets the same bytes however its own are split', async () => {
    expect(await play(bare.port, steps, splitBy(name.length))).toEqual(direct)
    expect(await play(old.port, steps, splitBy(name.length + 1))).toEqual(direct)
  })
})
