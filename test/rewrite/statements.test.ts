import { beforeAll, expect, test } from 'vitest'
import { type Catalog, makeCatalog } from '../../src/catalog/catalog.js'
import type { ComputedColumn } from '../../src/rewrite/mapping.js'
import { planStep, type RelationRules } from '../../src/rewrite/plan-step.js'
import { createRewriter } from '../../src/rewrite/rewriter.js'
import { fromByteString, toByteString } from '../../src/sql/byte-string.js'
import { loadParser, type Parser } from '../../src/sql/parse.js'
import { readRewriteFixtures } from './rewrite-fixture.js'
import { smallCatalog } from './small-catalog.js'

/** With indexes on the relation of oid 1. */
function withIndexes(catalog: Catalog, ...names: readonly string[]): Catalog {
  const indexes = names.map((name, index) => ({
    oid: Number(/\d+$/.exec(name)?.[0] ?? index),
    name: name.replace(/#\d+$/, ''),
    unique: false,
    definition: '',
  }))
  return makeCatalog({
    ...catalog,
    relations: catalog.relations.map((relation) => (relation.oid === 1 ? { ...relation, indexes } : relation)),
  })
}

const before = withIndexes(
  smallCatalog(
    '1 public.users: id name email',
    '2 public.items: id code',
    '3 public.tags: id',
    '4 public.other: id name',
  ),
  'users_email#101',
  'users_gone#102',
)
const after = withIndexes(
  smallCatalog(
    '1 public.people: id full_name mail',
    '2 public.items: id number#3',
    '3 public.labels: id',
    '4 public.other: id name',
  ),
  'people_mail#101',
)
const code: ComputedColumn = {
  kind: 'computed',
  type: 'integer',
  read: ['(', { column: 'number' }, ')::integer'],
  writes: [{ column: 'number', expression: ['(', { column: 'value' }, ')::text'] }],
}
const rules = new Map<number, RelationRules>([[2, { insert: [], columns: new Map([['code', code]]) }]])

let parser: Parser
beforeAll(async () => {
  parser = await loadParser()
})

test.each(readRewriteFixtures('statements'))('$rule: $sql', ({ sql, expected }) => {
  const { mapping } = planStep(before, after, rules)
  const versions = [before, after].map((catalog, index) => ({ name: `v${index}`, catalog }))
  const rewriter = createRewriter({ number: 1, versions, steps: [{ mapping }] }, { parser })
  const outcome = rewriter.rewrite({
    text: toByteString(sql),
    version: 0,
    path: ['pg_catalog', 'public'],
    temporary: [],
    standardConformingStrings: true,
    clientEncoding: 'UTF8',
  })
  const told =
    outcome.kind === 'refused'
      ? `refused ${outcome.refusal.sqlstate} ${outcome.refusal.message}`
      : outcome.kind === 'unchanged'
        ? 'unchanged'
        : fromByteString(outcome.text)
  expect(told).toBe(expected)
})
