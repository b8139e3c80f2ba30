import { beforeAll, describe, expect, test } from 'vitest'
import type { Catalog } from '../../src/catalog/catalog.js'
import type { Generation } from '../../src/rewrite/generation.js'
import type { InsertValue } from '../../src/rewrite/mapping.js'
import type { Outcome, RewriteRequest } from '../../src/rewrite/outcome.js'
import { planStep } from '../../src/rewrite/plan-step.js'
import { createRewriter } from '../../src/rewrite/rewriter.js'
import { fromByteString, toByteString } from '../../src/sql/byte-string.js'
import { loadParser, type Parser } from '../../src/sql/parse.js'
import { readRewriteFixtures } from './rewrite-fixture.js'
import { smallCatalog } from './small-catalog.js'

let parser: Parser
beforeAll(async () => {
  parser = await loadParser()
})

function generationOf(catalogs: readonly Catalog[], inserts = new Map<number, InsertValue[]>()): Generation {
  const rules = new Map([...inserts].map(([oid, insert]) => [oid, { insert, columns: new Map() }]))
  return {
    number: 1,
    versions: catalogs.map((catalog, index) => ({ name: `v${index}`, catalog })),
    steps: catalogs.slice(1).map((after, index) => ({
      mapping: planStep(catalogs[index] ?? after, after, rules).mapping,
    })),
  }
}

function request(sql: string, more: Partial<RewriteRequest> = {}): RewriteRequest {
  return {
    text: toByteString(sql),
    version: 0,
    path: ['pg_catalog', 'public'],
    temporary: [],
    standardConformingStrings: true,
    clientEncoding: 'UTF8',
    ...more,
  }
}

function told(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'unchanged':
      return 'unchanged'
    case 'rewritten':
      return fromByteString(outcome.text) ?? ''
    case 'refused':
      return `refused ${outcome.refusal.sqlstate} ${outcome.refusal.message}`
  }
}

const orders = '2 public.orders: id user_id title country'
const sets = {
  rename: {
    catalogs: [
      smallCatalog(
        '1 public.users: id name email',
        orders,
        '7 public.team: id lead:1001',
        '8 public.point: x',
        '9 other.users: id',
      ),
      smallCatalog(
        '1 public.people: id full_name mail',
        orders,
        '7 public.team: id lead:1001',
        '8 public.place: x',
        '9 other.users: id',
      ),
    ],
    inserts: new Map<number, InsertValue[]>(),
  },
  swap: {
    catalogs: [
      smallCatalog('1 public.notes: id title body', '2 public.a: x', '3 public.b: y'),
      smallCatalog('1 public.notes: id body title', '2 public.b: x', '3 public.c: y'),
    ],
    inserts: new Map<number, InsertValue[]>(),
  },
  add: {
    catalogs: [
      smallCatalog('1 public.users: id name', orders, '7 public.team: id lead:1001'),
      smallCatalog('1 public.users: id name country', orders, '7 public.team: id lead:1001'),
    ],
    inserts: new Map([[1, [{ column: 'country', expression: "'DE'" }]]]),
  },
}

describe.each(Object.entries(sets))('%s', (name, { catalogs, inserts }) => {
  test.each(readRewriteFixtures(name))('$rule: $sql', ({ sql, expected }) => {
    const rewriter = createRewriter(generationOf(catalogs, inserts), { parser })
    expect(told(rewriter.rewrite(request(sql)))).toBe(expected)
  })
})

describe('a chain of steps', () => {
  const catalogs = [
    smallCatalog('1 public.users: id name'),
    smallCatalog('1 public.people: id full_name'),
    smallCatalog('1 crm.persons: id label'),
  ]

  test('composes by running one step after another', () => {
    const rewriter = createRewriter(generationOf(catalogs), { parser })
    expect(told(rewriter.rewrite(request('SELECT name FROM users')))).toBe(
      'SELECT name FROM crm.persons AS users(id, name)',
    )
    expect(told(rewriter.rewrite(request('SELECT full_name FROM people', { version: 1 })))).toBe(
      'SELECT full_name FROM crm.persons AS people(id, full_name)',
    )
  })

  test('a client of the head needs no rewriting', () => {
    const rewriter = createRewriter(generationOf(catalogs), { parser })
    expect(rewriter.speaksHead(2)).toBe(true)
    expect(rewriter.speaksHead(1)).toBe(false)
    expect(told(rewriter.rewrite(request('SELECT name FROM users', { version: 2 })))).toBe('unchanged')
  })

  test('positions come back through every step', () => {
    const rewriter = createRewriter(generationOf(catalogs), { parser })
    const sql = "SELECT 'é', name FROM users WHERE nothing = 1"
    const outcome = rewriter.rewrite(request(sql))
    if (outcome.kind !== 'rewritten') throw new Error(outcome.kind)
    const text = fromByteString(outcome.text) ?? ''
    expect(outcome.oldPosition([...text].join('').indexOf('nothing') + 1)).toBe(sql.indexOf('nothing') + 1)
  })

  test('a refusal of a later step speaks in the names of the client', () => {
    const rewriter = createRewriter(generationOf(catalogs), { parser })
    const outcome = rewriter.rewrite(request('UPDATE users SET label = 1'))
    expect(told(outcome)).toBe('refused 42703 column "label" of relation "users" does not exist')
  })
})

describe('refusals', () => {
  const { catalogs } = sets.rename

  test('statements before the refused one stay; those after it are left out', () => {
    const rewriter = createRewriter(generationOf(catalogs), { parser })
    const outcome = rewriter.rewrite(request('DELETE FROM users; ALTER TABLE users ADD x int; SELECT 1'))
    if (outcome.kind !== 'refused') throw new Error(outcome.kind)
    expect(outcome.text).toBe(`DELETE FROM public.people AS users; SELECT "${outcome.marker}"`)
    expect(outcome.refusal.position).toBe(20)
  })

  test('a bug is told, fails its statement as an internal error, and harms no other', () => {
    const bugs: unknown[] = []
    const broken: Parser = {
      parse(text) {
        if (text.includes('boom')) throw new Error('boom')
        return parser.parse(text)
      },
    }
    const rewriter = createRewriter(generationOf(catalogs), { parser: broken, onBug: (error) => bugs.push(error) })
    const outcome = rewriter.rewrite(request('SELECT boom FROM users'))
    expect(told(outcome)).toMatch(
      /^refused XX000 pg-hotswap cannot rewrite this statement because of a bug: Error: boom$/,
    )
    expect(bugs).toHaveLength(1)
    expect(told(rewriter.rewrite(request('SELECT id FROM users')))).toMatch(/public\.people/)
  })

  test('each refusal has a marker of its own', () => {
    const rewriter = createRewriter(generationOf(catalogs), { parser })
    const markers = ['TABLE people', 'TABLE people '].map((sql) => {
      const outcome = rewriter.rewrite(request(sql))
      return outcome.kind === 'refused' ? outcome.marker : ''
    })
    expect(new Set(markers).size).toBe(2)
    expect(markers[0]).toMatch(/^hotswap_refused_[0-9a-f]{32}$/)
  })

  test('text of another encoding is refused only where it names something that changed', () => {
    const rewriter = createRewriter(generationOf(catalogs), { parser })
    const latin1 = { clientEncoding: 'LATIN1' }
    expect(
      told(rewriter.rewrite({ ...request('', latin1), text: "SELECT title FROM orders WHERE title = '\xe9'" })),
    ).toBe('unchanged')
    expect(
      told(rewriter.rewrite({ ...request('', latin1), text: "SELECT name FROM users WHERE name = '\xe9'" })),
    ).toMatch(/^refused 0A000 the text of this statement cannot be read/)
    expect(told(rewriter.rewrite(request('SELECT id FROM users', latin1)))).toMatch(/public\.people/)
  })
})

describe('the session decides what a name means', () => {
  const catalogs = [
    smallCatalog('1 public.users: id name', '2 other.users: id name'),
    smallCatalog('1 public.people: id name', '2 other.users: id name'),
  ]

  test('search_path', () => {
    const rewriter = createRewriter(generationOf(catalogs), { parser })
    expect(told(rewriter.rewrite(request('SELECT id FROM users')))).toBe('SELECT id FROM public.people AS users')
    const path = ['pg_catalog', 'other', 'public']
    expect(told(rewriter.rewrite(request('SELECT id FROM users', { path })))).toBe('unchanged')
  })

  test('a schema that the migration dropped is still searched for the old version', () => {
    const moved = [smallCatalog('1 shop.users: id'), smallCatalog('1 crm.users: id')]
    const rewriter = createRewriter(generationOf(moved), { parser })
    const path = ['pg_catalog', 'shop', 'public']
    expect(told(rewriter.rewrite(request('SELECT id FROM users', { path })))).toBe('SELECT id FROM crm.users')
  })

  test('a temporary relation shadows the catalog', () => {
    const rewriter = createRewriter(generationOf(catalogs), { parser })
    const temporary = smallCatalog('99 pg_temp_3.users: id').relations
    expect(told(rewriter.rewrite(request('SELECT id FROM users', { temporary })))).toBe('unchanged')
    expect(told(rewriter.rewrite(request('SELECT id FROM public.users', { temporary })))).toBe(
      'SELECT id FROM public.people AS users',
    )
  })

  test('a name that a new relation captures is qualified', () => {
    const captured = [
      smallCatalog('1 public.users: id', '2 later.people: id'),
      smallCatalog('1 public.people: id', '2 later.people: id'),
    ]
    const rewriter = createRewriter(generationOf(captured), { parser })
    const path = ['pg_catalog', 'public', 'later']
    expect(told(rewriter.rewrite(request('SELECT people.id FROM people', { path })))).toBe(
      'SELECT people.id FROM later.people',
    )
  })

  test('equal names of two schemas get aliases that tell them apart', () => {
    const rewriter = createRewriter(generationOf(catalogs), { parser })
    expect(
      told(rewriter.rewrite(request('SELECT public.users.id, other.users.id FROM public.users, other.users'))),
    ).toBe('SELECT "public.users".id, other.users.id FROM public.people AS "public.users", other.users')
    expect(
      told(
        rewriter.rewrite(request('UPDATE other.users SET name = $1 FROM users WHERE public.users.id = other.users.id')),
      ),
    ).toBe(
      'UPDATE other.users SET name = $1 FROM public.people AS "public.users" WHERE "public.users".id = other.users.id',
    )
  })
})
