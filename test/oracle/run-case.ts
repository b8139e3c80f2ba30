import type { Outcome, Rewriter } from '../../src/rewrite/outcome.js'
import { createRewriter } from '../../src/rewrite/rewriter.js'
import { fromByteString, toByteString } from '../../src/sql/byte-string.js'
import { loadParser } from '../../src/sql/parse.js'
import type { BackendMessage } from '../support/backend-message.js'
import { query } from '../support/frontend-message.js'
import { connectRaw, type RawClient } from '../support/raw-client.js'
import { differenceOf } from './compare.js'
import type { DatabasePair } from './database-pair.js'
import type { OracleCase } from './fixture.js'
import { observe, type Protocol } from './observe.js'

/** What became of one statement. */
export type Verdict =
  | { readonly kind: 'same' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'different'; readonly report: string }

/** The connections of one pair of databases, and the rewriter between them. */
export interface Oracle {
  readonly before: RawClient
  readonly after: RawClient
  readonly rewriter: Rewriter
  /** current_schemas(true) of the migrated side under a search_path; undefined stands for the server's default. */
  schemas(path: string | undefined): Promise<readonly string[]>
  close(): Promise<void>
}

/** Connects to both databases of a pair on 127.0.0.1. */
export async function openOracle(pair: DatabasePair, port: number): Promise<Oracle> {
  const [before, after] = await Promise.all(
    [pair.before, pair.after].map((database) => connectRaw({ host: '127.0.0.1', port, database })),
  )
  if (before === undefined || after === undefined) throw new Error('no connection')
  const known = new Map<string | undefined, Promise<readonly string[]>>()
  return {
    before,
    after,
    rewriter: createRewriter(pair.generation, { parser: await loadParser() }),
    schemas(path) {
      const schemas = known.get(path) ?? schemasOf(after, path)
      known.set(path, schemas)
      return schemas
    },
    async close() {
      await Promise.all([before.end(), after.end()])
    },
  }
}

/** Statements with parameters need the extended protocol; several in one text the simple one. */
export function protocolsOf(item: OracleCase): readonly Protocol[] {
  if (item.parameters !== undefined) return ['extended']
  return /;\s*\S/.test(item.sql) ? ['simple'] : ['simple', 'extended']
}

/** Puts both sides into the same state: sequences are not rolled back. */
export function preludeOf(item: OracleCase): string {
  return `${setPath(item.path)}SELECT pg_catalog.setval(oid::regclass, 1000, false) FROM pg_catalog.pg_class WHERE relkind = 'S'`
}

/** Runs a statement on the old schema, and its rewritten text on the new one, and compares the answers. */
export async function runCase(oracle: Oracle, protocol: Protocol, item: OracleCase): Promise<Verdict> {
  const { before, after, rewriter } = oracle
  const prelude = preludeOf(item)
  const request = { sql: toByteString(item.sql), parameters: item.parameters ?? [], copyData: item.copyData }
  const outcome = rewriter.rewrite({
    text: request.sql,
    version: 0,
    path: await oracle.schemas(item.path),
    temporary: [],
    standardConformingStrings: true,
    clientEncoding: 'UTF8',
  })
  const sql = outcome.kind === 'unchanged' ? request.sql : outcome.text
  const [expected, raw] = await Promise.all([
    observe(before, protocol, prelude, request),
    observe(after, protocol, prelude, { ...request, sql }),
  ])
  if (outcome.kind === 'refused') return verdictOfRefusal(outcome.refusal.message, outcome.marker, sql, raw)
  const got = raw.map((message) => mapNames(message, rewriter, outcome))
  const difference = differenceOf(expected, got, {
    anyOrder: !/order\s+by/i.test(item.sql),
    anyRows: /^\s*explain/i.test(item.sql),
  })
  if (difference === undefined) return { kind: 'same' }
  return { kind: 'different', report: `${item.sql}\n  -> ${fromByteString(sql)}\n${difference}` }
}

/** The text of a refused statement must fail on the marker, else the server would run it. */
function verdictOfRefusal(reason: string, marker: string, sql: string, answer: readonly BackendMessage[]): Verdict {
  const named = answer.some((message) => message.type === 'ErrorResponse' && message.fields.get('M')?.includes(marker))
  if (named) return { kind: 'refused', reason }
  return { kind: 'different', report: `refused (${reason}), but ${sql} does not fail on ${marker}` }
}

function mapNames(message: BackendMessage, rewriter: Rewriter, outcome: Outcome): BackendMessage {
  if (message.type !== 'ErrorResponse' && message.type !== 'NoticeResponse') return message
  return { type: message.type, fields: rewriter.mapError(message.fields, 0, outcome) }
}

/** current_schemas(true), as the proxy knows it of a session. */
async function schemasOf(client: RawClient, path: string | undefined): Promise<readonly string[]> {
  client.send(query(`BEGIN; ${setPath(path)}SELECT pg_catalog.unnest(pg_catalog.current_schemas(true)); ROLLBACK`))
  const answer = await client.untilReady()
  return answer.flatMap((message) => (message.type === 'DataRow' ? [message.values[0]?.toString() ?? ''] : []))
}

function setPath(path: string | undefined): string {
  return path === undefined ? '' : `SET LOCAL search_path = ${path}; `
}
