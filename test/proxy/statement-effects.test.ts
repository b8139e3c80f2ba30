import { expect, test } from 'vitest'
import { createEffectsReader, effectsOf, isPathless } from '../../src/proxy/statement-effects.js'

const read = createEffectsReader()

test.each([
  'select 1',
  'select search, path from reset_log',
  'insert into t values (1) on conflict do nothing',
  'create table t (a int)',
])('%s has no effects', (text) => {
  expect(read(text, true)).toBeUndefined()
})

test.each([
  'set search_path = a',
  'SET LOCAL "search_path" TO a',
  "set schema 'a'",
  'set role r',
  'set session authorization r',
  'reset all',
  'select 1; reset search_path',
  'discard temp',
  "select pg_catalog.set_config('search_path', 'a', true)",
  'create temp table t (a int)',
  'create /* x */ temporary view v as select 1',
  'create local temp table t (a int)',
  'select 1 into temp t',
  'create table pg_temp.t (a int)',
  'create schema s',
  'drop schema s',
  'alter schema s rename to t',
  'do $$ begin set search_path = a; end $$',
  "selec search_path '",
])('%s may change what names mean', (text) => {
  expect(read(text, true)?.names).toBe(true)
})

test.each([
  'select role, temp, schema from users',
  "select 'set search_path'",
  '-- discard\nselect 1',
  'select a as reset from t',
  'drop table t',
  'grant usage on schema s to r',
])('%s does not', (text) => {
  expect(read(text, true)?.names ?? false).toBe(false)
})

test('a string ends by the session setting', () => {
  const text = "select '\\'; set search_path = a; --'"
  expect(read(text, true)?.names).toBe(true)
  expect(read(text, false)?.names).toBe(false)
})

test.each([
  ["set hotswap.version = 'v2'", 'v2'],
  ["SET SESSION HotSwap.Version TO 'it''s'", "it's"],
  ['set local hotswap.version to v2', 'v2'],
  ['set hotswap.version to default', undefined],
  ["set hotswap.other = 'v2'", undefined],
  ["set hotswap.version = 'v2'; select 1", undefined],
])('%s names the version %s', (text, version) => {
  expect(read(text, true)).toMatchObject({ version, mentionsVersion: true })
})

test('PREPARE, EXECUTE and DEALLOCATE are found in their order', () => {
  const text = 'prepare Q (int) as select $1; execute q(1); deallocate "Q"; deallocate all; DEALLOCATE PREPARE b'
  expect(effectsOf(text, true)).toMatchObject({
    prepares: [{ name: 'q', text: 'prepare Q (int) as select $1' }],
    executes: ['q'],
    deallocates: ['Q', undefined, 'b'],
  })
})

test.each([
  ['explain analyze execute q', ['q']],
  ['create table t as execute q(1)', ['q']],
  ['grant execute on function f to r', []],
  ['create trigger a before insert on t execute function f()', []],
  ["prepare transaction 'x'", []],
])('%s executes %j', (text, executes) => {
  expect(effectsOf(text, true).executes).toEqual(executes)
  expect(effectsOf(text, true).prepares).toEqual([])
})

test('bytes that are no ASCII letters are not folded', () => {
  expect(effectsOf('deallocate \xc3\x84A', true).deallocates).toEqual(['\xc3\x84a'])
})

test.each([
  'begin',
  ' ROLLBACK TO a ;',
  'set transaction isolation level serializable',
  'commit;',
  'savepoint a',
])('%s means the same whatever the path is', (text) => {
  expect(isPathless(text)).toBe(true)
})

test.each(['select 1', 'begin; select 1', 'settings', 'execute q'])('%s may not', (text) => {
  expect(isPathless(text)).toBe(false)
})
