/** What `promote --live` does at all proxies: sessions that speak one version speak another one from their next transaction on. */
export interface MovedSessions {
  readonly from: string
  readonly to: string
}

/** PostgreSQL takes payloads of less than 8000 bytes (async.c). */
const PAYLOAD_BYTES = 8000

/** As the payload of a notification; empty where the names are too long for one. */
export function encodeMoved({ from, to }: MovedSessions): string {
  const payload = JSON.stringify({ moved: { from, to } })
  return Buffer.byteLength(payload) < PAYLOAD_BYTES ? payload : ''
}

/** Undefined for whatever else a proxy, maybe of another release, has to say. */
export function decodeMoved(payload: string): MovedSessions | undefined {
  try {
    const { moved } = JSON.parse(payload) as { moved?: Partial<MovedSessions> }
    const { from, to } = moved ?? {}
    return typeof from === 'string' && typeof to === 'string' ? { from, to } : undefined
  } catch {
    return undefined
  }
}
