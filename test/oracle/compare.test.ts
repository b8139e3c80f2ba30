import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import type { BackendMessage } from '../support/backend-message.js'
import { differenceOf, type Tolerance } from './compare.js'

const strict: Tolerance = {
  relations: new Map(),
  computed: new Set(),
  anyOrder: false,
  anyRows: false,
  analysed: 0,
}

const row = (value: string): BackendMessage => ({ type: 'DataRow', values: [Buffer.from(value)] })
const complete: BackendMessage = { type: 'CommandComplete', tag: 'UPDATE 1' }
const failed = (message: string): BackendMessage => ({ type: 'ErrorResponse', fields: new Map([['M', message]]) })
const described = (typmod: number): BackendMessage => ({
  type: 'RowDescription',
  fields: [{ name: 'a', tableOid: 0, attnum: 0, typeOid: 1043, typmod, format: 0 }],
})

test('what the tables hold after a statement is compared, though nothing follows it', () => {
  expect(differenceOf([complete, row('1')], [complete, row('1')], strict)).toBeUndefined()
  expect(differenceOf([complete, row('1')], [complete, row('2')], strict)).toContain('expected row 1')
  expect(differenceOf([complete, row('1')], [complete], strict)).toContain('got nothing more')
})

test('rows may come in another order where it is open, and then those before an error do not count', () => {
  const [one, other] = [
    [row('1'), row('2'), complete],
    [row('2'), row('1'), complete],
  ]
  expect(differenceOf(one, other, strict)).toBeDefined()
  expect(differenceOf(one, other, { ...strict, anyOrder: true })).toBeUndefined()
  expect(differenceOf([row('1'), failed('x')], [failed('x')], strict)).toBeDefined()
  expect(differenceOf([row('1'), failed('x')], [failed('x')], { ...strict, anyOrder: true })).toBeUndefined()
  expect(differenceOf([row('1'), failed('x')], [failed('y')], { ...strict, anyOrder: true })).toBeDefined()
})

test('a plan may show a length that the analysis of the statement does not; it may not lose or change one', () => {
  const once = { ...strict, analysed: 1 }
  expect(differenceOf([described(-1)], [described(12)], strict)).toBeUndefined()
  expect(differenceOf([described(-1)], [described(12)], once)).toBeDefined()
  expect(differenceOf([described(-1), described(-1)], [described(-1), described(12)], once)).toBeUndefined()
  expect(differenceOf([described(12)], [described(-1)], strict)).toBeDefined()
  expect(differenceOf([described(12)], [described(8)], strict)).toBeDefined()
})
