import pg from 'pg'
import type { ErrorFields } from '../rewrite/outcome.js'
import { fromByteString } from '../sql/byte-string.js'

/** What the server says of a statement that it does not accept. */
export interface ServerError {
  readonly sqlstate: string
  readonly message: string
  readonly hint?: string
}

/** An error that the server answered to a statement on a migrator's connection. */
export class StatementFailure extends Error {
  readonly fields: ErrorFields
  constructor(fields: ErrorFields) {
    super(fields.get('M') ?? 'the server answered with an error')
    this.fields = fields
  }
}

/** The server's answer in what a query threw; undefined for lost connections and bugs, which are thrown on. */
export function serverErrorOf(error: unknown): ServerError | undefined {
  if (error instanceof StatementFailure) {
    const text = (code: string) => fromByteString(error.fields.get(code) ?? '')
    const hint = text('H')
    return {
      sqlstate: error.fields.get('C') ?? '',
      message: text('M') ?? error.message,
      ...(hint === undefined || hint === '' ? {} : { hint }),
    }
  }
  if (!(error instanceof pg.DatabaseError)) return undefined
  return {
    sqlstate: error.code ?? '',
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  }
}
