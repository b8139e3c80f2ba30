import type pg from 'pg'

/** What the server, or the proxy for it, says of a connection that is over, or cannot be had. */
const SQLSTATES = ['57P01', '57P02', '57P03', '08006', '08001', '08003', '08004']

/** What the system says, by `code`. */
const SYSTEM = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE']

/** What `pg` itself says, without a code. */
const MESSAGES = ['Connection terminated', 'Client has encountered a connection error', 'Client was closed']

/** True for what an app answers by connecting again; everything else is a failure that its user would see. */
export function isConnectionError(error: unknown): boolean {
  const { code, message = '' } = error as Partial<pg.DatabaseError>
  if (code !== undefined) return SQLSTATES.includes(code) || SYSTEM.includes(code)
  return MESSAGES.some((start) => message.startsWith(start))
}
