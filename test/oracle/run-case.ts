import type { Relation } from '../../src/catalog/catalog.js'
import type { Generation } from '../../src/rewrite/generation.js'
import { plainName } from '../../src/rewrite/mapping.js'
import { type ByteString, fromByteString, toByteString } from '../../src/sql/byte-string.js'
import type { BackendMessage } from '../support/backend-message.js'
import { connectRaw, type RawClient } from '../support/raw-client.js'
import { differenceOf } from './compare.js'
import { contentsSql, mayWrite } from './contents.js'
import type { DatabasePair } from './database-pair.js'
import type { OracleCase } from './fixture.js'
import { type MigratedSide, type Mode, openMigratedSide, setPath } from './migrated-side.js'
import { observe, type Protocol } from './observe.js'

/** What became of one statement. */
export type Verdict =
  /** `error`: the SQLSTATE that both sides have. */
  | { readonly kind: 'same'; readonly error?: string }
  | { readonly kind: 'refused'; readonly reason: string; readonly report: string }
  | { readonly kind: 'different'; readonly report: string }

/** Both sides of a pair of databases. */
export interface Oracle {
  readonly before: RawClient
  readonly after: MigratedSide
  /** Of the old schema, by oid. */
  readonly relations: ReadonlyMap<number, Relation>
  /** Columns of the old schema that are computed now, as `oid.attnum`. */
  readonly computed: ReadonlySet<string>
  /** SQL that puts both sides into the same state before a statement. */
  readonly reset: string
  /** What asks the old database for what its tables hold. */
  contents(path: string | undefined): ByteString
  close(): Promise<void>
}

/** Connects to both databases of a pair on 127.0.0.1. */
export async function openOracle(mode: Mode, pair: DatabasePair, port: number, reset = ''): Promise<Oracle> {
  const before = await connectRaw({ host: '127.0.0.1', port, database: pair.before })
  const after = await openMigratedSide(mode, pair, port)
  const old = pair.generation.versions[0]?.catalog
  if (old === undefined) throw new Error('no old version')
  return {
    contents: (path) => contentsSql(old, path),
    before,
    after,
    reset,
    relations: old.byOid,
    computed: computedColumns(pair.generation),
    async close() {
      await Promise.all([before.end(), after.close()])
    },
  }
}

/** The columns of the oldest version that some step computes, as `oid.attnum`. */
function computedColumns({ versions, steps }: Generation): ReadonlySet<string> {
  const relations = versions[0]?.catalog.relations ?? []
  return new Set(
    relations.flatMap(({ oid, columns }) =>
      columns.flatMap(({ name, attnum }) => {
        let now: string | undefined = name
        for (const { mapping } of steps) {
          const change = mapping.relations.get(oid)
          if (change !== undefined && now !== undefined) now = plainName(change.columns.get(now))
        }
        return now === undefined ? [`${oid}.${attnum}`] : []
      }),
    ),
  )
}

/** Statements with parameters need the extended protocol; several in one text the simple one. */
export function protocolsOf(item: OracleCase): readonly Protocol[] {
  if (item.parameters !== undefined) return ['extended']
  return /;\s*\S/.test(item.sql) ? ['simple'] : ['simple', 'extended']
}

/** Runs an old statement on the old schema and on the migrated side, and compares the answers. */
export async function runCase(oracle: Oracle, protocol: Protocol, item: OracleCase): Promise<Verdict> {
  const prelude = preludeOf(item, oracle.reset)
  const request = { sql: toByteString(item.sql), parameters: item.parameters ?? [], copyData: item.copyData }
  const writes = mayWrite(item.sql)
  const [expected, got] = await Promise.all([
    observe(oracle.before, protocol, prelude, {
      ...request,
      contents: writes ? oracle.contents(item.path) : undefined,
    }),
    oracle.after.run(protocol, item.path, prelude, request, writes),
  ])
  const difference = differenceOf(expected, got.messages, {
    relations: oracle.relations,
    computed: oracle.computed,
    anyOrder: !(item.ordered ?? /order\s+by/i.test(item.sql)),
    anyRows: /^\s*explain/i.test(item.sql),
    analysed: protocol === 'extended' ? 1 : 0,
  })
  const error = errorOf(expected)
  // What fails on the old schema too may be refused, and name another of several mistakes: the SQLSTATE is the same.
  const other = errorOf(got.messages)
  if (
    difference === undefined ||
    (item.ordered !== undefined && error === PLANNER_BUG) ||
    (got.refused !== undefined && error !== undefined && error === other) ||
    (item.ordered !== undefined && violatesOther(oracle, expected, got.messages)) ||
    (isOrderOfRows(item) && violatesEither(error, other))
  ) {
    return error === undefined ? { kind: 'same' } : { kind: 'same', error }
  }
  if (got.refused !== undefined) return { kind: 'refused', reason: got.refused, report: difference }
  return { kind: 'different', report: `${item.sql}\n${difference}\n  -> ${fromByteString(got.sent)}` }
}

/**
 * PostgreSQL's own planner fails on a generated statement ("variable not found in subplan target list", as of 18.4 for a
 * max(constant) over a natural join of a table with itself): it says nothing of what the answer is.
 */
const PLANNER_BUG = 'XX000'

/** A generated statement that writes the rows of a query, which may come in any order. */
function isOrderOfRows({ ordered, sql }: OracleCase): boolean {
  return ordered !== undefined && /^\s*(?:prepare p as )?(?:with\b.*)?(?:insert\b.*\bselect|merge)\b/is.test(sql)
}

/** Of several constraints that such a statement violates the first to be met depends on the order of its rows. */
function violatesEither(left: string | undefined, right: string | undefined): boolean {
  return left?.startsWith('23') === true && right?.startsWith('23') === true
}

/**
 * Of two unique indexes of a table the older one is met first, and ALTER TYPE makes indexes anew. Of two columns that are
 * NULL another may be met first, where one is made of several or is gone.
 */
function violatesOther(
  { relations, computed }: Oracle,
  expected: readonly BackendMessage[],
  got: readonly BackendMessage[],
): boolean {
  const [left, right] = [expected, got].map((answer) => answer.find((message) => message.type === 'ErrorResponse'))
  if (left?.type !== 'ErrorResponse' || right?.type !== 'ErrorResponse') return false
  const same = (field: string) => left.fields.get(field) === right.fields.get(field)
  if (!same('C') || !same('s') || !same('t')) return false
  if (left.fields.get('C') === '23505') return !same('n')
  if (left.fields.get('C') !== '23502') return false
  const relation = [...relations.values()].find(
    ({ schema, name }) => toByteString(schema) === left.fields.get('s') && toByteString(name) === left.fields.get('t'),
  )
  const named = [left, right].map(({ fields }) => fields.get('c'))
  const columns = relation?.columns.filter(({ name }) => named.includes(toByteString(name))) ?? []
  return columns.some(({ attnum }) => computed.has(`${relation?.oid}.${attnum}`))
}

/** What is run in the transaction before the statement; a bug in the statement must not hang the run. */
export function preludeOf(item: OracleCase, reset: string): string {
  return `SET LOCAL statement_timeout = '20s'; ${setPath(item.path)}${reset}`
}

/** The SQLSTATE of the first error. */
export function errorOf(answer: readonly BackendMessage[]): string | undefined {
  return answer.flatMap((message) => (message.type === 'ErrorResponse' ? [message.fields.get('C')] : []))[0]
}
