import { planWithin, type RanMigration } from './plan-within.js'

const NOTHING = { name: 'hotswap rehearsal', sql: '', rules: undefined }

/**
 * Plans a migration that did nothing, in the session's transaction, which is left as it was. What comes seldom is slow the
 * first time, in the proxy and in the server's backend; that is over then before traffic is held.
 */
export async function rehearsePlan(ran: Omit<RanMigration, 'migration'>, lockTimeoutMs: number): Promise<void> {
  const { session } = ran
  const begun = await session.query(
    `SAVEPOINT hotswap_rehearsal; SET LOCAL lock_timeout = ${Math.max(1, lockTimeoutMs)}`,
  )
  // In a failed transaction, which the migration itself will be told.
  if (!begun.ok) return
  // Whatever is wrong with it is wrong with the migration, which is told so; a lost connection, too.
  await planWithin({ ...ran, migration: NOTHING }).catch(() => undefined)
  await session.query('ROLLBACK TO hotswap_rehearsal; RELEASE hotswap_rehearsal')
}

/** rehearsePlan for a session outside a transaction. */
export async function rehearsePlanAlone(ran: Omit<RanMigration, 'migration'>, lockTimeoutMs: number): Promise<void> {
  await ran.session.query('BEGIN')
  try {
    await rehearsePlan(ran, lockTimeoutMs)
  } finally {
    await ran.session.query('ROLLBACK')
  }
}
