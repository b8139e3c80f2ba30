import { Frontend } from './message-types.js'

/** PostgreSQL's PQ_LARGE_MESSAGE_LIMIT (MaxAllocSize - 1), bytes. */
export const LARGE_MESSAGE_LIMIT = 0x3fffffff - 1

/** PostgreSQL's PQ_SMALL_MESSAGE_LIMIT, bytes: for messages that carry a name at most. */
export const SMALL_MESSAGE_LIMIT = 10_000

/** PostgreSQL's PG_MAX_AUTH_TOKEN_LENGTH, bytes. */
export const AUTH_MESSAGE_LIMIT = 65_535

/** PostgreSQL's MAX_STARTUP_PACKET_LENGTH, bytes. */
export const STARTUP_PACKET_LIMIT = 10_000

/** The longest length field of a client's message, as postgres.c (SocketBackend) bounds it; `text` bounds Query and Parse. */
export function frontendLimit(type: number, text: number): number {
  switch (type) {
    case Frontend.Query:
    case Frontend.Parse:
      return Math.min(text, LARGE_MESSAGE_LIMIT)
    case Frontend.Close:
    case Frontend.Describe:
    case Frontend.Execute:
    case Frontend.Flush:
    case Frontend.Sync:
    case Frontend.Terminate:
    case Frontend.CopyDone:
    case Frontend.CopyFail:
      return SMALL_MESSAGE_LIMIT
    case Frontend.Password:
      return AUTH_MESSAGE_LIMIT
    default:
      return LARGE_MESSAGE_LIMIT
  }
}
