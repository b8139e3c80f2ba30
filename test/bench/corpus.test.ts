import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Checkout, openCheckout } from '../../bench/corpus/checkout.js'
import { draftRules } from '../../bench/corpus/draft-rules.js'
import { readHistory } from '../../bench/corpus/history.js'
import { gooseUp, projects } from '../../bench/corpus/project.js'
import { type ReplayReport, replay } from '../../bench/corpus/replay.js'
import { countVerdicts, formatReport } from '../../bench/corpus/report.js'
import { readSqlcQueries } from '../../bench/corpus/sqlc-queries.js'
import { createDatabase, type TestDatabase } from '../support/database.js'

const run = promisify(execFile)
const sqlxQuery = (sql: string) => JSON.stringify({ db_name: 'PostgreSQL', query: sql })

/** A ferry's timetable: each commit is a release of the app, with its migration and the statements of the next one. */
const releases: readonly Readonly<Record<string, string>>[] = [
  {
    'migrations/20300101000000_piers.up.sql': 'CREATE TABLE pier (id int PRIMARY KEY, town varchar(20), depth int)',
    '.sqlx/query-aaaaaaaa11.json': sqlxQuery('SELECT id, town FROM pier WHERE depth > $1'),
    '.sqlx/query-bbbbbbbb11.json': sqlxQuery('SELECT nothing FROM nowhere'),
  },
  {
    'migrations/20300102000000_rename.up.sql': 'ALTER TABLE pier RENAME town TO city',
    '.sqlx/query-cccccccc11.json': sqlxQuery('INSERT INTO pier (id, city, depth) VALUES ($1, $2, $3) RETURNING *'),
  },
  { 'migrations/20300103000000_index.up.sql': 'CREATE INDEX CONCURRENTLY ON pier (city); ANALYZE pier' },
  { 'migrations/20300104000000_shallow.up.sql': 'ALTER TABLE pier DROP depth; ALTER TABLE pier ADD open boolean' },
]

let directory: string
let checkout: Checkout
let database: TestDatabase
let report: ReplayReport

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hotswap-ferry-'))
  await run('git', ['init', '--quiet', directory])
  for (const files of releases) {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(directory, name)), { recursive: true })
      await writeFile(join(directory, name), text)
    }
    await run('git', ['-C', directory, 'add', '.'])
    const identity = ['-c', 'user.name=ferry', '-c', 'user.email=ferry@example.org', '-c', 'commit.gpgsign=false']
    await run('git', ['-C', directory, ...identity, 'commit', '--quiet', '-m', 'release'])
  }
  const rules = join(directory, 'rules')
  await mkdir(rules)
  await writeFile(
    join(rules, '20300104000000.yaml'),
    'tables: { pier: { columns: { depth: { dropped: true, type: integer, read: "0" } } } }',
  )
  checkout = openCheckout(directory)
  database = await createDatabase()
  const project = projects.find(({ name }) => name === 'docs.rs')
  if (project === undefined) throw new Error('no project')
  report = await replay({
    project,
    history: await readHistory(checkout, project),
    server: { host: database.host, port: database.port, database: database.name },
    rules,
    drafts: undefined,
    shapes: false,
    jumps: 1,
    onStep: () => undefined,
  })
})

afterAll(async () => {
  checkout?.close()
  await database?.drop()
  await rm(directory, { recursive: true, force: true })
})

test('each migration meets the statements that the app had before it', () => {
  const found = report.steps.map(({ version, tried, unfit }) => ({ version, queries: tried.length, unfit }))
  expect(found).toEqual([
    { version: 'empty', queries: 0, unfit: 0 },
    { version: '20300101000000_piers', queries: 1, unfit: 1 },
    // The first app's statement names a column that was renamed meanwhile.
    { version: '20300102000000_rename', queries: 1, unfit: 2 },
    { version: '20300103000000_index', queries: 1, unfit: 2 },
  ])
})

test('a migration that cannot run in a transaction is run statement by statement', () => {
  expect(report.skipped).toEqual([])
})

test('old statements are rewritten, and described as they were', () => {
  const [, rename, index] = report.steps
  expect(rename?.tried.map(({ sent, verdict }) => ({ changed: sent !== undefined, verdict }))).toEqual([
    { changed: true, verdict: { kind: 'same' } },
  ])
  expect(index?.tried.map(({ sent, verdict }) => ({ changed: sent !== undefined, verdict }))).toEqual([
    { changed: false, verdict: { kind: 'same' } },
  ])
})

test('long jumps go from each version to the head', () => {
  expect(report.jumps.map(({ version, steps, tried }) => [version, steps, countVerdicts(tried).queries])).toEqual([
    ['20300101000000_piers', 3, 1],
    ['20300102000000_rename', 2, 1],
    ['20300103000000_index', 1, 1],
  ])
})

test('what fails is counted with its reason', () => {
  const text = formatReport(report, true)
  expect(text).toContain('| all 4 steps | 3 |')
  expect(
    countVerdicts([{ query: { name: 'x', sql: '' }, sent: undefined, verdict: { kind: 'failed', reason: 'y' } }]),
  ).toMatchObject({ queries: 1, failed: 1, same: 0 })
})

test('only the way up of a goose file is run', () => {
  const file = '-- +goose Up\nCREATE TABLE a ();\n-- +goose Down\nDROP TABLE a;\n'
  expect(gooseUp(file).trim()).toBe('CREATE TABLE a ();')
  expect(gooseUp('-- +goose Up\nCREATE TABLE a ();\n').trim()).toBe('CREATE TABLE a ();')
})

test('the statements of sqlc are the constants of its Go files', () => {
  const file = [
    'const getPier = `-- name: GetPier :one',
    'SELECT id FROM pier WHERE id = $1',
    '`',
    'const other = `no statement`',
    'return q.db.CopyFrom(ctx, []string{"pier"}, []string{"id", "city"}, rows)',
  ].join('\n')
  expect(readSqlcQueries(file)).toEqual([
    { name: 'GetPier', sql: '-- name: GetPier :one\nSELECT id FROM pier WHERE id = $1\n' },
    { name: 'copy "pier"', sql: 'select "id", "city" from "pier"' },
  ])
})

test('hints are rules as they stand', () => {
  const difference = { relation: 'public.pier', what: 'it was changed' }
  const hints = [
    'say what they read: tables: { pier: { columns: { depth: { dropped: true, type: integer, read: "NULL" } } } }',
    'say in which time zone: columns: { built: { to: built, time_zone: UTC } }',
    'keep it until no client speaks the old version',
  ]
  expect(draftRules(hints.map((hint) => ({ ...difference, hint })))).toBe(
    [
      'tables:',
      '  pier:',
      '    columns:',
      '      depth:',
      '        dropped: true',
      '        type: integer',
      '        read: "NULL"',
      '      built:',
      '        to: built',
      '        time_zone: UTC',
      '',
    ].join('\n'),
  )
  expect(draftRules([{ ...difference, hint: 'keep it' }])).toBeUndefined()
})
