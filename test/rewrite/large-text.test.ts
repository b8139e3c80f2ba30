import { beforeAll, expect, test } from 'vitest'
import { planStep, type StepRules } from '../../src/rewrite/plan-step.js'
import { createRewriter } from '../../src/rewrite/rewriter.js'
import { loadParser, type Parser } from '../../src/sql/parse.js'
import { smallCatalog } from './small-catalog.js'

let parser: Parser
beforeAll(async () => {
  parser = await loadParser()
})

const before = smallCatalog('1 public.users: id name')
const after = smallCatalog('1 public.people: id label country')
const rules: StepRules = new Map([[1, { insert: [{ column: 'country', expression: "'DE'" }], columns: new Map() }]])

/** Rewrites a text that is not remembered; returns the new text and the microseconds of CPU that it took. */
function rewrite(text: string): { readonly text: string; readonly us: number } {
  const generation = {
    number: 1,
    versions: [before, after].map((catalog, index) => ({ name: `v${index}`, catalog })),
    steps: [{ mapping: planStep(before, after, rules).mapping }],
  }
  const bugs: unknown[] = []
  const rewriter = createRewriter(generation, { parser, cacheBytes: 1, onBug: (bug) => bugs.push(bug) })
  const session = { version: 0, path: ['pg_catalog', 'public'], temporary: [], clientEncoding: 'UTF8' }
  const started = process.cpuUsage()
  const outcome = rewriter.rewrite({ text, ...session, standardConformingStrings: true })
  const { user, system } = process.cpuUsage(started)
  if (outcome.kind !== 'rewritten') throw new Error(`${outcome.kind} ${bugs[0] ?? ''}`)
  return { text: outcome.text, us: user + system }
}

function repeated(count: number, part: (index: number) => string, separator: string): string {
  return Array.from({ length: count }, (_, index) => part(index)).join(separator)
}

test('an INSERT may need more edits than a call can have arguments', () => {
  const { text } = rewrite(`INSERT INTO users (id, name) VALUES ${repeated(130_000, () => "(1,'a')", ',')}`)
  expect(text.startsWith("INSERT INTO public.people AS users (id, label, country) VALUES (1,'a', ('DE')),(1,")).toBe(
    true,
  )
  expect(text.split("(1,'a', ('DE'))")).toHaveLength(130_001)
})

const texts: Readonly<Record<string, (count: number) => string>> = {
  'rows of VALUES': (count) => `INSERT INTO users VALUES ${repeated(count, (i) => `(${i}, 'a')`, ', ')}`,
  'arms of a UNION': (count) => repeated(count, (i) => `SELECT name FROM users WHERE id = ${i}`, ' UNION ALL '),
  conditions: (count) => `SELECT name FROM users WHERE ${repeated(count, (i) => `name = '${i}'`, ' OR ')}`,
  'conditions on a target': (count) => `DELETE FROM users WHERE ${repeated(count, (i) => `name = '${i}'`, ' OR ')}`,
  columns: (count) => `SELECT ${repeated(count, (i) => `name AS a${i}`, ', ')} FROM users`,
  statements: (count) => repeated(count, (i) => `UPDATE users SET name = 'a' WHERE id = ${i}`, '; '),
}

test.each(Object.entries(texts))('%s take time in proportion to their number', (_, text) => {
  // In quadratic time it would be 64 times as long; small numbers take longer each, until the code is compiled.
  rewrite(text(500))
  const few = rewrite(text(500)).us
  expect(rewrite(text(4000)).us / few).toBeLessThan(32)
})
