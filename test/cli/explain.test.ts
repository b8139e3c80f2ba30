import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database.js'
import { runProgram } from './run-program.js'

let database: TestDatabase
let rules: string
beforeAll(async () => {
  database = await createDatabase(
    'CREATE SCHEMA app; CREATE TABLE people (id int, label text); CREATE TABLE app.t (b int)',
  )
  rules = await mkdtemp(join(tmpdir(), 'hotswap-explain-'))
  await writeFile(join(rules, '1.yaml'), 'tables: { users: { to: people, columns: { name: label } } }')
  await writeFile(join(rules, '2.yaml'), 'tables: { app.t: { columns: { a: b } } }')
})
afterAll(async () => {
  await database.drop()
  await rm(rules, { recursive: true })
})

function explain(sql: string, ...args: string[]) {
  return runProgram('explain', sql, '--upstream', database.url, '--rules', rules, ...args)
}

test('the new text has its edits marked, and every reference is told', async () => {
  const { code, out } = await explain("SELECT 'é', u.name FROM users u")
  expect(code).toBe(0)
  expect(out).toMatch(/^initial -> 1\n {2}SELECT 'é', .*«.*people.*».*\n/m)
  expect(out).toContain('    relation u is public.users, as from\n')
  expect(out).toContain('    column name belongs to u\n')
  expect(out).toContain('1 -> 2: nothing to change\n')
})

test('as JSON', async () => {
  const { out } = await explain('DELETE FROM t WHERE a = 1', '--version', '1', '--search-path', 'app', '--json')
  const facts = JSON.parse(out) as { steps: { newText: string }[] }
  expect(facts).toMatchObject({ outcome: 'rewritten', version: '1', steps: [{ from: '1', to: '2' }] })
  expect(facts.steps[0]?.newText).toContain('b = 1')
})

test('a refused statement exits with 1 and says why', async () => {
  const { code, out } = await explain('ALTER TABLE users ADD x int')
  expect(code).toBe(1)
  expect(out).toMatch(/^refused: .* \(0A000\)$/m)
})

test('a version that does not exist exits with 2', async () => {
  const { code, err } = await explain('SELECT 1', '--version', 'inital')
  expect(code).toBe(2)
  expect(err).toContain('there is no version "inital"; did you mean "initial"?')
})
