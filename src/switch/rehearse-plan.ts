import { introspectMarked, type SeenCatalog } from '../catalog/introspect.js'
import { collectGarbage } from './collect-garbage.js'
import { planWithin, type RanMigration, textQueryOf } from './plan-within.js'

const NOTHING = { name: 'hotswap rehearsal', sql: '', rules: undefined }

type Rehearsed = Omit<RanMigration, 'migration' | 'seen'>

/**
 * Plans a migration that did nothing, in the session's transaction, which is left as it was; gives the catalog that it has
 * seen, where it has. What comes seldom is slow the first time, in the proxy and in the server's backend; that is over then
 * before traffic is held.
 */
export async function rehearsePlan(ran: Rehearsed, lockTimeoutMs: number): Promise<SeenCatalog | undefined> {
  const { session, access } = ran
  const begun = await session.query(
    `SAVEPOINT hotswap_rehearsal; SET LOCAL lock_timeout = ${Math.max(1, lockTimeoutMs)}`,
  )
  // In a failed transaction, which the migration itself will be told.
  if (!begun.ok) return undefined
  // Whatever is wrong with it is wrong with the migration, which is told so; a lost connection, too.
  const query = textQueryOf(session)
  const seen = await introspectMarked(query, access.head).catch(() => undefined)
  if (seen !== undefined) {
    const planned = await planWithin({ ...ran, migration: NOTHING, seen }).catch(() => undefined)
    if (planned?.kind === 'planned') {
      await ran.check?.prepared.rehearse(session, planned.versions.generation).catch(() => undefined)
    }
    await access.rehearse(query).catch(() => undefined)
  }
  await session.query('ROLLBACK TO hotswap_rehearsal; RELEASE hotswap_rehearsal')
  collectGarbage()
  return seen
}

/** rehearsePlan for a session outside a transaction. */
export async function rehearsePlanAlone(ran: Rehearsed, lockTimeoutMs: number): Promise<SeenCatalog | undefined> {
  await ran.session.query('BEGIN')
  try {
    return await rehearsePlan(ran, lockTimeoutMs)
  } finally {
    await ran.session.query('ROLLBACK')
  }
}
