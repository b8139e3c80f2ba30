import type { Catalog } from '../../src/catalog/catalog.js'
import { createHoldGate } from '../../src/proxy/hold-gate.js'
import { startProxy } from '../../src/proxy/listener.js'
import type { Outcome, Rewriter } from '../../src/rewrite/outcome.js'
import { createRewriter } from '../../src/rewrite/rewriter.js'
import { typeOidsOf } from '../../src/rewrite/type-oids.js'
import { type ByteString, toByteString } from '../../src/sql/byte-string.js'
import { loadParser } from '../../src/sql/parse.js'
import type { BackendMessage } from '../support/backend-message.js'
import { query } from '../support/frontend-message.js'
import { connectRaw, type RawClient } from '../support/raw-client.js'
import { contentsSql } from './contents.js'
import type { DatabasePair } from './database-pair.js'
import { observe, type Protocol, type Request } from './observe.js'
import { createReadAhead } from './read-ahead.js'

/** How old statements reach the migrated database. */
export type Mode = 'rewriter' | 'proxy'

/** What the migrated side answers to an old statement. */
export interface MigratedAnswer {
  /** As the client sees it. */
  readonly messages: readonly BackendMessage[]
  /** Why it was refused, if it was, and the refusal reached the client. */
  readonly refused?: string
  /** The text that the rewriter makes of it. */
  readonly sent: ByteString
}

/** The migrated database, asked by a client that speaks the oldest version. */
export interface MigratedSide {
  /** `writes`: what the tables hold afterwards belongs to the answer. */
  run(
    protocol: Protocol,
    path: string | undefined,
    prelude: string,
    request: Request,
    writes: boolean,
  ): Promise<MigratedAnswer>
  /** Makes it the session's search_path: a proxy knows of a new one when the server is ready again, not before. */
  usePath(path: string): Promise<void>
  close(): Promise<void>
}

/** Without a proxy the rewriter's text is sent, and errors are mapped back, as a session would do. */
export async function openMigratedSide(mode: Mode, pair: DatabasePair, port: number): Promise<MigratedSide> {
  const { generation } = pair
  const parser = await loadParser()
  const rewriter = createRewriter(generation, { parser })
  const wrongAhead = createReadAhead(generation, rewriter, parser)
  const old = generation.versions[0]?.catalog
  if (old === undefined) throw new Error('a generation without versions')
  const server = { host: '127.0.0.1', port, database: pair.after }
  // Tells search_path; the proxy finds it out by itself.
  const direct = await connectRaw(server)
  const schemas = rememberSchemas(direct)
  const rewrite = async (sql: ByteString, path: string | undefined) => {
    const request = {
      text: sql,
      version: 0,
      path: await schemas(path),
      temporary: [],
      standardConformingStrings: true,
      clientEncoding: 'UTF8',
    }
    const outcome = rewriter.rewrite(request)
    const wrong = wrongAhead(request, outcome)
    if (wrong !== undefined) throw new Error(wrong)
    return outcome
  }
  const toClient = typeOidsOf(generation, 0)?.toClient
  const inOldTypes = (message: BackendMessage): BackendMessage => {
    const oldType = (oid: number) => toClient?.get(oid) ?? oid
    if (message.type === 'ParameterDescription') return { ...message, oids: message.oids.map(oldType) }
    if (message.type !== 'RowDescription') return message
    return { ...message, fields: message.fields.map((field) => ({ ...field, typeOid: oldType(field.typeOid) })) }
  }
  if (mode === 'rewriter') {
    return {
      async run(protocol, path, prelude, request, writes) {
        const outcome = await rewrite(request.sql, path)
        const sent = outcome.kind === 'unchanged' ? request.sql : outcome.text
        const contents = writes ? await contentsThrough(rewrite, old, path) : undefined
        const raw = await observe(direct, protocol, prelude, { ...request, sql: sent, contents })
        const messages = raw.map((message) => asClientSeesIt(inOldTypes(message), rewriter, outcome))
        return { messages, sent, ...refusalIn(messages, outcome) }
      },
      usePath: async () => undefined,
      close: () => direct.end(),
    }
  }
  const active = { generation, rewriter }
  const proxy = await startProxy({
    listen: { host: '127.0.0.1', port: 0 },
    upstream: { host: '127.0.0.1', port },
    database: pair.after,
    generations: { current: () => active },
    gate: createHoldGate(),
    chooseVersion: () => ({ version: 'v0' }),
  })
  const client = await connectRaw({ ...server, port: proxy.port })
  return {
    async run(protocol, path, prelude, request, writes) {
      const outcome = await rewrite(request.sql, path)
      const contents = writes ? contentsSql(old, path) : undefined
      const messages = await observe(client, protocol, prelude, { ...request, contents })
      return {
        messages,
        sent: outcome.kind === 'unchanged' ? request.sql : outcome.text,
        ...refusalIn(messages, outcome),
      }
    },
    async usePath(path) {
      client.send(query(`SET search_path = ${path}`))
      await client.untilReady()
    },
    async close() {
      await Promise.all([client.end(), direct.end()])
      await proxy.close({ deadlineMs: 1000 })
    },
  }
}

/** What asks the migrated tables what they hold is an old statement itself. */
async function contentsThrough(
  rewrite: (sql: ByteString, path: string | undefined) => Promise<Outcome>,
  old: Catalog,
  path: string | undefined,
): Promise<ByteString> {
  const question = contentsSql(old, path)
  const outcome = await rewrite(question, path)
  if (outcome.kind === 'refused') throw new Error(`what tables hold cannot be asked: ${outcome.refusal.message}`)
  return outcome.kind === 'unchanged' ? question : outcome.text
}

/** The text of a refused statement must fail on its marker, else the client would not see the refusal. */
function refusalIn(messages: readonly BackendMessage[], outcome: Outcome): { refused?: string } {
  if (outcome.kind !== 'refused') return {}
  const { message: text } = outcome.refusal
  const seen = messages.some(
    (message) => message.type === 'ErrorResponse' && message.fields.get('M') === toByteString(text),
  )
  return seen ? { refused: text } : {}
}

/** A message as the session would pass it on: the marker's error becomes the refusal, names are mapped back. */
function asClientSeesIt(message: BackendMessage, rewriter: Rewriter, outcome: Outcome): BackendMessage {
  if (message.type !== 'ErrorResponse' && message.type !== 'NoticeResponse') return message
  if (outcome.kind === 'refused' && message.fields.get('M')?.includes(outcome.marker)) {
    const { sqlstate, message: text, hint, position } = outcome.refusal
    const fields = new Map([...message.fields, ['C', sqlstate], ['M', toByteString(text)]] as [string, string][])
    if (hint !== undefined) fields.set('H', toByteString(hint))
    fields.delete('P')
    if (position !== undefined) fields.set('P', String(position))
    return { type: message.type, fields }
  }
  return { type: message.type, fields: rewriter.mapError(message.fields, 0, outcome) }
}

/** current_schemas(true) under a search_path, as the proxy knows it of a session. */
function rememberSchemas(client: RawClient): (path: string | undefined) => Promise<readonly string[]> {
  const known = new Map<string | undefined, Promise<readonly string[]>>()
  const ask = async (path: string | undefined) => {
    client.send(query(`BEGIN; ${setPath(path)}SELECT pg_catalog.unnest(pg_catalog.current_schemas(true)); ROLLBACK`))
    const answer = await client.untilReady()
    return answer.flatMap((message) => (message.type === 'DataRow' ? [message.values[0]?.toString() ?? ''] : []))
  }
  return (path) => {
    const schemas = known.get(path) ?? ask(path)
    known.set(path, schemas)
    return schemas
  }
}

/** The statement that gives a transaction its search_path; nothing where the server's default holds. */
export function setPath(path: string | undefined): string {
  return path === undefined ? '' : `SET LOCAL search_path = ${path}; `
}
