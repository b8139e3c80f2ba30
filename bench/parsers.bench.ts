import { pathToFileURL } from 'node:url'
import { loadModule, scanSync } from 'libpg-query'
import { parse as astParse } from 'pgsql-ast-parser'
import { mentions } from '../src/sql/mentions.js'
import { nameTable } from '../src/sql/name-table.js'
import { loadParser } from '../src/sql/parse.js'
import { scan } from '../src/sql/scan.js'
import { readCorpus } from '../test/corpus/corpus.js'

/** Statements of everyday apps that all the parsers take. */
const STATEMENTS: Readonly<Record<string, string>> = {
  'point select': 'SELECT id, name, email FROM customers WHERE id = $1',
  'select with joins':
    "SELECT c.id, c.name, count(*) AS n FROM customers c LEFT JOIN orders o ON o.customer_id = c.id AND o.state = 'open' " +
    "WHERE c.email = $1 AND c.created_at > now() - '7 days'::interval GROUP BY c.id, c.name ORDER BY n DESC LIMIT 20",
  'insert returning': 'INSERT INTO orders (customer_id, state, total) VALUES ($1, $2, $3) RETURNING id, placed_at',
  update: 'UPDATE customers SET name = $1, city = $2, vip = NOT vip WHERE id = $3 AND country IN ($4, $5) RETURNING *',
  'with and union':
    'WITH recent AS (SELECT id, customer_id FROM orders WHERE placed_at > $1) SELECT c.name FROM customers c JOIN recent r ' +
    'ON r.customer_id = c.id UNION ALL SELECT e.name FROM employees e WHERE e.department_id = (SELECT max(id) FROM departments)',
}

/** Microseconds of CPU a statement, medians over the rounds. */
export interface ParserTimes {
  readonly statement: string
  readonly bytes: number
  readonly libpgQueryParse: number
  readonly pgsqlAstParserParse: number
  readonly libpgQueryScan: number
  readonly ownScan: number
  /** The check whether a statement could name anything that changed. */
  readonly ownMentions: number
}

export interface ParserBench {
  readonly rows: readonly ParserTimes[]
  /** Statements of test/corpus, and how many of them each parser takes. libpg-query, being the grammar, takes all. */
  readonly corpus: { readonly statements: number; readonly libpgQuery: number; readonly pgsqlAstParser: number }
}

/** Compares the parsers of decision 1, one round of each after another. */
export async function benchParsers(rounds = 21): Promise<ParserBench> {
  await loadModule()
  const parser = await loadParser()
  const changed = nameTable(new Set(['people', 'full_name', 'mail']))
  const subjects = {
    libpgQueryParse: (sql: string) => parser.parse(sql),
    pgsqlAstParserParse: (sql: string) => astParse(sql),
    libpgQueryScan: (sql: string) => scanSync(sql),
    ownScan: (sql: string) => scan(sql),
    ownMentions: (sql: string) => mentions(sql, changed),
  }
  const rows = Object.entries(STATEMENTS).map(([statement, sql]) => {
    const times = interleaved(subjects, sql, rounds)
    return { statement, bytes: sql.length, ...times }
  })
  const corpus = readCorpus(parser).map(({ sql }) => sql)
  const parsed = (parse: (sql: string) => boolean) => corpus.filter(parse).length
  return {
    rows,
    corpus: {
      statements: corpus.length,
      libpgQuery: parsed((sql) => parser.parse(sql).kind === 'parsed'),
      pgsqlAstParser: parsed(succeeds(astParse)),
    },
  }
}

type Subjects<Name extends string> = Readonly<Record<Name, (sql: string) => unknown>>

function interleaved<Name extends string>(subjects: Subjects<Name>, sql: string, rounds: number): Record<Name, number> {
  const names = Object.keys(subjects) as Name[]
  const times = new Map<Name, number[]>(names.map((name) => [name, []]))
  // A first round of each, not counted, lets the compiler settle.
  for (const name of names) timeOne(subjects[name], sql)
  for (let round = 0; round < rounds; round++) {
    for (const name of names) times.get(name)?.push(timeOne(subjects[name], sql))
  }
  return Object.fromEntries(names.map((name) => [name, median(times.get(name) ?? [])])) as Record<Name, number>
}

const ROUND_MICROSECONDS = 10_000

/** Microseconds of CPU a call, so that other work on the machine does not count. */
function timeOne(subject: (sql: string) => unknown, sql: string): number {
  const started = process.cpuUsage()
  let calls = 0
  let used = 0
  do {
    for (let i = 0; i < 10; i++) subject(sql)
    calls += 10
    const { user, system } = process.cpuUsage(started)
    used = user + system
  } while (used < ROUND_MICROSECONDS)
  return used / calls
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

function succeeds(parse: (sql: string) => unknown): (sql: string) => boolean {
  return (sql) => {
    try {
      parse(sql)
      return true
    } catch {
      return false
    }
  }
}

/** The bench as lines of text. */
export function formatParserBench({ rows, corpus }: ParserBench): string {
  const header = [
    'CPU us per statement',
    'bytes',
    'libpg-query',
    'pgsql-ast-parser',
    'libpg-query scan',
    'own scan',
    'mentions',
  ]
  const cells = rows.map((row) => [
    row.statement,
    String(row.bytes),
    ...[row.libpgQueryParse, row.pgsqlAstParserParse, row.libpgQueryScan, row.ownScan, row.ownMentions].map((time) =>
      time.toFixed(1),
    ),
  ])
  const widths = header.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
  const share = (count: number) => `${((100 * count) / corpus.statements).toFixed(0)} %`
  return [
    line(header),
    ...cells.map(line),
    `of ${corpus.statements} corpus statements libpg-query parses ${share(corpus.libpgQuery)}, pgsql-ast-parser ${share(corpus.pgsqlAstParser)}`,
  ].join('\n')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.log(formatParserBench(await benchParsers()))
