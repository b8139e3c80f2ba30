import { pino } from 'pino'
import type { ProxyLog } from '../proxy/contracts.js'

/** The log, as JSON lines on stderr: stdout is for what a command answers. */
export function createLog(level: string): ProxyLog {
  return pino({ level, base: null }, pino.destination({ fd: 2, sync: true }))
}
