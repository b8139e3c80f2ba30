import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createRewriter } from '../src/rewrite/rewriter.js'
import { loadParser } from '../src/sql/parse.js'
import { renames } from './rewrite-schema.js'
import { pointText } from './rewrite-statements.js'

// A million distinct statements: the memory of the process stays bounded, and the cache's own figure is about what it takes.

const STATEMENTS = process.argv.includes('--quick') ? 300_000 : 1_000_000
const SAMPLES = 10
const MIB = 1024 * 1024

/** What the process may take over the cache: V8 lets garbage grow to a few times what is alive, and the parser has its own. */
const RSS_OF_CACHE = 8

setFlagsFromString('--expose_gc')
const collect = runInNewContext('gc') as () => void

interface Sample {
  readonly statements: number
  readonly rss: number
  /** JavaScript's heap, after a collection. */
  readonly heap: number
  readonly cache: number
  readonly entries: number
  readonly evictions: number
}

const parser = await loadParser()
const rewriter = createRewriter(renames(1), { parser })
const samples: Sample[] = []

function sample(statements: number): void {
  collect()
  const { rss, heapUsed } = process.memoryUsage()
  const { bytes, entries, evictions } = rewriter.stats()
  samples.push({ statements, rss, heap: heapUsed, cache: bytes, entries, evictions })
}

const path = ['pg_catalog', 'public']
sample(0)
for (let number = 1; number <= STATEMENTS; number++) {
  const text = Buffer.from(pointText(number)).toString('latin1')
  const session = { version: 0, path, temporary: [], standardConformingStrings: true, clientEncoding: 'UTF8' }
  const { kind } = rewriter.rewrite({ text, ...session })
  if (kind !== 'rewritten') throw new Error(kind)
  if (number % (STATEMENTS / SAMPLES) === 0) sample(number)
}

const mib = (bytes: number): string => (bytes / MIB).toFixed(1)
if (process.argv.includes('--json')) console.log(JSON.stringify(samples, null, 2))
else {
  console.log('statements  RSS MiB  heap MiB  cache MiB  entries  evictions')
  for (const { statements, rss, heap, cache, entries, evictions } of samples) {
    const cells = [String(statements), mib(rss), mib(heap), mib(cache), String(entries), String(evictions)]
    console.log(cells.map((cell, column) => cell.padStart([10, 7, 8, 9, 7, 9][column] ?? 0)).join('  '))
  }
}

const { maxBytes } = rewriter.stats()
const [first, last] = [samples[0], samples.at(-1)]
if (first === undefined || last === undefined) throw new Error('no samples')
const grown = last.heap - first.heap
// The first sample at which it is full has seen it grow until shortly before.
const full = samples.filter(({ evictions }) => evictions > 0).slice(1)
const checks: readonly (readonly [string, boolean])[] = [
  ['the cache keeps to its bytes', samples.every(({ cache }) => cache <= maxBytes)],
  ['the cache is full', last.evictions > 0 && last.cache > 0.9 * maxBytes],
  ['the heap grew by what the cache says, give or take a quarter', Math.abs(grown - last.cache) < last.cache / 4],
  ['RSS grew by at most 8 times the cache', samples.every(({ rss }) => rss < first.rss + RSS_OF_CACHE * maxBytes)],
  ['RSS stands still once the cache is full', full.every(({ rss }) => rss < 1.1 * (full[0]?.rss ?? 0))],
]
for (const [claim, holds] of checks) console.log(`${holds ? 'ok' : 'NOT OK'}  ${claim}`)
process.exitCode = checks.every(([, holds]) => holds) ? 0 : 1
