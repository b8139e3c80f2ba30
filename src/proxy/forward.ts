import type { Buffer } from 'node:buffer'
import { keepForRetry } from './retry.js'
import type { Session } from './session.js'

/** Sends what the framer shows on as it came. */
export function forward(session: Session): true {
  const { buffer, start, end } = session.fromClient
  if (session.retry !== undefined) keepForRetry(session, session.retry)
  session.toServer.pass(buffer, start, end)
  return true
}

/** Sends other bytes in place of what the framer shows. */
export function replace(session: Session, bytes: Buffer): true {
  if (session.retry !== undefined) keepForRetry(session, session.retry)
  session.toServer.put(bytes)
  return true
}
