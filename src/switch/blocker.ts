import type { Blocker } from '../proxy/contracts.js'

/** A blocker as a line of an error's detail. */
export function describeBlocker({ pid, user, applicationName, state, busyMs, query }: Blocker): string {
  const who = applicationName === '' ? user : `${user} (${applicationName})`
  return `backend ${pid ?? 'unknown'} of ${who}: ${state} for ${Math.round(busyMs)} ms: ${query}`
}
