import { Buffer } from 'node:buffer'
import { type ByteString, toByteString } from '../../src/sql/byte-string.js'
import type { BackendMessage } from '../support/backend-message.js'
import { bind, copyData, copyDone, describe, execute, parse, query, sync } from '../support/frontend-message.js'
import type { RawClient } from '../support/raw-client.js'

/** How a statement reaches the server. */
export type Protocol = 'simple' | 'extended'

/** A statement as one side is to run it. */
export interface Request {
  readonly sql: ByteString
  readonly parameters: readonly (string | null)[]
  readonly copyData: readonly string[]
  /** SQL asked after the statement, in its transaction: see contents.ts. */
  readonly contents?: ByteString | undefined
}

/**
 * Runs one statement in a transaction that is rolled back, and gives every message that answers it. `prelude` is run
 * in that transaction first. Extended answers are in binary.
 */
export async function observe(
  client: RawClient,
  protocol: Protocol,
  prelude: string,
  request: Request,
): Promise<readonly BackendMessage[]> {
  const frames = protocol === 'simple' ? simpleFrames(request) : extendedFrames(request)
  const { contents } = request
  const asked = contents === undefined ? [] : [query(contents)]
  client.send(query(`BEGIN; ${prelude}`), ...frames, ...asked, query('ROLLBACK'))
  // Asked for at once, so that statements may be on their way one behind the other.
  const [begun, answer, held] = await Promise.all([
    client.untilReady(),
    client.untilReady(),
    contents === undefined ? [] : client.untilReady(),
    client.untilReady(),
  ])
  const failure = begun.find((message) => message.type === 'ErrorResponse')
  if (failure?.type === 'ErrorResponse') throw new Error(`the prelude failed: ${failure.fields.get('M')}`)
  return [...answer, ...held.filter((message) => message.type === 'DataRow')]
}

function simpleFrames({ sql, copyData: lines }: Request): Buffer[] {
  return [query(sql), ...copyFrames(lines)]
}

function extendedFrames({ sql, parameters, copyData: lines }: Request): Buffer[] {
  const values = parameters.map((value) => (value === null ? null : toByteString(value)))
  return [
    parse('', sql),
    describe('S', ''),
    bind('', '', values, 1),
    describe('P', ''),
    execute(''),
    ...copyFrames(lines),
    sync(),
  ]
}

/** Where the COPY has failed already the server drops these. */
function copyFrames(lines: readonly string[]): Buffer[] {
  return lines.length === 0 ? [] : [...lines.map((line) => copyData(Buffer.from(`${line}\n`))), copyDone()]
}
