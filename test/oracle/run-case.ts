import type { Relation } from '../../src/catalog/catalog.js'
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
  /** `error`: the SQLSTATE that both sides have. */
  | { readonly kind: 'same'; readonly error?: string }
  | { readonly kind: 'refused'; readonly reason: string; readonly report: string }
  | { readonly kind: 'different'; readonly report: string }

/** The connections of one pair of databases, and the rewriter between them. */
export interface Oracle {
  readonly before: RawClient
  readonly after: RawClient
  readonly rewriter: Rewriter
  /** Of the old schema, by oid. */
  readonly relations: ReadonlyMap<number, Relation>
  /** SQL that puts both sides into the same state before a statement, after search_path is set. */
  readonly reset: string
  /** current_schemas(true) of the migrated side under a search_path; undefined stands for the server's default. */
  schemas(path: string | undefined): Promise<readonly string[]>
  close(): Promise<void>
}

/** Connects to both databases of a pair on 127.0.0.1. */
export async function openOracle(pair: DatabasePair, port: number, reset = ''): Promise<Oracle> {
  const [before, after] = await Promise.all(
    [pair.before, pair.after].map((database) =>
      connectRaw({ host: '127.0.0.1', port, database, startup: { options: '-c statement_timeout=20s' } }),
    ),
  )
  if (before === undefined || after === undefined) throw new Error('no connection')
  const known = new Map<string | undefined, Promise<readonly string[]>>()
  return {
    before,
    after,
    reset,
    rewriter: createRewriter(pair.generation, { parser: await loadParser() }),
    relations: pair.generation.versions[0]?.catalog.byOid ?? new Map(),
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

/** Runs a statement on the old schema, and its rewritten text on the new one, and compares the answers. */
export async function runCase(oracle: Oracle, protocol: Protocol, item: OracleCase): Promise<Verdict> {
  const { before, after, rewriter } = oracle
  const prelude = setPath(item.path) + oracle.reset
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
  const got = raw.map((message) => asClientSeesIt(message, rewriter, outcome))
  const difference = differenceOf(expected, got, {
    relations: oracle.relations,
    anyOrder: !(item.ordered ?? /order\s+by/i.test(item.sql)),
    anyNames: item.ordered !== undefined,
    anyRows: /^\s*explain/i.test(item.sql),
  })
  // What fails on the old schema too may be refused, if the client sees the same error.
  if (difference === undefined) {
    const error = errorOf(expected)
    return error === undefined ? { kind: 'same' } : { kind: 'same', error }
  }
  if (outcome.kind === 'refused' && raw.some((message) => names(message, outcome.marker))) {
    return { kind: 'refused', reason: outcome.refusal.message, report: difference }
  }
  return { kind: 'different', report: `${item.sql}\n  -> ${fromByteString(sql)}\n${difference}` }
}

/** The SQLSTATE of the first error. */
export function errorOf(answer: readonly BackendMessage[]): string | undefined {
  return answer.flatMap((message) => (message.type === 'ErrorResponse' ? [message.fields.get('C')] : []))[0]
}

function names(message: BackendMessage, marker: string): boolean {
  return message.type === 'ErrorResponse' && (message.fields.get('M')?.includes(marker) ?? false)
}

/** A message as the session would pass it on: the marker's error becomes the refusal, names are mapped back. */
function asClientSeesIt(message: BackendMessage, rewriter: Rewriter, outcome: Outcome): BackendMessage {
  if (message.type !== 'ErrorResponse' && message.type !== 'NoticeResponse') return message
  if (outcome.kind === 'refused' && message.fields.get('M')?.includes(outcome.marker)) {
    const { sqlstate, message: text, position } = outcome.refusal
    const fields = new Map([...message.fields, ['C', sqlstate], ['M', text]] as [string, string][])
    fields.delete('P')
    if (position !== undefined) fields.set('P', String(position))
    return { type: message.type, fields }
  }
  return { type: message.type, fields: rewriter.mapError(message.fields, 0, outcome) }
}

/** current_schemas(true), as the proxy knows it of a session. */
async function schemasOf(client: RawClient, path: string | undefined): Promise<readonly string[]> {
  client.send(query(`BEGIN; ${setPath(path)}SELECT pg_catalog.unnest(pg_catalog.current_schemas(true)); ROLLBACK`))
  const answer = await client.untilReady()
  return answer.flatMap((message) => (message.type === 'DataRow' ? [message.values[0]?.toString() ?? ''] : []))
}

export function setPath(path: string | undefined): string {
  return path === undefined ? '' : `SET LOCAL search_path = ${path}; `
}
