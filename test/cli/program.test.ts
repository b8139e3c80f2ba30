import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createProgram } from '../../src/cli/program.js'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hotswap-program-'))
})
afterAll(() => rm(directory, { recursive: true }))

/** Runs a command in this process; gives its exit code and what it printed. */
async function run(...args: string[]): Promise<{ code: number | string; out: string; err: string }> {
  let code: number | string = 'none'
  let out = ''
  let err = ''
  const program = createProgram((given) => {
    code = given
  })
  const toOut = (text: unknown) => {
    out += String(text)
    return true
  }
  const toErr = (text: unknown) => {
    err += String(text)
    return true
  }
  const capture = (command: Command) => {
    command.configureOutput({ writeOut: toOut, writeErr: toErr })
    for (const child of command.commands) capture(child)
  }
  capture(program)
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation(toOut)
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation(toErr)
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    code = (error as { code: string }).code
  } finally {
    stdout.mockRestore()
    stderr.mockRestore()
  }
  return { code, out, err }
}

test.each(createProgram(() => undefined).commands.map((command) => command.name()))(
  '%s has help with an example',
  async (name) => {
    expect(await run(name, '--help')).toMatchObject({
      code: 'commander.helpDisplayed',
      out: expect.stringMatching(/Example:\n {2}\$ pg-hotswap /),
    })
  },
)

test.each([
  [['nope'], 'commander.unknownCommand'],
  [['migrate'], 'commander.missingArgument'],
  [['serve', '--listen', 'x'], 'commander.invalidArgument'],
  [['serve', '--nope'], 'commander.unknownOption'],
  [['migrate', 'a.sql', '--url', 'x'], 2],
  [['migrate', 'none.sql', '--url', 'postgres://a@b/c'], 2],
  [['serve', '--upstream', 'localhost'], 2],
])('wrong usage: %j', async (args, code) => {
  const result = await run(...args)
  expect(result.code).toBe(code)
  expect(result.err).not.toBe('')
})

test('check says where a rule file is wrong', async () => {
  const good = join(directory, 'good.yaml')
  const bad = join(directory, 'bad.yaml')
  await writeFile(good, 'tables: { a: { to: b } }')
  await writeFile(bad, 'tables: { a: { insert: { b: "c" } } }')
  expect(await run('check', good)).toEqual({ code: 0, out: '1 file is well-formed\n', err: '' })
  const message = 'the expression may not refer to columns'
  expect(await run('check', good, bad)).toEqual({ code: 1, out: '', err: `error: ${bad}:1:29: ${message}\n` })
  const place = { file: bad, line: 1, column: 29 }
  expect(JSON.parse((await run('check', bad, '--json')).out)).toEqual({ ok: false, problems: [{ place, message }] })
})

test('a wrong configuration is one error for each problem, with its place', async () => {
  const config = join(directory, 'wrong.yaml')
  await writeFile(config, 'upstraem: x\nhold: { timeout: 5 }\n')
  const { code, err } = await run('serve', '--config', config)
  expect(code).toBe(2)
  expect(err.trim().split('\n')).toEqual([
    `error: ${config}:1:1: "upstream" is missing here`,
    `error: ${config}:2:18: expected a duration with its unit, e.g. "1s" or "200ms", got 5`,
    `error: ${config}:1:1: unknown key "upstraem"; did you mean "upstream"?`,
  ])
})
