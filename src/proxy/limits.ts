import type { ProxyLimits } from './contracts.js'

export const defaultLimits: ProxyLimits = {
  startupMs: 60_000,
  connectMs: 10_000,
  messageBytes: 64 * 1024 * 1024,
  heldBytes: 1024 * 1024,
  retryBytes: 1024 * 1024,
}
