import { expect, test } from 'vitest'
import type { Described } from '../../../src/switch/check/checked-statement.js'
import { asClientKnows, compareDescriptions } from '../../../src/switch/check/compare-descriptions.js'

const before: Described = { parameters: [23, 25], fields: [{ name: 'a', typeOid: 23, typmod: -1 }] }
const field = { name: 'a', typeOid: 23, typmod: -1 }
const names = (oid: number, typmod: number) => `t${oid}${typmod < 0 ? '' : `(${typmod})`}`

test.each<[string, Described]>([
  ['it had 2 parameters, now 1', { ...before, parameters: [23] }],
  ['$2 was of type t25, now t1043', { ...before, parameters: [23, 1043] }],
  ['it had 1 columns, now 0', { ...before, fields: [] }],
  ['column 1 ("a") is named "b" now', { ...before, fields: [{ ...field, name: 'b' }] }],
  ['column 1 ("a") was of type t23, now t20', { ...before, fields: [{ ...field, typeOid: 20 }] }],
  ['column 1 ("a") was of type t23, now t23(9)', { ...before, fields: [{ ...field, typmod: 9 }] }],
])('%s', (difference, after) => {
  expect(compareDescriptions(before, after)?.(names)).toBe(difference)
})

test('types that were made anew are known to the client by their old oids', () => {
  const oids = { toServer: new Map([[23, 99]]), toClient: new Map([[99, 23]]) }
  const after: Described = { parameters: [99, 25], fields: [{ ...field, typeOid: 99 }] }
  expect(compareDescriptions(before, asClientKnows(after, oids))).toBeUndefined()
  expect(compareDescriptions(before, asClientKnows(after, undefined))).toBeDefined()
})
