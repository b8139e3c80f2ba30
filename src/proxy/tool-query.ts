import { Buffer } from 'node:buffer'
import { serialize } from 'pg-protocol'
import { toByteString } from '../sql/byte-string.js'
import { encodeCommandComplete, encodeErrorResponse, encodeReadyForQuery } from '../wire/backend.js'
import { decodeBindNames, decodeBindParameter, decodeExecutePortal, decodeQuery } from '../wire/frontend.js'
import { Frontend } from '../wire/message-types.js'
import { errorFields } from './client-error.js'
import type { InternalResult, ToolStatement } from './contracts.js'
import { endWithError } from './end-session.js'
import { takeExecute } from './extended-query.js'
import { forward } from './forward.js'
import { runForClient, runInternalQuery } from './internal-query.js'
import type { Session } from './session.js'
import { takeQuery } from './simple-query.js'
import { plain } from './standing-replies.js'
import { takeMessage } from './take-message.js'
import { noteWorkEnded, type ToolState } from './tool-session.js'

/**
 * Takes a message of a migration tool's session; false where it cannot be taken now. What changes no shape goes the way of
 * any session's. DDL runs inside a transaction block, ours where the tool opened none, so that it can be looked at before
 * it is committed:
 *
 *     Query 'ALTER ...'                 BEGIN; hold; ALTER ...; compare; COMMIT; release
 *     Parse Bind Execute Sync           the same, the ALTER in place of the Execute, the COMMIT before the Sync
 *
 * A query that calls a function of the users' own is bound and executed by the tool itself, once traffic is held.
 */
export function takeForTool(session: Session, tool: ToolState): boolean {
  const { fromClient, replies } = session
  const { type, last } = fromClient
  if (tool.skipping && type !== Frontend.Sync) {
    session.droppingClient = !last
    return true
  }
  switch (type) {
    case Frontend.Query:
      return replies.idle && takeToolQuery(session, tool)
    case Frontend.Bind:
      // Taken again when traffic is held.
      if (holdsForQuery(session, tool)) return false
      noteBoundName(session, tool)
      return takeMessage(session)
    case Frontend.Execute:
      return takeToolExecute(session, tool)
    case Frontend.Sync:
      return takeToolSync(session, tool)
    default:
      return takeMessage(session)
  }
}

function takeToolQuery(session: Session, tool: ToolState): boolean {
  const { buffer, start, end } = session.fromClient
  const text = decodeQuery(buffer, start, end)
  const statements = text === undefined ? undefined : readStatements(session, tool, text)
  if (statements === undefined || passes(session, tool, statements)) {
    for (const statement of statements ?? []) tool.migration.note(statement)
    return takeQuery(session)
  }
  inTurn(session, async () => {
    await runStatements(session, tool, statements)
    session.toClient.put(encodeReadyForQuery(session.status))
  })
  return true
}

function readStatements(session: Session, { made }: ToolState, text: string): readonly ToolStatement[] | undefined {
  const statements = session.context.options.tools?.read(text, made)
  for (const { makes } of statements ?? []) if (makes !== undefined) made.add(makes)
  return statements
}

/** True where a text needs no transaction of ours, and no look at what it changed. */
function passes(session: Session, { migration }: ToolState, statements: readonly ToolStatement[]): boolean {
  if (statements.some(({ kind }) => kind === 'shape')) return false
  if (!statements.some(({ kind }) => kind === 'commit' || kind === 'prepare transaction')) return true
  return !(migration.switching || migration.reason() !== undefined) || session.status === 'I'
}

async function runStatements(session: Session, tool: ToolState, statements: readonly ToolStatement[]): Promise<void> {
  // The last statement is told to be complete once it is committed: where that fails there is an error alone.
  const complete: Buffer[] = []
  for (const [index, statement] of statements.entries()) {
    const last = index === statements.length - 1
    const run = () => runForClient(session, statement.text, last ? complete : undefined)
    const result = await runStatement(session, tool, statement, run, statements.length > 1)
    if (result.ok) continue
    session.toClient.put(encodeErrorResponse(moved(result.error, statement.offset)))
    if (tool.wrapped) await rollBack(session, tool)
    return
  }
  const result = tool.wrapped ? await commit(session, tool) : undefined
  if (result?.ok === false) session.toClient.put(encodeErrorResponse(result.error))
  else for (const frame of complete) session.toClient.put(frame)
}

/** Runs one statement of a Query; what the client gets of its answer is sent, but for an error. */
async function runStatement(
  session: Session,
  tool: ToolState,
  statement: ToolStatement,
  run: () => Promise<InternalResult>,
  several: boolean,
): Promise<InternalResult> {
  const { migration } = tool
  switch (statement.kind) {
    case 'begin':
      if (!tool.wrapped) return await run()
      // The block that we began becomes the tool's own, as an implicit one does.
      tool.wrapped = false
      session.toClient.put(encodeCommandComplete('BEGIN'))
      return { ok: true, rows: [], tag: 'BEGIN' }
    case 'commit':
      return session.status === 'I' ? await run() : await commitBlock(session, tool, statement)
    case 'rollback': {
      const result = await run()
      if (session.status === 'I') endBlock(tool)
      return result
    }
    case 'prepare transaction':
      return migration.switching ? { ok: false, error: errorFields(noTwoPhase) } : await run()
    case 'alone':
      return await run()
    case 'shape':
      await wrap(session, tool)
      return await migration.run(statement, run)
    case 'ledger':
    case 'neutral':
      // Several statements in one Query are one transaction.
      if (several) await wrap(session, tool)
      migration.note(statement)
      return await run()
  }
}

const noTwoPhase = {
  sqlstate: '0A000',
  message: 'a transaction that changes the schema cannot be prepared for two-phase commit',
  hint: 'End it by COMMIT.',
}

async function wrap(session: Session, tool: ToolState): Promise<void> {
  if (session.status !== 'I') return
  await runInternalQuery(session, 'BEGIN')
  tool.wrapped = true
}

/** COMMIT as the tool wrote it. */
async function commitBlock(session: Session, tool: ToolState, statement: ToolStatement): Promise<InternalResult> {
  if (session.status === 'E' && tool.migration.reason() === undefined) {
    // The server makes a ROLLBACK of it, and says so.
    const result = await runForClient(session, statement.text)
    endBlock(tool)
    return result
  }
  const result = await commit(session, tool)
  if (!result.ok) return result
  session.toClient.put(encodeCommandComplete(toByteString(result.tag)))
  if (/\band\s+chain\b/i.test(statement.text)) await runInternalQuery(session, 'BEGIN')
  return result
}

async function commit(session: Session, tool: ToolState): Promise<InternalResult> {
  tool.wrapped = false
  if (tool.migration.switching || session.status === 'E') return await tool.migration.commit()
  const result = await runInternalQuery(session, 'COMMIT')
  tool.migration.abandon()
  return result
}

async function rollBack(session: Session, tool: ToolState): Promise<void> {
  await runInternalQuery(session, 'ROLLBACK')
  endBlock(tool)
}

function endBlock(tool: ToolState): void {
  tool.wrapped = false
  tool.migration.abandon()
}

const QUERY = /^\s*(?:with|select|insert|update|delete|merge|values|table)\b/i

/** True where traffic is to be held before a query is bound: its portal would not survive what is asked before that. */
function holdsForQuery(session: Session, tool: ToolState): boolean {
  const { buffer, start, end } = session.fromClient
  const bound = decodeBindNames(buffer, start, end)
  const text = bound === undefined ? undefined : session.statements.get(bound.statement)?.text
  const { migration } = tool
  if (text === undefined || migration.switching || session.replies.skipping || !QUERY.test(text)) return false
  const [statement] = readStatements(session, tool, text) ?? []
  if (statement?.kind !== 'shape') return false
  inTurn(session, async () => {
    if (!(await answeredSoFar(session))) return
    await wrap(session, tool)
    const result = await migration.run(statement, async () => ({ ok: true, rows: [], tag: '' }))
    if (result.ok) {
      tool.heldForQuery = true
      return
    }
    session.toClient.put(encodeErrorResponse(result.error))
    tool.skipping = true
  })
  return true
}

/** A ledger's entry may be bound to parameters. */
function noteBoundName(session: Session, tool: ToolState): void {
  const { buffer, start, end } = session.fromClient
  const bound = decodeBindNames(buffer, start, end)
  const prepared = bound === undefined ? undefined : session.statements.get(bound.statement)
  if (prepared?.effects?.ledger !== true) return
  const [statement] = readStatements(session, tool, prepared.text) ?? []
  if (statement?.records === undefined || !('parameter' in statement.records)) return
  const value = decodeBindParameter(buffer, start, end, statement.records.parameter)
  if (value !== undefined) tool.migration.noteName(statement, value)
}

function takeToolExecute(session: Session, tool: ToolState): boolean {
  const { buffer, start, end } = session.fromClient
  const portal = decodeExecutePortal(buffer, start, end)
  const text = portal === undefined ? undefined : session.portals.get(portal)?.text
  const [statement] = (text === undefined ? undefined : readStatements(session, tool, text)) ?? []
  if (statement === undefined || session.replies.skipping) return takeExecute(session)
  // A query is run as it was bound: its parameters and formats are the client's.
  if (QUERY.test(statement.text) || passes(session, tool, [statement])) {
    tool.migration.note(statement)
    return takeExecute(session)
  }
  inTurn(session, async () => {
    if (!(await answeredSoFar(session))) return
    const run = () => runForClient(session, statement.text)
    const result = await runStatement(session, tool, statement, run, false)
    if (result.ok) return
    session.toClient.put(encodeErrorResponse(result.error))
    tool.skipping = true
  })
  return true
}

function takeToolSync(session: Session, tool: ToolState): boolean {
  const { skipping } = tool
  tool.skipping = false
  if (!tool.wrapped) {
    session.replies.send(plain.sync)
    return forward(session)
  }
  inTurn(session, async () => {
    const sound = !skipping && (await answeredSoFar(session))
    if (sound) {
      const result = await commit(session, tool)
      if (!result.ok) session.toClient.put(encodeErrorResponse(result.error))
    } else {
      await synchronize(session)
      await rollBack(session, tool)
    }
    session.replies.send(plain.sync)
    session.toServer.put(serialize.sync())
    session.toServer.flush()
  })
  return true
}

/** True once everything that was sent has been answered; false where the server skips to the next Sync. */
function answeredSoFar(session: Session): Promise<boolean> {
  return new Promise((resolve) => {
    session.replies.send({ kind: 'close', injected: true, onSettled: (how) => resolve(how === 'done') })
    session.toServer.put(Buffer.concat([serialize.close({ type: 'S', name: 'hotswap_none' }), serialize.flush()]))
    session.toServer.flush()
  })
}

/** Ends the server's skipping. */
function synchronize(session: Session): Promise<void> {
  return new Promise((resolve) => {
    session.replies.send({ kind: 'sync', injected: true, onSettled: () => resolve() })
    session.toServer.put(serialize.sync())
    session.toServer.flush()
  })
}

/** Runs a task during which no other message of the client is taken. */
function inTurn(session: Session, task: () => Promise<void>): void {
  session.hooking = true
  session.busySince = Date.now()
  task()
    .catch((error: unknown) => {
      session.context.log.warn({ session: session.id, error: String(error) }, 'a migration tool was not served')
      endWithError(session, { sqlstate: '08006', message: `the migration was lost: ${String(error)}` })
    })
    .then(() => {
      session.hooking = false
      if (session.phase === 'ended') return
      noteWorkEnded(session)
      session.toClient.flush()
      session.readClient()
    })
}

/** An error of one statement, its position as in the whole text. */
function moved(error: ReadonlyMap<string, string>, offset: number): ReadonlyMap<string, string> {
  const position = error.get('P')
  return position === undefined ? error : new Map([...error, ['P', String(Number(position) + offset)]])
}
