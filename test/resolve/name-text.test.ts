import { expect, test } from 'vitest'
import { elementsOfArrayText, nameInText, namesOfSignature } from '../../src/resolve/name-text.js'

test.each([
  ['mood', undefined, 'mood', 4],
  ['Public.Mood', 'public', 'mood', 11],
  ['"Odd"."Na""me"[]', 'Odd', 'Na"me', 14],
  ['db.app.mood', 'app', 'mood', 11],
  ['varchar(10)', undefined, 'varchar', 7],
])('the name at the beginning of %s', (text, schema, name, end) => {
  expect(nameInText(text, 0)).toEqual({ schema, name, start: 0, end })
})

test.each(['', '1a', '.a', '"a', 'a.', 'a.b.c.d'])('%j begins with no name', (text) => {
  expect(nameInText(text, 0)).toBeUndefined()
})

test.each([
  ['f()', 'f', [], 0],
  ['app.f(mood, numeric(10,2), "Odd"[])', 'f', ['mood', 'numeric', 'Odd'], 3],
  ['f(timestamp with time zone,int)', 'f', ['timestamp', 'int'], 2],
])('the names in the signature %s', (text, called, types, count) => {
  const names = namesOfSignature(text)
  expect(names?.called.name).toBe(called)
  expect(names?.types.map(({ name }) => name)).toEqual(types)
  expect(names?.count).toBe(count)
})

test.each(['f', 'f(', '(int)', 'f(int', 'f(,)'])('%s is no signature', (text) => {
  expect(namesOfSignature(text)).toBeUndefined()
})

test.each([
  ['{}', []],
  ['{users, posts}', ['users', 'posts']],
  [' { "Odd Name" ,"a\\"b" } ', ['Odd Name', 'a"b']],
  ['{app.users,"app.\\"Users\\""}', ['app.users', 'app."Users"']],
])('the elements of %s', (text, values) => {
  const elements = elementsOfArrayText(text)
  expect(elements?.map(({ value }) => value)).toEqual(values)
  // The spans hold each element with its quotes, and no blanks around them.
  for (const { value, start, end } of elements ?? []) {
    expect(text.slice(start, end).replace(/^"|"$/g, '').replace(/\\(.)/g, '$1')).toBe(value)
  }
})

test.each(['users', '{users', '{{a},{b}}', '[1:2]={a,b}'])('%s is no list of elements', (text) => {
  expect(elementsOfArrayText(text)).toBeUndefined()
})
