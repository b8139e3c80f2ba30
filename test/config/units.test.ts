import { expect, test } from 'vitest'
import { parseDuration, parseSize } from '../../src/config/units.js'

test.each([
  ['200ms', 200],
  ['1s', 1000],
  ['1.5 s', 1500],
  ['2min', 120_000],
  ['1', undefined],
  ['1h', undefined],
  ['-1s', undefined],
  ['1constructor', undefined],
])('the duration %s', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds)
})

test.each([
  ['512B', 512],
  ['64MiB', 67_108_864],
  ['64MB', undefined],
])('the size %s', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes)
})
