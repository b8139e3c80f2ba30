import type { ClientError } from './contracts.js'
import { endWithError } from './end-session.js'
import type { Session } from './session.js'

/** Lets other proxies know that the session speaks another version now; where it was retired meanwhile the session ends. */
export function tellVersion(session: Session): void {
  const { context, versionName } = session
  context.options.admission?.speak(versionName).then(
    (error) => {
      if (error === undefined || session.kind !== 'app' || session.versionName !== versionName) return
      endWithError(session, { ...error, sqlstate: '57P01' })
    },
    (error: unknown) => context.log.warn({ session: session.id, error: String(error) }, 'a version could not be told'),
  )
}

/** The end of a session that says that it speaks what it may not: to answer it by another version would be wrong. */
export function notServed({ context }: Session, version: string): ClientError {
  const known = context.options.generations.current().generation.versions.map(({ name }) => name)
  return {
    sqlstate: '57P01',
    message: `version "${version}" of the schema is no longer served`,
    hint: `Connect again with a version that is: ${known.join(', ')}.`,
  }
}
