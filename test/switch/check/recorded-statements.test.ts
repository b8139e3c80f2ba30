import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SpeakingSession } from '../../../src/proxy/contracts.js'
import { loadParser } from '../../../src/sql/parse.js'
import { createRecordedStatements, type RecordOptions } from '../../../src/switch/check/recorded-statements.js'
import { loadStatements, saveStatements, statementTables } from '../../../src/switch/check/tables.js'
import { startTestProxy } from '../../proxy/support/start-test-proxy.js'
import { createDatabase, type TestDatabase } from '../../support/database.js'
import { withTextQuery } from '../../support/text-query.js'

const parser = await loadParser()
const NO_TYPES = Buffer.alloc(2)

const session = (more: Partial<SpeakingSession> = {}): SpeakingSession => ({
  identity: { user: 'app', database: 'd', applicationName: '' },
  versionName: 'initial',
  role: undefined,
  searchPath: '"$user", public',
  standardConformingStrings: true,
  clientEncoding: 'UTF8',
  ...more,
})

const record = (options: Partial<RecordOptions> = {}) => createRecordedStatements({ parser, ...options })

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase('CREATE SCHEMA hotswap; CREATE TABLE t (id int, name text)')
})
afterAll(() => database.drop())

test('statements that differ in their values alone are one, and hold none of them', () => {
  const book = record()
  const one = session()
  for (const name of ['ada', 'bo', 'cy']) book.note(one, `SELECT id FROM t WHERE name = '${name}'`, NO_TYPES)
  book.settle()
  expect(book.all()).toMatchObject([
    { text: 'SELECT id FROM t WHERE name = NULL', version: 'initial', role: 'app', searchPath: '"$user", public' },
  ])
})

test('the same text of another version, role, search_path or with other parameter types is another statement', () => {
  const book = record()
  const text = 'SELECT id FROM t WHERE name = $1'
  const types = Buffer.from([0, 1, 0, 0, 0, 25])
  book.note(session(), text, NO_TYPES)
  book.note(session(), text, undefined)
  book.note(session(), text, types)
  book.note(session({ versionName: 'two' }), text, NO_TYPES)
  book.note(session({ role: 'other' }), text, NO_TYPES)
  book.note(session({ searchPath: 'app' }), text, NO_TYPES)
  book.settle()
  expect(new Set(book.all().map(({ id }) => id)).size).toBe(5)
  expect(book.all().map(({ parameterOids }) => parameterOids.join())).toEqual(['', '', '', '25', ''])
})

test('a session that changes its search_path speaks otherwise from then on', () => {
  const book = record()
  const one = { ...session() }
  book.note(one, 'SELECT id FROM t', undefined)
  Object.assign(one, { searchPath: 'app' })
  book.note(one, 'SELECT id FROM t', undefined)
  book.settle()
  expect(book.all().map(({ searchPath }) => searchPath)).toEqual(['app', '"$user", public'])
})

test('no more is kept than asked for, and what is still sent is not forgotten', async () => {
  const book = record({ maxStatements: 10 })
  const one = session()
  const kept = 'SELECT id FROM kept'
  book.note(one, kept, undefined)
  book.settle()
  for (let at = 0; at < 50; at++) {
    book.note(one, `SELECT id FROM t${at}`, undefined)
    book.settle()
  }
  expect(book.all()).toHaveLength(10)
  const now = Date.now
  try {
    Date.now = () => now() + 5000
    book.note(one, kept, undefined)
  } finally {
    Date.now = now
  }
  expect(book.all().map(({ text }) => text)).toContain(kept)
})

test('texts that cannot be read are left out: other encodings, backslash strings, and very long ones', () => {
  const book = record()
  book.note(session({ clientEncoding: 'LATIN1' }), "SELECT 'gr\u00fc\u00df'", undefined)
  book.note(session({ standardConformingStrings: false }), "SELECT 'a\\'b'", undefined)
  book.note(session(), `SELECT '${'x'.repeat(300_000)}'`, undefined)
  book.settle()
  expect(book.all()).toEqual([])
})

test('what is sent through a proxy is recorded, of simple queries and of prepared statements', async () => {
  const book = record()
  const proxy = await startTestProxy(database, { recorded: book.note })
  const client = new pg.Client({ connectionString: proxy.url(database.name) })
  await client.connect()
  await client.query("BEGIN; SELECT id FROM t WHERE name = 'x'; COMMIT")
  await client.query({ text: 'SELECT name FROM t WHERE id = $1', values: [1] })
  await client.end()
  await proxy.close({ deadlineMs: 0 })
  book.settle()
  const path = '"$user", public'
  expect(book.all().map(({ text, role, searchPath }) => [text, role, searchPath])).toEqual([
    ['SELECT name FROM t WHERE id = $1', 'postgres', path],
    ['SELECT id FROM t WHERE name = NULL', 'postgres', path],
  ])
})

test('it is recorded with the search_path that the session has set, whether the server reports that or not', async () => {
  const book = record()
  const proxy = await startTestProxy(database, { recorded: book.note })
  const client = new pg.Client({ connectionString: proxy.url(database.name), options: '-c search_path=public' })
  await client.connect()
  await client.query('SELECT 1 FROM t')
  await client.query('SET search_path = public, pg_catalog')
  await client.query('SELECT 2 FROM t')
  await client.query('BEGIN; RESET search_path')
  await client.query('ROLLBACK')
  await client.query('SELECT 3 FROM t')
  await client.end()
  await proxy.close({ deadlineMs: 0 })
  book.settle()
  const paths = book.all().map(({ searchPath }) => searchPath)
  expect(paths.filter((path) => path === undefined)).toEqual([])
  expect(new Set(paths)).toEqual(new Set(['public', 'public, pg_catalog']))
})

test('proxies share what they recorded through the database', async () => {
  const [mine, other] = [record(), record()]
  mine.note(session(), Buffer.from('SELECT größe FROM t').toString('latin1'), undefined)
  other.note(session({ searchPath: undefined }), 'SELECT id FROM t WHERE id = $1', Buffer.from([0, 1, 0, 0, 0, 23]))
  mine.settle()
  other.settle()
  await withTextQuery(database.url, async (query) => {
    for (const sql of statementTables) await query(sql)
    await saveStatements(query, mine.all())
    await saveStatements(query, other.all())
    await saveStatements(query, other.all())
    mine.merge(await loadStatements(query))
  })
  const facts = ({ id, text, searchPath, parameterOids }: ReturnType<typeof mine.all>[number]) =>
    [id, text, searchPath ?? '-', ...parameterOids].join(' ')
  expect(mine.all().map(facts).sort()).toEqual(
    [...mine.all(), ...other.all()]
      .map(facts)
      .filter((one, at, all) => all.indexOf(one) === at)
      .sort(),
  )
  expect(mine.all()).toHaveLength(2)
})
