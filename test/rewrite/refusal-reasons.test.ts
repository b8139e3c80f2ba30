import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { REFUSAL_REASONS, refusalReason } from '../../src/rewrite/refusal-reasons.js'

const folder = new URL('../../src/rewrite/', import.meta.url)
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
const known = new Set<string>(Object.values(REFUSAL_REASONS).flat())

/** Messages of PostgreSQL's own, with its SQLSTATEs: a statement fails as it did. */
const AS_IT_DID: ReadonlySet<string> = new Set([
  'column "*" is of type * but expression is of type *',
  'column reference "*" is ambiguous',
  'relation "*" already exists',
  'relation "*" does not exist',
  'table "*" has * columns available but * columns specified',
  'invalid reference to FROM-clause entry for table "*"',
  'column "*" of relation "*" does not exist',
  'column "*" can only be updated to DEFAULT',
  'null value in column "*" of relation "*" violates not-null constraint',
  'cannot insert a non-DEFAULT value into column "*"',
  'multiple assignments to same column "*"',
  'column "*" specified more than once',
  'number of columns does not match number of values',
  'source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression',
  'VALUES lists must all be the same length',
  'INSERT has more expressions than target columns',
  'INSERT has more target columns than expressions',
])

/** Files whose texts are no refusals of statements: what a step lacks, what `explain` tells, what a bug is. */
const OTHER_FILES: ReadonlySet<string> = new Set([
  'explain.ts',
  'plan-defaults.ts',
  'plan-step.ts',
  'rewriter.ts',
  'refusal-reasons.ts',
])

/** The messages in the source: texts of several words, which unlike hints have no full stop. */
function messagesOf(file: string): string[] {
  const source = readFileSync(new URL(file, folder), 'utf8')
  if (!/refuseUnsupported|refusals\.push|sqlstate: '/.test(source)) return []
  const code = source
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '')
    .replace(/throw new Error\([^\n]*/g, '')
  return [...code.matchAll(/'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`/g)]
    .map(([, quoted, template]) =>
      (quoted ?? template ?? '').replace(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, '*').replace(/\\(.)/g, '$1'),
    )
    .filter(
      (text) => text.length >= 20 && /[a-z]{2,} [a-z]{2,} .*[a-z]{2,}/.test(text) && !/\.$|^timestamp with/.test(text),
    )
}

const files = readdirSync(folder).filter((file) => file.endsWith('.ts') && !OTHER_FILES.has(file))
const said = files.flatMap((file) => messagesOf(file).map((message) => ({ file, message })))

test('every refusal has a reason', () => {
  expect(said.length).toBeGreaterThan(40)
  expect(said.filter(({ message }) => !known.has(message) && !AS_IT_DID.has(message))).toEqual([])
})

test('every reason has a message in the source', () => {
  const messages = new Set(said.map(({ message }) => message))
  expect([...known].filter((message) => !messages.has(message))).toEqual([])
})

test('the README says of each reason what is refused and what to do instead', () => {
  const section = readme.split('## What is refused, and why')[1]?.split('\n## ')[0] ?? ''
  const rows = [...section.matchAll(/^\| `([^|]+)` \| ([^|]+) \| ([^|]+) \|$/gm)]
  const documented = rows.flatMap(([, reasons = '']) => reasons.split('`, `'))
  expect(documented.sort()).toEqual(Object.keys(REFUSAL_REASONS).sort())
})

test('a message tells its reason', () => {
  expect(refusalReason('the whole row of "u" would show columns that were added or changed')).toBe('whole-row')
  expect(refusalReason('relation "a*b" no longer exists')).toBe('dropped')
  expect(refusalReason('relation "users" does not exist')).toBeUndefined()
})
