import { Buffer } from 'node:buffer'
import type { Generation } from '../src/rewrite/generation.js'
import type { Rewriter } from '../src/rewrite/outcome.js'
import { createRewriter } from '../src/rewrite/rewriter.js'
import { loadParser, type Parser } from '../src/sql/parse.js'
import { cpuTimes, type Subjects } from './cpu-time.js'
import { added, renames, retyped } from './rewrite-schema.js'
import { insertText, selectText, unrelatedText } from './rewrite-statements.js'

/** One line of the table: microseconds of CPU a statement, and what it may take. */
interface Line {
  readonly what: string
  readonly bytes: number
  readonly us: number
  readonly target?: number
}

const PATH = ['pg_catalog', 'public']

/** Rewrites a text as a session does: its bytes come off the wire, in a new string each time. */
function rewriteBytes(rewriter: Rewriter, bytes: Buffer, expected: 'unchanged' | 'rewritten'): void {
  const outcome = rewriter.rewrite({
    text: bytes.toString('latin1'),
    version: 0,
    path: PATH,
    temporary: [],
    standardConformingStrings: true,
    clientEncoding: 'UTF8',
  })
  if (outcome.kind !== expected) throw new Error(`${outcome.kind}: ${JSON.stringify(outcome)}`)
}

/** The same text again and again. */
function known(rewriter: Rewriter, text: string): () => void {
  const bytes = Buffer.from(text)
  return () => rewriteBytes(rewriter, bytes, 'rewritten')
}

/** Texts that stay unknown however often they come: short ones that name nothing changed are not kept. */
function unknown(rewriter: Rewriter): () => void {
  const texts = Array.from({ length: 1000 }, (_, number) => Buffer.from(unrelatedText(number)))
  let next = 0
  return () => {
    const bytes = texts[next++ % texts.length]
    if (bytes !== undefined) rewriteBytes(rewriter, bytes, 'unchanged')
  }
}

/** A text that was never seen before at each call. */
function fresh(rewriter: Rewriter): () => void {
  let number = 0
  return () => rewriteBytes(rewriter, Buffer.from(selectText(number++)), 'rewritten')
}

/** What rewriting one text costs, on the one thread that serves all sessions. */
async function benchRewrite(rounds: number): Promise<readonly Line[]> {
  const parser = await loadParser()
  return [...benchStatements(parser, rounds), ...benchInserts(parser, Math.max(3, rounds >> 1))]
}

const STATEMENTS = {
  cached: { target: 3 },
  'no changed name, never seen': { target: 5 },
  'no changed name, 10 steps': { target: 5 },
  'parse alone': {},
  'never seen, 1 step': { target: 150 },
  'never seen, 10 steps': { target: 1500 },
} satisfies Record<string, { target?: number }>

function benchStatements(parser: Parser, rounds: number): Line[] {
  const one = createRewriter(renames(1), { parser })
  const ten = createRewriter(renames(10), { parser })
  let parsed = 0
  const subjects: Subjects<keyof typeof STATEMENTS> = {
    cached: known(one, selectText(0)),
    'no changed name, never seen': unknown(one),
    'no changed name, 10 steps': unknown(ten),
    'parse alone': () => parser.parse(selectText(parsed++)),
    'never seen, 1 step': fresh(one),
    'never seen, 10 steps': fresh(ten),
  }
  // The rewriter is a lot of code: it takes thousands of statements until all of it is compiled, and some until it is in the caches again.
  const times = cpuTimes(subjects, { rounds, roundMicroseconds: 150_000, warmMicroseconds: 3_000_000 })
  return Object.entries(STATEMENTS).map(([what, more]) => {
    const us = times[what as keyof typeof STATEMENTS]
    return { what, bytes: selectText(0).length, us, ...more }
  })
}

const INSERTS: Readonly<Record<string, () => Generation>> = {
  'INSERT, renamed': () => renames(1),
  'INSERT, a column added by rule': added,
  'INSERT, a column retyped': retyped,
}

function benchInserts(parser: Parser, rounds: number): Line[] {
  const subjects: Record<string, () => void> = {}
  const lines: { readonly what: string; readonly bytes: number }[] = []
  for (const [name, generation] of Object.entries(INSERTS)) {
    for (const rows of [100, 1000, 10_000]) {
      const bytes = Buffer.from(insertText(rows))
      const what = `${name}, ${rows} rows`
      // No text of these is remembered.
      const rewriter = createRewriter(generation(), { parser, cacheBytes: 1 })
      subjects[what] = () => rewriteBytes(rewriter, bytes, 'rewritten')
      lines.push({ what, bytes: bytes.length })
    }
  }
  for (const rows of [100, 1000, 10_000]) {
    const text = insertText(rows)
    const what = `INSERT, parse alone, ${rows} rows`
    subjects[what] = () => parser.parse(text)
    lines.push({ what, bytes: text.length })
  }
  const times = cpuTimes(subjects, { rounds, roundMicroseconds: 50_000 })
  return lines.map((line) => ({ ...line, us: times[line.what] ?? Number.NaN }))
}

function format(lines: readonly Line[]): string {
  const header = ['CPU of the thread, medians', 'bytes', 'us', 'us/KB', 'target us']
  const cells = lines.map(({ what, bytes, us, target }) => {
    const perKb = bytes > 1000 ? ((us * 1024) / bytes).toFixed(1) : ''
    return [what, String(bytes), us.toFixed(us < 100 ? 2 : 0), perKb, target === undefined ? '' : String(target)]
  })
  const widths = header.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
  return [header, ...cells].map(line).join('\n')
}

const lines = await benchRewrite(process.argv.includes('--quick') ? 3 : 11)
console.log(process.argv.includes('--json') ? JSON.stringify(lines, null, 2) : format(lines))
