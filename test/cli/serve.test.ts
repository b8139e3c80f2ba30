import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../src/cli/embedded-postgres.js'
import { createDatabase, type TestDatabase } from '../support/database.js'
import { waitFor } from '../support/start-hotswap.js'
import { type CliSettings, type RunningCli, runCli, startCli } from './run-cli.js'

let database: TestDatabase
let directory: string
const running: RunningCli[] = []

beforeAll(async () => {
  database = await createDatabase(`
    CREATE TABLE users (id int PRIMARY KEY, name text, email text);
    INSERT INTO users VALUES (1, 'Ada', 'ada@example.org');
  `)
  directory = await mkdtemp(join(tmpdir(), 'hotswap-cli-'))
  await mkdir(join(directory, 'rules'))
})

afterEach(async () => {
  for (const cli of running.splice(0)) await cli.end('SIGKILL')
})

afterAll(async () => {
  await database.drop()
  await rm(directory, { recursive: true })
})

/** Starts `serve --json` and waits until it is ready; gives the app's URL. */
async function serve(args: readonly string[], settings: CliSettings = {}): Promise<{ cli: RunningCli; url: string }> {
  const cli = startCli(['serve', '--json', ...args], { directory, ...settings })
  running.push(cli)
  const { port } = JSON.parse(await cli.line(/"ready":true/)) as { port: number }
  const url = new URL(database.url)
  url.port = String(port)
  return { cli, url: url.href }
}

async function write(name: string, text: string): Promise<string> {
  await writeFile(join(directory, name), text)
  return join(directory, name)
}

test('an app survives armed rules, migrate and reload on one connection; SIGTERM ends the proxy', {
  timeout: 120_000,
}, async () => {
  const rules = await mkdtemp(join(directory, 'rules-'))
  const { cli, url } = await serve(['--upstream', database.url, '--listen', '0', '--rules', rules])
  const app = new pg.Client({ connectionString: url })
  const lost: unknown[] = []
  app.on('error', (error) => lost.push(error))
  await app.connect()
  const old = { rows: [{ email: 'ada@example.org' }] }
  expect(await app.query('SELECT email FROM users')).toMatchObject(old)

  const file = await write('0001-people.sql', 'ALTER TABLE users RENAME TO people;\n')
  const migrated = await runCli(['migrate', file, '--url', url, '--json'])
  expect(migrated).toMatchObject({ code: 0, stderr: '' })
  expect(JSON.parse(migrated.stdout)).toMatchObject({ ok: true, version: '0001-people', tries: 1 })
  expect(await app.query('SELECT email FROM users')).toMatchObject(old)

  await writeFile(join(rules, '0002-mail.yaml'), 'tables: { people: { columns: { email: mail } } }')
  const reloaded = await runCli(['reload'], { environment: { DATABASE_URL: url } })
  expect(reloaded).toMatchObject({ code: 0, stdout: 'versions: initial -> 0001-people (-> 0002-mail, armed)\n' })
  await database.run('ALTER TABLE people RENAME email TO mail')
  expect(await app.query('SELECT email FROM users')).toMatchObject(old)

  await writeFile(join(rules, '0003.yaml'), 'tables: { people: { column: { a: b } } }')
  const wrong = await runCli(['reload', '--url', url])
  expect(wrong.code).toBe(1)
  expect(wrong.stderr).toContain('0003.yaml:1:21: unknown key "column"; did you mean "columns"?')
  cli.child.kill('SIGHUP')
  await waitFor(() => cli.stderr().includes('the rules were not reloaded'))
  expect(await app.query('SELECT email FROM users')).toMatchObject(old)

  expect(lost).toEqual([])
  const ended = await cli.end('SIGTERM')
  expect(ended.code).toBe(0)
  expect(lost[0]).toMatchObject({ code: '57P01' })
  const lines = ended.stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { msg: string })
  expect(lines.filter((line) => line.msg === 'switched')).toHaveLength(1)
  await database.run('ALTER TABLE people RENAME mail TO email; ALTER TABLE people RENAME TO users')
})

test('migrate that is refused exits with 1, and says where and what to do', async () => {
  const { url } = await serve(['--upstream', database.url, '--listen', '0'])
  const drop = await write('drop.sql', 'ALTER TABLE users DROP email;')
  const refused = await runCli(['migrate', drop, '--url', url, '--json'])
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('public.users.email: the column was dropped (say what old statements read')
  expect(JSON.parse(refused.stdout)).toMatchObject({ ok: false, error: { code: '55000' }, tries: 1 })

  const broken = await write('broken.sql', 'ALTER TABLE users RENAME TO people;\nALTER TABLE pepole RENAME TO x;')
  const failed = await runCli(['migrate', broken, '--url', url])
  expect(failed).toMatchObject({ code: 1, stdout: '' })
  expect(failed.stderr).toContain('relation "pepole" does not exist (42P01)')
})

test('migrate --allow-breaking says what breaks, saves no rule that has to be filled in, and prints it', async () => {
  const own = await createDatabase('CREATE TABLE users (id int, email text); CREATE TABLE logs (id int)')
  onTestFinished(() => own.drop())
  const served = await serve(['--upstream', own.url, '--listen', '0'])
  const url = new URL(own.url)
  url.port = new URL(served.url).port
  const file = await write('lossy.sql', 'ALTER TABLE users DROP email; DROP TABLE logs;')
  const folder = await mkdtemp(join(directory, 'saved-'))
  const { code, stdout } = await runCli(['migrate', file, '--url', url.href, '--allow-breaking', '--save', folder])
  expect(code).toBe(0)
  expect(stdout).toContain('breaks statements of older versions, as allowed:\n  public.logs: the table was dropped')
  expect(stdout).toContain('  public.users.email: the column was dropped')
  expect(stdout).toMatch(
    /not saved: [^\n]*lossy\.yaml until each "\.\.\." in it says what a lost column is:\ntables:\n/,
  )
  expect(await readdir(folder)).toEqual([])
})

test('migrate against PostgreSQL itself runs nothing', async () => {
  const file = await write('direct.sql', 'DROP TABLE users')
  const result = await runCli(['migrate', file, '--url', database.url])
  expect(result.code).toBe(1)
  expect(result.stderr).toContain('is not a pg-hotswap proxy')
  await database.run('SELECT * FROM users')
})

test('a configuration file gives the settings, with variables', async () => {
  const config = await write(
    'hotswap.yaml',
    `upstream: \${UP}\nlisten: { port: 0 }\nrules: ./rules\nlog: { level: warn }\n`,
  )
  const { cli } = await serve(['--config', config], { environment: { UP: database.url }, directory: tmpdir() })
  await cli.end('SIGINT')
  // In its own folder, the file is found without being named.
  await serve([], { environment: { UP: database.url } })
  await rm(config)
})

test('wrong usage exits with 2', async () => {
  expect(await runCli(['migrate', 'a.sql'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('set DATABASE_URL'),
  })
  expect(await runCli(['serve', '--listen', 'x'])).toMatchObject({ code: 2 })
})

test('what keeps the proxy from starting exits with 1', async () => {
  const free = await freePort()
  const result = await runCli(['serve', '--upstream', `postgres://a@127.0.0.1:${free}/b`, '--listen', '0'])
  expect(result).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('Nothing listens there') })
})
