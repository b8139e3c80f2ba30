import { expect, test } from 'vitest'
import { databaseOf, isReplication, takeSettings } from '../../src/proxy/startup-options.js'
import type { StartupMessage } from '../../src/wire/startup.js'

const message = (parameters: Record<string, string>): StartupMessage => ({
  kind: 'startup',
  protocol: 0x30000,
  parameters: Object.entries(parameters),
})

function taken(options: string): [Record<string, string>, string | undefined] {
  const { forwarded, settings } = takeSettings(message({ user: 'u', options }), 'app')
  return [Object.fromEntries(settings), forwarded.parameters.find(([name]) => name === 'options')?.[1]]
}

test.each([
  ['-c hotswap.version=v1', { version: 'v1' }, undefined],
  ['-chotswap.version=v1', { version: 'v1' }, undefined],
  ['--hotswap.version=v1', { version: 'v1' }, undefined],
  ['-c HotSwap.Version=v1 -c hotswap.migrate=m', { version: 'v1', migrate: 'm' }, undefined],
  ['-c work_mem=1MB  -c hotswap.version=v1 -B 5', { version: 'v1' }, '-c work_mem=1MB -B 5'],
  ['-c hotswap.version=my\\ version\\\\2 -c a=b\\ c', { version: 'my version\\2' }, '-c a=b\\ c'],
  ['  -c   work_mem=1MB ', {}, '  -c   work_mem=1MB '],
  ['-c application_name=hotswap.version=v1', {}, '-c application_name=hotswap.version=v1'],
  ['-c', {}, '-c'],
  ['', {}, ''],
  ['\\', {}, '\\'],
])('of the options %j the proxy takes %j and leaves %j', (options, settings, left) => {
  expect(taken(options)).toEqual([settings, left])
})

test('a message with nothing for the proxy is forwarded as it is', () => {
  const original = message({ user: 'u', database: 'app', options: '-c work_mem=1MB' })
  expect(takeSettings(original, 'app').forwarded).toBe(original)
})

test('an alias of the managed database names the version and is forwarded without it', () => {
  const { forwarded, settings } = takeSettings(message({ user: 'u', database: 'app@v1@x' }), 'app')
  expect(settings.get('version')).toBe('v1@x')
  expect(forwarded.parameters).toContainEqual(['database', 'app'])
})

test('a setting may be a parameter of its own', () => {
  const { forwarded, settings } = takeSettings(message({ user: 'u', 'hotswap.version': 'v1' }), 'app')
  expect(settings.get('version')).toBe('v1')
  expect(forwarded.parameters).toEqual([['user', 'u']])
})

test('the database is the one named, its alias, or the user', () => {
  expect(databaseOf(message({ user: 'u', database: 'other' }), 'app')).toBe('other')
  expect(databaseOf(message({ user: 'u', database: 'app@v1' }), 'app')).toBe('app')
  expect(databaseOf(message({ user: 'u', database: 'app2@v1' }), 'app')).toBe('app2@v1')
  expect(databaseOf(message({ user: 'app' }), 'app')).toBe('app')
})

test.each([
  ['database', true],
  ['true', true],
  ['1', true],
  ['off', false],
  ['0', false],
  ['False', false],
])('replication=%s is replication: %s', (value, expected) => {
  expect(isReplication(message({ user: 'u', replication: value }))).toBe(expected)
  expect(isReplication(message({ user: 'u' }))).toBe(false)
})
