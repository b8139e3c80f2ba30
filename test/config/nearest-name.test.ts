import { expect, test } from 'vitest'
import { editDistance, suggestName } from '../../src/config/nearest-name.js'

test.each([
  ['users', 'users', 0],
  ['usres', 'users', 1],
  ['user', 'users', 1],
  ['kitten', 'sitting', 3],
  ['', 'abc', 3],
])('from %s to %s it takes %i edits', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance)
  expect(editDistance(b, a)).toBe(distance)
})

test.each([
  ['usres', ['posts', 'users'], '; did you mean "users"?'],
  ['Users', ['users'], '; did you mean "users"?'],
  ['zip', ['country', 'street'], ''],
  ['id', ['it', 'xy'], '; did you mean "it"?'],
])('%s of %j: %s', (name, known, suggestion) => {
  expect(suggestName(name, known)).toBe(suggestion)
})
