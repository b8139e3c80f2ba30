import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openCheckout } from '../../bench/corpus/checkout.js'
import { draftRules } from '../../bench/corpus/draft-rules.js'
import { readHistory } from '../../bench/corpus/history.js'
import { gooseUp, projects } from '../../bench/corpus/project.js'
import { type ReplayReport, replay } from '../../bench/corpus/replay.js'
import { countVerdicts, formatReport } from '../../bench/corpus/report.js'
import { readSqlcQueries } from '../../bench/corpus/sqlc-queries.js'
import { createDatabase } from '../support/database.js'

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

/** The same, of a project that writes its statements at run time: its tables' own shapes are asked for. */
const shapes: readonly Readonly<Record<string, string>>[] = [
  {
    'migrations/2030-01-01-000000_piers/up.sql':
      "CREATE TYPE side AS ENUM ('left', 'right'); CREATE TABLE pier (id serial PRIMARY KEY, side side, depth int)",
    'migrations/2030-01-02-000000_rename/up.sql':
      'ALTER TABLE pier RENAME TO quay; ALTER TABLE quay RENAME side TO shore',
    'migrations/2030-01-03-000000_shallow/up.sql': 'ALTER TABLE quay DROP depth',
  },
]

interface Replayed {
  readonly report: ReplayReport
  close(): Promise<void>
}

async function replayFiles(
  name: string,
  commits: readonly Readonly<Record<string, string>>[],
  rules: Readonly<Record<string, string>>,
): Promise<Replayed> {
  const directory = await mkdtemp(join(tmpdir(), 'hotswap-ferry-'))
  const folder = join(directory, 'rules')
  await mkdir(folder)
  for (const [file, text] of Object.entries(rules)) await writeFile(join(folder, file), text)
  const work = join(directory, 'work')
  await run('git', ['init', '--quiet', work])
  for (const files of commits) {
    for (const [file, text] of Object.entries(files)) {
      await mkdir(dirname(join(work, file)), { recursive: true })
      await writeFile(join(work, file), text)
    }
    await run('git', ['-C', work, 'add', '.'])
    const identity = ['-c', 'user.name=ferry', '-c', 'user.email=ferry@example.org', '-c', 'commit.gpgsign=false']
    await run('git', ['-C', work, ...identity, 'commit', '--quiet', '-m', 'release'])
  }
  const checkout = openCheckout(work)
  const database = await createDatabase()
  const project = projects.find((known) => known.name === name)
  if (project === undefined) throw new Error(`no project ${name}`)
  const report = await replay({
    project,
    history: await readHistory(checkout, project),
    server: { host: database.host, port: database.port, database: database.name },
    rules: folder,
    drafts: undefined,
    shapes: false,
    quick: false,
    jumps: 1,
    onStep: () => undefined,
  })
  return {
    report,
    async close() {
      checkout.close()
      await database.drop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

let ferry: Replayed
let quays: Replayed
let report: ReplayReport

beforeAll(async () => {
  ferry = await replayFiles('docs.rs', releases, {
    '20300104000000.yaml': 'tables: { pier: { columns: { depth: { dropped: true, type: integer, read: "0" } } } }',
  })
  quays = await replayFiles('lemmy', shapes, {
    '2030-01-03-000000_shallow.yaml':
      'tables: { quay: { columns: { depth: { dropped: true, type: integer, read: "7" } } } }',
  })
  report = ferry.report
})

afterAll(async () => {
  await ferry?.close()
  await quays?.close()
})

test('shapes are run, and what comes back is compared', () => {
  const [, rename, shallow] = quays.report.steps
  expect(rename?.tried.map(({ query, verdict }) => [query.name, verdict.kind])).toEqual([
    ['select pier_id_seq', 'same'],
    ['select pier', 'same'],
    ['insert pier', 'same'],
    ['insert without list pier', 'same'],
    ['update pier', 'same'],
    ['delete pier', 'same'],
  ])
  expect(rename?.tried.some(({ sent }) => sent !== undefined)).toBe(true)
  // What was written to the dropped column is discarded.
  expect(shallow?.tried.map(({ verdict }) => verdict)).toContainEqual({
    kind: 'values',
    reason: '"depth" was 1, now 7',
  })
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
