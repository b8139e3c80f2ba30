import { beforeAll, expect, test } from 'vitest'
import type { Generation } from '../../src/rewrite/generation.js'
import type { RewriteRequest, Rewriter } from '../../src/rewrite/outcome.js'
import { planStep } from '../../src/rewrite/plan-step.js'
import { createRewriter } from '../../src/rewrite/rewriter.js'
import { toByteString } from '../../src/sql/byte-string.js'
import { loadParser, type Parser } from '../../src/sql/parse.js'
import { smallCatalog } from './small-catalog.js'

let parser: Parser
const parsed: string[] = []
beforeAll(async () => {
  const own = await loadParser()
  parser = {
    parse(text) {
      parsed.push(text)
      return own.parse(text)
    },
  }
})

const catalogs = [
  smallCatalog('1 public.users: id name', '2 public.orders: id title', '3 public.notes: id text'),
  smallCatalog('1 public.people: id name', '2 public.orders: id title', '3 public.notes: id text'),
  smallCatalog('1 public.people: id name', '2 public.purchases: id title', '3 public.notes: id text'),
]

function generationOf(last: number): Generation {
  const used = catalogs.slice(0, last + 1)
  return {
    number: 1,
    versions: used.map((catalog, index) => ({ name: `v${index}`, catalog })),
    steps: used.slice(1).map((after, index) => ({ mapping: planStep(used[index] ?? after, after).mapping })),
  }
}

const path = ['pg_catalog', 'public']

function ask(rewriter: Rewriter, sql: string, more: Partial<RewriteRequest> = {}): string {
  const text = toByteString(sql)
  const common = { version: 0, path, temporary: [], standardConformingStrings: true, clientEncoding: 'UTF8' }
  return rewriter.rewrite({ text, ...common, ...more }).kind
}

/** The texts that were parsed meanwhile. */
function parsedBy(work: () => void): readonly string[] {
  parsed.length = 0
  work()
  return [...parsed]
}

test('a text is parsed once for all sessions of the same context, and its outcome is the same object', () => {
  const rewriter = createRewriter(generationOf(1), { parser })
  const request = { text: 'SELECT id FROM users', version: 0, path, temporary: [], clientEncoding: 'UTF8' }
  const texts = parsedBy(() => {
    const first = rewriter.rewrite({ ...request, standardConformingStrings: true })
    expect(rewriter.rewrite({ ...request, path: [...path], standardConformingStrings: true })).toBe(first)
  })
  expect(texts).toEqual(['SELECT id FROM users'])
  expect(rewriter.stats()).toMatchObject({ hits: 1, misses: 1, parsed: 1, entries: 1 })
})

test('another context is another question', () => {
  const rewriter = createRewriter(generationOf(1), { parser })
  const others = [{}, { path: ['pg_catalog'] }, { standardConformingStrings: false }, { clientEncoding: 'SQL_ASCII' }]
  const kinds = others.map((other) => ask(rewriter, 'SELECT id FROM users', other))
  expect(kinds).toEqual(['rewritten', 'unchanged', 'rewritten', 'rewritten'])
  expect(rewriter.stats()).toMatchObject({ hits: 0, parsed: 4 })
})

test('what names nothing that changed is not parsed, nor kept where it is short', () => {
  const rewriter = createRewriter(generationOf(1), { parser })
  const long = `SELECT id FROM notes WHERE text = '${'x'.repeat(2000)}'`
  const texts = parsedBy(() => {
    for (const sql of ['SELECT id FROM notes', 'SELECT id FROM notes', long, long]) {
      expect(ask(rewriter, sql)).toBe('unchanged')
    }
  })
  expect(texts).toEqual([])
  expect(rewriter.stats()).toMatchObject({ hits: 1, misses: 3, unmentioned: 3, parsed: 0, entries: 1 })
})

test('only the steps that a text has to do with parse it', () => {
  const rewriter = createRewriter(generationOf(2), { parser })
  const texts = parsedBy(() => {
    expect(ask(rewriter, 'SELECT id FROM users')).toBe('rewritten')
    expect(ask(rewriter, 'SELECT id FROM orders')).toBe('rewritten')
  })
  expect(texts).toEqual(['SELECT id FROM users', 'SELECT id FROM orders'])
})

test('a client of the head is not counted', () => {
  const rewriter = createRewriter(generationOf(1), { parser })
  expect(ask(rewriter, 'SELECT id FROM people', { version: 1 })).toBe('unchanged')
  expect(rewriter.stats()).toMatchObject({ hits: 0, misses: 0 })
})

test('refused texts are counted when they are parsed', () => {
  const rewriter = createRewriter(generationOf(1), { parser })
  for (let i = 0; i < 2; i++) expect(ask(rewriter, 'SELECT FROM people users WHERE')).toBe('refused')
  expect(rewriter.stats()).toMatchObject({ hits: 1, parsed: 1, refused: 1 })
})

test('the cache stays within its bytes: the least recently used leave, and what is used stays', () => {
  const maxBytes = 100_000
  const rewriter = createRewriter(generationOf(1), { parser, cacheBytes: maxBytes })
  const hot = 'SELECT id FROM users'
  for (let i = 0; i < 1000; i++) {
    ask(rewriter, `SELECT id + ${i} FROM users`)
    ask(rewriter, hot)
    expect(rewriter.stats().bytes).toBeLessThanOrEqual(maxBytes)
  }
  const stats = rewriter.stats()
  expect(stats.hits).toBe(999)
  expect(stats.evictions).toBe(1001 - stats.entries)
  expect(stats.entries).toBeGreaterThan(50)
  expect(stats.maxBytes).toBe(maxBytes)
})

test('a text that would drive out many others is not kept', () => {
  const rewriter = createRewriter(generationOf(1), { parser, cacheBytes: 100_000 })
  ask(rewriter, 'SELECT id FROM users')
  ask(rewriter, `SELECT id FROM users WHERE name = '${'x'.repeat(3000)}'`)
  expect(rewriter.stats()).toMatchObject({ entries: 1, evictions: 0, parsed: 2 })
})

test('an entry counts its key, its text, its way back and, where refused, its messages', () => {
  const sizeOf = (sql: string) => {
    const rewriter = createRewriter(generationOf(1), { parser })
    ask(rewriter, sql)
    return rewriter.stats().bytes
  }
  const plain = sizeOf('SELECT id FROM users')
  // The text is in the key and in the outcome.
  expect(sizeOf('SELECT id FROM users -- 345678901')).toBe(plain + 26)
  // Both have two edits, and so ways back of the same size.
  const twice = 'SELECT id FROM users a, users b'
  const made = 'SELECT id FROM public.people a, public.people b'
  const one = 'SELECT id FROM public.people AS users'
  expect(sizeOf(twice) - plain).toBe(twice.length - 'SELECT id FROM users'.length + made.length - one.length)
  expect(sizeOf('SELECT FROM people users WHERE')).toBeGreaterThan(plain)
})

test('statistics are a snapshot', () => {
  const rewriter = createRewriter(generationOf(1), { parser })
  const before = rewriter.stats()
  ask(rewriter, 'SELECT id FROM users')
  expect(before).toMatchObject({ misses: 0, parsed: 0, entries: 0, bytes: 0 })
})
