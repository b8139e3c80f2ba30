import { expect, test } from 'vitest'
import { formatProblem } from '../../src/config/problem.js'
import { parseRuleFile, parseTableName } from '../../src/config/rule-file.js'

function problems(text: string): string[] {
  const checked = parseRuleFile('0001.yaml', text)
  return checked.ok ? [] : checked.problems.map(formatProblem)
}

test('a rule file is read with the place of every name', () => {
  const text = `tables:
  app.users:
    to: people
    columns:
      name: label
      email: { to: mail }
    added: [country, age]
    insert:
      country: "'DE'"
      age: 0
`
  const checked = parseRuleFile('rules/0003-person.yaml', text)
  if (!checked.ok) throw new Error(checked.problems.map(formatProblem).join('\n'))
  const at = (line: number, column: number) => ({ file: 'rules/0003-person.yaml', line, column })
  const plain = { computed: undefined, default: undefined, sameMeaning: false }
  expect(checked.value).toEqual({
    file: 'rules/0003-person.yaml',
    version: '0003-person',
    tables: [
      {
        from: { value: { schema: 'app', name: 'users' }, place: at(2, 3) },
        to: { value: { schema: undefined, name: 'people' }, place: at(3, 9) },
        columns: [
          { from: { value: 'name', place: at(5, 7) }, to: { value: 'label', place: at(5, 13) }, ...plain },
          { from: { value: 'email', place: at(6, 7) }, to: { value: 'mail', place: at(6, 20) }, ...plain },
        ],
        added: [
          { value: 'country', place: at(7, 13) },
          { value: 'age', place: at(7, 22) },
        ],
        insert: [
          { column: { value: 'country', place: at(9, 7) }, expression: { value: "'DE'", place: at(9, 16) } },
          { column: { value: 'age', place: at(10, 7) }, expression: { value: '0', place: at(10, 12) } },
        ],
        merged: [],
        sameMeaning: false,
        independent: false,
      },
    ],
  })
})

test.each([
  [
    'an unknown key',
    'tables:\n  users:\n    colums: {}\n',
    ['0001.yaml:3:5: unknown key "colums"; did you mean "columns"?'],
  ],
  [
    'an unknown key at the top',
    'table: {}\n',
    ['0001.yaml:1:1: "tables" is missing here', '0001.yaml:1:1: unknown key "table"; did you mean "tables"?'],
  ],
  ['an empty file', '', ['0001.yaml:1:1: "tables" is missing here']],
  [
    'a list where a mapping belongs',
    'tables: []\n',
    ['0001.yaml:1:9: expected a mapping of old table names to their rules, got a list'],
  ],
  [
    'a list of columns',
    'tables:\n  users:\n    columns: [a]\n',
    ['0001.yaml:3:14: expected a mapping of old column names to new ones, got a list'],
  ],
  ['a number as a name', 'tables:\n  users:\n    to: 3\n', ['0001.yaml:3:9: expected a name, got 3']],
  [
    'a column mapped to nothing',
    'tables:\n  users:\n    columns: { a: }\n',
    [
      '0001.yaml:3:19: expected the new name of the column, or a mapping such as { to: name, type: text, read: "...", write: "..." }, got nothing',
    ],
  ],
  [
    'a column that says nothing',
    'tables:\n  users:\n    columns: { a: {} }\n',
    ['0001.yaml:3:19: expected what became of the column, e.g. { to: name }'],
  ],
  [
    'a misspelt key of a column',
    'tables:\n  users:\n    columns: { a: { too: b } }\n',
    ['0001.yaml:3:21: unknown key "too"; did you mean "to"?'],
  ],
  [
    '`added` as a mapping',
    'tables:\n  users:\n    added: { a: text }\n',
    ['0001.yaml:3:12: expected a list of new column names, got a mapping'],
  ],
  [
    'a duplicate key',
    'tables:\n  users: {}\n  users: {}\n',
    ['0001.yaml:3:3: this key stands here twice; keep one of them'],
  ],
  [
    'a table name with too many dots',
    'tables:\n  a.b.c: {}\n',
    ['0001.yaml:2:3: expected table or schema.table, got "a.b.c"; a name that holds a dot needs "quotes"'],
  ],
  ...(
    [
      ['{ read: a }', '"read" needs "write": what old statements write'],
      ['{ write: a }', '"write" needs "read": what old statements read'],
      ['{ to: x, write: a }', '"write" needs "read": what old statements read'],
      ['{ dropped: true }', '"dropped" needs "read": what old statements read, e.g. "NULL"'],
      ['{ dropped: true, read: a, write: b }', '"dropped" and "write" exclude each other'],
      ['{ dropped: true, read: a, read_only: true }', '"dropped" and "read_only" exclude each other'],
      ['{ read_only: true, read: a, to: b }', '"read_only" and "to" exclude each other'],
      ['{ to: a, read: b, write: { c: d } }', '"write" does not write "a"'],
      ['{ values: { a: b }, read: c, write: d }', '"read" and "values" exclude each other'],
      ['{ outside: error, time_zone: UTC }', '"outside" needs "values"'],
      ['{ dropped: yes, read: a }', 'expected true, or no such key, got "yes"'],
      ['{ values: [a] }', 'expected a mapping of old values to new ones, e.g. { A: active }, got a list'],
      [
        '{ values: { A: a }, outside: B }',
        'expected error, null, or an old value that "values" has, got "B"; did you mean "A"?',
      ],
    ] as const
  ).map(
    ([column, message]) =>
      [
        `the column ${column}`,
        `tables: { users: { columns: { c: ${column} } } }`,
        [expect.stringMatching(new RegExp(`^0001\\.yaml:1:\\d+: ${message.replace(/[.?{}[\]]/g, '\\$&')}`))],
      ] as [string, string, string[]],
  ),
  [
    'an alias',
    'tables:\n  a: &x { to: b }\n  c: *x\n',
    ['0001.yaml:3:6: YAML aliases are not supported; repeat the value'],
  ],
])('%s is an error with its place', (_, text, expected) => {
  expect(problems(text)).toEqual(expected)
})

test('broken YAML is an error with its place', () => {
  expect(problems('tables:\n  users: {to: [}\n')[0]).toMatch(/^0001\.yaml:2:\d+: /)
})

test('all problems of a file are reported', () => {
  expect(problems('tables:\n  users: { to: 3, added: x }\n  posts: { foo: 1 }\n')).toHaveLength(3)
})

test.each([
  ['users', { schema: undefined, name: 'users' }],
  ['app.users', { schema: 'app', name: 'users' }],
  ['"a.b"."c""d"', { schema: 'a.b', name: 'c"d' }],
  ['Users', { schema: undefined, name: 'Users' }],
  ['.a', undefined],
  ['a.', undefined],
  ['"a"b', undefined],
])('the table name %s', (text, expected) => {
  expect(parseTableName(text)).toEqual(expected)
})
