import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createProgram } from '../../src/cli/program.js'
import { runProgram } from './run-program.js'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hotswap-program-'))
})
afterAll(() => rm(directory, { recursive: true }))

test.each(
  createProgram(() => undefined).commands.map((command) => command.name()),
)('%s has help with an example', async (name) => {
  expect(await runProgram(name, '--help')).toMatchObject({
    code: 'commander.helpDisplayed',
    out: expect.stringMatching(/Example:\n {2}\$ pg-hotswap /),
  })
})

test.each([
  [['nope'], 'commander.unknownCommand'],
  [['migrate'], 'commander.missingArgument'],
  [['serve', '--listen', 'x'], 'commander.invalidArgument'],
  [['serve', '--nope'], 'commander.unknownOption'],
  [['migrate', 'a.sql', '--url', 'x'], 2],
  [['migrate', 'none.sql', '--url', 'postgres://a@b/c'], 2],
  [['serve', '--upstream', 'localhost'], 2],
])('wrong usage: %j', async (args, code) => {
  const result = await runProgram(...args)
  expect(result.code).toBe(code)
  expect(result.err).not.toBe('')
})

test('check says where a rule file is wrong', async () => {
  const good = join(directory, 'good.yaml')
  const bad = join(directory, 'bad.yaml')
  await writeFile(good, 'tables: { a: { to: b } }')
  await writeFile(bad, 'tables: { a: { insert: { b: "c" } } }')
  expect(await runProgram('check', good)).toEqual({ code: 0, out: '1 file is well-formed\n', err: '' })
  const message = 'the expression may not refer to columns'
  expect(await runProgram('check', good, bad)).toEqual({ code: 1, out: '', err: `error: ${bad}:1:29: ${message}\n` })
  const place = { file: bad, line: 1, column: 29 }
  expect(JSON.parse((await runProgram('check', bad, '--json')).out)).toEqual({
    ok: false,
    problems: [{ place, message }],
  })
})

test('a wrong configuration is one error for each problem, with its place', async () => {
  const config = join(directory, 'wrong.yaml')
  await writeFile(config, 'upstraem: x\nhold: { timeout: 5 }\n')
  const { code, err } = await runProgram('serve', '--config', config)
  expect(code).toBe(2)
  expect(err.trim().split('\n')).toEqual([
    `error: ${config}:1:1: "upstream" is missing here`,
    `error: ${config}:2:18: expected a duration with its unit, e.g. "1s" or "200ms", got 5`,
    `error: ${config}:1:1: unknown key "upstraem"; did you mean "upstream"?`,
  ])
})
