import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Collects young garbage now, some milliseconds before traffic is held, so that V8 does not while it is. Node offers it by
 * a flag of its command line alone; V8 also gives it to contexts that are made once the flag is set.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('typeof gc === "function" ? gc : undefined')
  if (typeof collect === 'function') collect({ type: 'minor' })
}
