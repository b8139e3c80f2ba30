import { Buffer } from 'node:buffer'
import { serialize } from 'pg-protocol'
import { toByteString } from '../sql/byte-string.js'
import { decodeCommandTag, decodeFields, decodeTextRow } from '../wire/backend.js'
import { encodeParse, encodeQuery } from '../wire/frontend.js'
import { Backend } from '../wire/message-types.js'
import type { Description, InternalResult, UnknownStatement } from './contracts.js'
import type { Session } from './session.js'

// What the proxy runs on a migrator's own server connection.

const lost = () => new Error('the connection to the server is lost')

/** Runs a simple query; the client sees nothing of it but notices. Rejects only when the connection is lost. */
export function runInternalQuery(session: Session, sql: string): Promise<InternalResult> {
  let rows: (string | null)[][] = []
  return sendQuery(session, toByteString(sql), (type, buffer, start, end) => {
    if (type === Backend.RowDescription) rows = []
    else if (type === Backend.DataRow) rows.push(decodeTextRow(buffer, start, end))
  }).then((result) => (result.ok ? { ...result, rows } : result))
}

/**
 * Runs a text of the client's (ByteString) as a simple query and passes its answer on, all but the ReadyForQuery and an
 * ErrorResponse: what becomes of those is the caller's to say. Where `complete` is given a CommandComplete is left there.
 */
export function runForClient(session: Session, text: string, complete?: Buffer[]): Promise<InternalResult> {
  return sendQuery(session, text, (type, buffer, start, end) => {
    if (type === Backend.ReadyForQuery || type === Backend.ErrorResponse || type === Backend.CopyInResponse) return
    const frame = Buffer.from(buffer.subarray(start, end))
    if (type === Backend.CommandComplete && complete !== undefined) complete.push(frame)
    else session.toClient.put(frame)
  })
}

/** pg_backend_pid(); undefined where it is not told, as in a transaction that has failed. Rejects as runInternalQuery does. */
export async function askBackend(session: Session): Promise<number | undefined> {
  const result = await runInternalQuery(session, 'SELECT pg_catalog.pg_backend_pid()')
  return result.ok ? Number(result.rows[0]?.[0]) : undefined
}

type Collect = (type: number, buffer: Buffer, start: number, end: number) => void

function sendQuery(session: Session, text: string, collect: Collect): Promise<InternalResult> {
  if (session.phase === 'ended') return Promise.reject(lost())
  return new Promise((resolve, reject) => {
    let tag = ''
    let error: ReadonlyMap<string, string> | undefined
    session.replies.send({
      kind: 'query',
      injected: true,
      collect(type, buffer, start, end) {
        if (type === Backend.CommandComplete) tag = decodeCommandTag(buffer, start, end)
        else if (type === Backend.ErrorResponse) error = decodeFields(buffer, start, end)
        else if (type === Backend.CopyInResponse) {
          // Nobody would send the data.
          session.toServer.put(serialize.copyFail('COPY FROM STDIN has no data here'))
          session.toServer.flush()
        }
        collect(type, buffer, start, end)
      },
      onSettled(how) {
        // exec_simple_query drops the unnamed statement; a client that uses it again finds it prepared again.
        const unnamed = session.statements.get('')
        if (unnamed !== undefined) unnamed.lost = true
        if (how !== 'done') reject(lost())
        else resolve(error === undefined ? { ok: true, rows: [], tag } : { ok: false, error })
      },
    })
    session.toServer.put(encodeQuery(text))
    session.toServer.flush()
  })
}

const NAME = 'hotswap_describe'

/** Parses and describes statements in one batch; none is answered after the first error, which in a block fails the block. */
export async function describeStatements(
  session: Session,
  statements: readonly UnknownStatement[],
): Promise<readonly Description[]> {
  if (session.phase === 'ended') throw lost()
  if (statements.length === 0) return []
  const described: Description[] = []
  return await new Promise((resolve, reject) => {
    for (const _ of statements) {
      let parameters: readonly number[] = []
      let fields: Extract<Description, { ok: true }>['fields'] = []
      const collect: Collect = (type, buffer, start, end) => {
        if (type === Backend.ParameterDescription) parameters = decodeParameters(buffer, start)
        else if (type === Backend.RowDescription) fields = decodeColumns(buffer, start)
        else if (type === Backend.ErrorResponse) described.push({ ok: false, error: decodeFields(buffer, start, end) })
        if (type === Backend.RowDescription || type === Backend.NoData) described.push({ ok: true, parameters, fields })
      }
      for (const kind of ['close', 'parse', 'describe', 'close'] as const) {
        session.replies.send({ kind, injected: true, collect })
      }
    }
    session.replies.send({
      kind: 'sync',
      injected: true,
      onSettled(how) {
        if (how === 'done') resolve(described)
        else reject(lost())
      },
    })
    session.toServer.put(Buffer.concat([...statements.flatMap(describingFrames), serialize.sync()]))
    session.toServer.flush()
  })
}

function describingFrames({ text, parameterOids }: UnknownStatement): Buffer[] {
  const types = Buffer.alloc(2 + 4 * parameterOids.length)
  types.writeUInt16BE(parameterOids.length, 0)
  parameterOids.forEach((oid, index) => {
    types.writeUInt32BE(oid, 2 + 4 * index)
  })
  return [
    serialize.close({ type: 'S', name: NAME }),
    encodeParse(NAME, text, types),
    serialize.describe({ type: 'S', name: NAME }),
    serialize.close({ type: 'S', name: NAME }),
  ]
}

const BODY = 5

function decodeParameters(buffer: Buffer, start: number): number[] {
  const count = buffer.readUInt16BE(start + BODY)
  return Array.from({ length: count }, (_, index) => buffer.readUInt32BE(start + BODY + 2 + 4 * index))
}

function decodeColumns(buffer: Buffer, start: number): { name: string; typeOid: number; typmod: number }[] {
  let at = start + BODY + 2
  return Array.from({ length: buffer.readUInt16BE(start + BODY) }, () => {
    const nul = buffer.indexOf(0, at)
    const name = buffer.toString('latin1', at, nul)
    const column = { name, typeOid: buffer.readUInt32BE(nul + 7), typmod: buffer.readInt32BE(nul + 13) }
    at = nul + 19
    return column
  })
}
