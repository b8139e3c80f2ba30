import { expect, onTestFinished, test } from 'vitest'
import { startTestHotswap } from '../support/start-hotswap.js'
import { runCli } from './run-cli.js'

const script = `
  const pg = (await import(process.argv[1])).default
  const client = new pg.Client(process.env.DATABASE_URL)
  await client.connect()
  await client.query('ALTER TABLE users RENAME name TO full_name')
  const other = new pg.Client({ database: process.env.PGDATABASE })
  await other.connect()
  console.log(JSON.stringify((await other.query('SELECT full_name FROM users')).rows))
  await client.end()
  await other.end()
  process.exit(3)
`
const child = ['--', process.execPath, '--input-type=module', '-e', script, import.meta.resolve('pg')]

test('run: whatever the command connects to by its environment is a migration tool, and its exit code is passed on', async () => {
  const hotswap = await startTestHotswap("CREATE TABLE users (name text); INSERT INTO users VALUES ('Ada')")
  onTestFinished(() => hotswap.stop())
  const app = await hotswap.connect()
  const { code, stdout, stderr } = await runCli(['run', ...child], { environment: { DATABASE_URL: hotswap.url } })
  expect({ code, stdout, stderr }).toEqual({ code: 3, stdout: '[{"full_name":"Ada"}]\n', stderr: '' })
  expect((await app.query('SELECT name FROM users')).rows).toEqual([{ name: 'Ada' }])
})

test('run --allow-breaking: the tool may break old statements', async () => {
  const hotswap = await startTestHotswap("CREATE TABLE users (id int, name text); INSERT INTO users VALUES (1, 'Ada')")
  onTestFinished(() => hotswap.stop())
  const app = await hotswap.connect()
  const drop = `
    const pg = (await import(process.argv[1])).default
    const client = new pg.Client(process.env.DATABASE_URL)
    await client.connect()
    const code = await client.query('ALTER TABLE users DROP name').then(() => 0, (error) => Number(error.code))
    await client.end()
    process.exit(code === 0 ? 0 : 4)
  `
  const tool = ['--', process.execPath, '--input-type=module', '-e', drop, import.meta.resolve('pg')]
  const environment = { DATABASE_URL: hotswap.url }
  expect((await runCli(['run', ...tool], { environment })).code).toBe(4)
  expect((await app.query('SELECT name FROM users')).rows).toEqual([{ name: 'Ada' }])
  expect((await runCli(['run', '--allow-breaking', ...tool], { environment })).code).toBe(0)
  expect((await app.query('SELECT id FROM users')).rows).toEqual([{ id: 1 }])
  await expect(app.query('SELECT name FROM users')).rejects.toMatchObject({ code: '0A000' })
})

test('run: a command that does not exist, and a URL that is no proxy, are wrong usage', async () => {
  const hotswap = await startTestHotswap('CREATE TABLE users (name text)')
  onTestFinished(() => hotswap.stop())
  const nothing = await runCli(['run', '--', 'no-such-command'], { environment: { DATABASE_URL: hotswap.url } })
  expect(nothing).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot run no-such-command') })
  const bare = await runCli(['run', ...child], { environment: { DATABASE_URL: hotswap.database.url } })
  expect(bare).toMatchObject({ code: 2, stderr: expect.stringContaining('is not a pg-hotswap proxy') })
})
