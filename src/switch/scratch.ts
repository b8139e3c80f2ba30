import type { TextQuery } from '../catalog/introspect.js'
import { type ServerError, serverErrorOf } from './server-error.js'

/** A place on a connection where objects can be made that nobody sees, and that are gone when the task has ended. */
export interface Scratch {
  readonly query: TextQuery
  /** Runs a task whose effects are undone; gives the server's error where a statement of it failed. */
  attempt<T>(task: () => Promise<T>): Promise<Attempted<T>>
}

export type Attempted<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: ServerError }

/**
 * Runs a task in a transaction of its own that is rolled back, or under a savepoint of the transaction that is open.
 * The connection must be ours alone meanwhile. Rejects as `query` does where the connection is lost.
 */
export async function withScratch<T>(query: TextQuery, task: (scratch: Scratch) => Promise<T>): Promise<T> {
  const inside = await isInTransaction(query)
  await query(inside ? 'SAVEPOINT hotswap_scratch' : 'BEGIN')
  try {
    return await task({ query, attempt: (inner) => attempt(query, inner) })
  } finally {
    await query(inside ? 'ROLLBACK TO hotswap_scratch' : 'ROLLBACK')
    if (inside) await query('RELEASE hotswap_scratch')
  }
}

async function attempt<T>(query: TextQuery, task: () => Promise<T>): Promise<Attempted<T>> {
  await query('SAVEPOINT hotswap_attempt')
  try {
    return { ok: true, value: await task() }
  } catch (error) {
    const known = serverErrorOf(error)
    if (known === undefined) throw error
    return { ok: false, error: known }
  } finally {
    await query('ROLLBACK TO hotswap_attempt')
    await query('RELEASE hotswap_attempt')
  }
}

/** A setting made LOCAL is still there in the next statement only inside a transaction; SAVEPOINT would log an error. */
async function isInTransaction(query: TextQuery): Promise<boolean> {
  await query(`SELECT pg_catalog.set_config('hotswap.inside', 'yes', true)`)
  return (await query(`SELECT pg_catalog.current_setting('hotswap.inside', true)`))[0]?.[0] === 'yes'
}
