import { afterEach, expect, test } from 'vitest'
import { startTestHotswap, type TestHotswap } from '../../support/start-hotswap.js'

const schema = `
  CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, email text);
  CREATE UNIQUE INDEX users_email ON users (email);
  INSERT INTO users VALUES (1, 'Ada', 'ada@example.org');
`

let hotswap: TestHotswap | undefined
afterEach(async () => {
  await hotswap?.stop()
  hotswap = undefined
})

test('a migration that breaks a statement of the running app is rolled back, and says which, without its values', async () => {
  hotswap = await startTestHotswap(schema)
  const client = await hotswap.connect()
  const upsert = "INSERT INTO users VALUES (2, 'Bo', 'secret@x') ON CONFLICT (email) DO UPDATE SET name = excluded.name"
  await client.query(upsert)
  const rules = 'tables: { users: { same_meaning: true } }'
  const sql = 'DROP INDEX users_email; ALTER TABLE users RENAME TO people'
  const { error, report } = await hotswap.migrate('lost-index', sql, rules)
  expect(error?.code).toBe('55000')
  expect(error?.detail).toMatch(/^initial: INSERT INTO users VALUES \(1, NULL, NULL\) ON CONFLICT .*: 42P10/)
  expect(JSON.stringify([error, report, hotswap.log])).not.toContain('secret')
  await client.query(upsert)

  const { error: harmless } = await hotswap.migrate('renamed', 'ALTER TABLE users RENAME TO people', rules)
  expect(harmless?.detail ?? harmless?.message).toBeUndefined()
  await client.query(upsert)
})

test('the same migration commits where no client sends what it breaks', async () => {
  hotswap = await startTestHotswap(schema)
  const client = await hotswap.connect()
  await client.query('SELECT name FROM users WHERE email = $1', ['ada@example.org'])
  const sql = 'DROP INDEX users_email; ALTER TABLE users RENAME TO people'
  const { error } = await hotswap.migrate('lost-index', sql, 'tables: { users: { same_meaning: true } }')
  expect(error?.detail ?? error?.message).toBeUndefined()
})

test('a backfill is refused through the switch, and accepted by the word of its author', async () => {
  hotswap = await startTestHotswap(schema)
  const sql = "ALTER TABLE users ADD domain text; UPDATE users SET domain = split_part(email, '@', 2)"
  const { error } = await hotswap.migrate('domain', sql)
  expect(error?.detail).toContain('public.users: the new column "domain" is filled by UPDATE')
  const second = await hotswap.migrate('domain', sql, 'tables: { users: { independent: true } }')
  expect(second.error?.detail ?? second.error?.message).toBeUndefined()
})
