import { randomBytes } from 'node:crypto'
import { headIndex } from '../rewrite/generation.js'
import type { Outcome } from '../rewrite/outcome.js'
import type { ToolStatement } from './contracts.js'
import type { Session } from './session.js'
import { isSibling } from './sibling.js'
import type { Effects } from './statement-effects.js'
import { becomeTool } from './tool-session.js'

/**
 * Looks whether a text makes its session one of a migration tool: it writes a ledger, or it changes shapes in a session that
 * has looked at one, or beside a session of the same user and application_name that is a tool's (Ecto locks its ledger in one
 * connection and runs the DDL in another) or is in a transaction that has taken an advisory lock and then looked at a ledger
 * (Flyway's, which becomes a tool's with it: no hold may wait for that transaction). A refusal where it changes shapes in any
 * other session; undefined where nothing is to be done. Reading a ledger alone makes no tool: health checks do that in an
 * app's own connections.
 */
export function recognizeTool(session: Session, effects: Effects | undefined, text: string): Outcome | undefined {
  const { tools } = session.context.options
  if (tools === undefined || effects === undefined || session.kind !== 'app') return undefined
  noteLedgerLock(session, effects)
  if (!effects.ledger && !effects.definition) return undefined
  const statements = tools.read(text)
  if (statements === undefined) return undefined
  if (effects.ledger) session.knowsLedger = true
  const shapes = statements.filter((statement) => statement.kind === 'shape' && !isOwnBusiness(session, statement))
  const writes = statements.some(({ kind }) => kind === 'ledger')
  const lockers = writes || shapes.length === 0 ? [] : lockersBeside(session)
  if (writes || (shapes.length > 0 && (session.knowsLedger || hasSibling(session) || lockers.length > 0))) {
    for (const locker of lockers) becomeTool(locker)
    session.becameTool = true
    becomeTool(session)
    return undefined
  }
  return tools.guarded && shapes.length > 0 ? refused() : undefined
}

/** True once, after a text has made its session a tool's: it is to be taken as such. */
export function becameTool(session: Session): boolean {
  const became = session.becameTool
  session.becameTool = false
  return became
}

/** Tables that are temporary, partitions, or too new for any version to know: no app's statements can meet the change. */
function isOwnBusiness(session: Session, { alters }: ToolStatement): boolean {
  const { generation } = session.epoch.active
  const catalog = generation.versions[headIndex(generation)]?.catalog
  return (
    alters.length > 0 &&
    alters.every((written) => {
      const name = written.slice(written.lastIndexOf('."') < 0 ? 1 : written.lastIndexOf('."') + 2, -1)
      if (session.temporary.some((relation) => relation.name === name)) return true
      const known = catalog?.relations.filter((relation) => relation.name === name) ?? []
      return known.every(({ parents }) => parents.length > 0)
    })
  )
}

function hasSibling(session: Session): boolean {
  return [...session.context.tools].some((tool) => isSibling(session, tool))
}

/** Sessions that wait in a transaction, having locked and looked at a ledger, while their DDL runs in this one. */
function lockersBeside(session: Session): Session[] {
  return [...session.context.byPid.values()].filter(
    (other) =>
      other.kind === 'app' &&
      other.ledgerLock === 'ledger named' &&
      other.status === 'T' &&
      other.replies.idle &&
      !other.hooking &&
      isSibling(session, other),
  )
}

function noteLedgerLock(session: Session, { locks, ledger }: Effects): void {
  if (locks && session.ledgerLock === 'none') session.ledgerLock = 'taken'
  if (ledger && session.ledgerLock === 'taken') session.ledgerLock = 'ledger named'
}

function refused(): Outcome {
  const marker = `hotswap_${randomBytes(12).toString('hex')}`
  return {
    kind: 'refused',
    text: `SELECT ${marker}`,
    marker,
    refusal: {
      sqlstate: '0A000',
      message: 'this statement changes what the running app sees, and its session is not known to run migrations',
      hint: 'Run it by "pg-hotswap run -- COMMAND" or "pg-hotswap migrate FILE.sql"; then the app does not notice.',
    },
    oldPosition: (position) => position,
  }
}
