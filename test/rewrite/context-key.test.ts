import { expect, test } from 'vitest'
import { contextKeys } from '../../src/rewrite/context-key.js'
import type { RewriteRequest } from '../../src/rewrite/outcome.js'
import { smallCatalog } from './small-catalog.js'

const request: RewriteRequest = {
  text: '',
  version: 0,
  path: ['pg_catalog', 'public'],
  temporary: [],
  standardConformingStrings: true,
  clientEncoding: 'UTF8',
}
const temporary = smallCatalog('99 pg_temp_3.users: id').relations

const others: Partial<RewriteRequest>[] = [
  { version: 1 },
  { path: ['pg_catalog'] },
  { path: ['pg_catalog,public'] },
  { path: ['public', 'pg_catalog'] },
  { temporary },
  { standardConformingStrings: false },
  { clientEncoding: 'LATIN1' },
  { declaredTypes: '23,0' },
]

test('sessions of the same context share', () => {
  const keyOf = contextKeys()
  const first = keyOf(request)
  expect(keyOf({ ...request, path: [...request.path], temporary: [], text: 'SELECT 1' })).toBe(first)
  for (const other of others) expect(keyOf({ ...request, ...other })).not.toBe(first)
  expect(keyOf(request)).toBe(first)
})

test('each part of a context tells keys apart, also behind one path object', () => {
  const keyOf = contextKeys()
  const all = [{}, ...others].map((other) => keyOf({ ...request, ...other }))
  expect(new Set(all).size).toBe(all.length)
  expect([{}, ...others].map((other) => keyOf({ ...request, ...other }))).toEqual(all)
})

test('temporary relations are told apart by session, whatever their names', () => {
  const keyOf = contextKeys()
  const own = keyOf({ ...request, temporary })
  expect(keyOf({ ...request, temporary })).toBe(own)
  expect(keyOf({ ...request, temporary: [...temporary] })).not.toBe(own)
})

test('a context that was forgotten for many others gets a key that no other ever had', () => {
  const keyOf = contextKeys()
  const seen = new Set<string>()
  for (let session = 0; session < 12_000; session++) {
    seen.add(keyOf({ ...request, path: [`schema_${session}`] }))
  }
  seen.add(keyOf({ ...request, path: ['schema_0'] }))
  expect(seen.size).toBe(12_001)
})
