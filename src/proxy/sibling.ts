import type { Session } from './session.js'

/** True for two sessions that may be one program's: Ecto and Flyway migrate by two connections. */
export function isSibling(one: Session, other: Session): boolean {
  return one !== other && one.identity.user === other.identity.user && one.applicationName === other.applicationName
}
