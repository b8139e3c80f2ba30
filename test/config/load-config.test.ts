import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ConfigFlags, loadConfig } from '../../src/config/load-config.js'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hotswap-config-'))
})
afterAll(() => rm(directory, { recursive: true }))

async function load(text: string, environment: Record<string, string> = {}, flags: ConfigFlags = {}) {
  const file = join(directory, 'hotswap.yaml')
  await writeFile(file, text)
  return await loadConfig({ file, flags, environment })
}

async function problems(text: string, environment: Record<string, string> = {}, flags: ConfigFlags = {}) {
  const checked = await load(text, environment, flags)
  return checked.ok ? [] : checked.problems.map(({ place, message }) => `${place.line}:${place.column}: ${message}`)
}

const url = 'postgres://u:p@db:5432/app'

test('a configuration with defaults', async () => {
  const checked = await load(`upstream: ${url}\nrules: ./rules\n`)
  expect(checked).toEqual({
    ok: true,
    value: {
      listen: { host: '127.0.0.1', port: 6432 },
      upstream: url,
      control: url,
      rules: join(directory, 'rules'),
      defaultVersion: undefined,
      clients: [],
      hold: { timeoutMs: 1000, lockTimeoutMs: 200, retries: 20, checkMs: 500 },
      cacheBytes: 64 * 1024 * 1024,
      pollMs: 1000,
      watch: false,
      store: true,
      logLevel: 'info',
    },
  })
  expect(checked.ok && Object.isFrozen(checked.value) && Object.isFrozen(checked.value.hold)).toBe(true)
})

test('every setting can be given', async () => {
  const checked = await load(`
listen: { host: 0.0.0.0, port: 7000 }
upstream: ${url}
control: postgresql://c@db/app
default_version: 0001-initial
clients: [ { application_name: billing, version: 0003-person-name } ]
hold: { timeout: 500ms, lock_timeout: 50ms, retries: 3 }
cache: { max_bytes: 1MiB }
poll: 2s
watch: true
log: { level: debug }
`)
  expect(checked).toMatchObject({
    ok: true,
    value: {
      listen: { host: '0.0.0.0', port: 7000 },
      control: 'postgresql://c@db/app',
      defaultVersion: '0001-initial',
      clients: [{ applicationName: 'billing', version: '0003-person-name' }],
      hold: { timeoutMs: 500, lockTimeoutMs: 50, retries: 3, checkMs: 500 },
      cacheBytes: 1048576,
      pollMs: 2000,
      watch: true,
      logLevel: 'debug',
    },
  })
})

test('variables are expanded after parsing, so their content is never YAML', async () => {
  const checked = await load(`upstream: \${UP}\ndefault_version: "a\${V}b $\${V}"\n`, { UP: url, V: ': [#' })
  expect(checked).toMatchObject({ ok: true, value: { upstream: url, defaultVersion: `a: [#b \${V}` } })
})

test.each([
  [
    'a missing variable',
    `upstream: \${HOTSWAP_UPSTREAM}`,
    ['1:11: the environment variable HOTSWAP_UPSTREAM is not set'],
  ],
  ['no upstream', 'poll: 1s', ['1:1: "upstream" is missing here']],
  ['an unknown key', `upstream: ${url}\nlisten: { prot: 1 }`, ['2:11: unknown key "prot"; did you mean "port"?']],
  [
    'a key of a later release',
    `upstream: ${url}\nadmin: { port: 1 }`,
    ['2:1: "admin" is not supported yet: there is no admin port yet'],
  ],
  [
    'a duration without a unit',
    `upstream: ${url}\nhold: { timeout: 1 }`,
    ['2:18: expected a duration with its unit, e.g. "1s" or "200ms", got 1'],
  ],
  [
    'a wrong duration',
    `upstream: ${url}\nhold: { timeout: soon }`,
    ['2:18: expected a duration with its unit, e.g. "1s" or "200ms", got "soon"'],
  ],
  [
    'a wrong size',
    `upstream: ${url}\ncache: { max_bytes: 64MB }`,
    ['2:21: expected a size with its unit, e.g. "64MiB", got "64MB"'],
  ],
  ['a wrong port', `upstream: ${url}\nlisten: { port: 99999 }`, ['2:17: expected a port number, got 99999']],
  [
    'a wrong URL',
    'upstream: mysql://db/app',
    ['1:11: expected a URL, e.g. postgres://user:password@host:5432/database, got "mysql://db/app"'],
  ],
  [
    'a wrong log level',
    `upstream: ${url}\nlog: { level: loud }`,
    ['2:15: expected one of fatal, error, warn, info, debug, trace, silent, got "loud"'],
  ],
  ['a client without a version', `upstream: ${url}\nclients: [ { user: a } ]`, ['2:12: "version" is missing here']],
  ['a duplicate key', `upstream: ${url}\npoll: 1s\npoll: 2s`, ['3:1: this key stands here twice; keep one of them']],
])('%s is an error with its place', async (_, text, expected) => {
  expect(await problems(text)).toEqual(expected)
})

test('a flag stands in place of the file, also where the file is wrong there', async () => {
  expect(await problems(`upstream: \${NOPE}`, {}, { upstream: url })).toEqual([])
  expect(await load(`upstream: ${url}\nlisten: { port: 1 }`, {}, { listen: { host: '::1' } })).toMatchObject({
    value: { listen: { host: '::1', port: 1 } },
  })
})

test('without a file the flags alone count', async () => {
  const checked = await loadConfig({ flags: { upstream: url }, environment: {} })
  expect(checked).toMatchObject({ ok: true, value: { upstream: url } })
})

test('a file that does not exist is an error', async () => {
  const checked = await loadConfig({ file: join(directory, 'none.yaml'), environment: {} })
  expect(checked).toMatchObject({ ok: false, problems: [{ message: 'the configuration does not exist' }] })
})
