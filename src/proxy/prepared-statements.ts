import type { Buffer } from 'node:buffer'
import type { Outcome } from '../rewrite/outcome.js'
import type { Epoch } from './epoch.js'
import type { ExpectedReply, Settlement } from './reply-queue.js'
import type { Effects } from './statement-effects.js'

/** A prepared statement of a session. What it is on the server changes with the epoch; its name never does. */
export interface PreparedStatement {
  readonly name: string
  /** `prepare`: made by the SQL command, of which `text` is the whole. */
  readonly madeBy: 'parse' | 'prepare'
  /** The client's own text. */
  readonly text: string
  /** The end of the Parse as it came: parameter types. */
  readonly types: Buffer
  readonly effects: Effects | undefined
  epoch: Epoch
  outcome: Outcome
  /** The text that the server has. */
  sent: string
  /** The server has lost it (preparing it again failed half-way). */
  lost: boolean
  /** What to expect of a Bind, Describe, Execute of this statement; kept here to make none per message. */
  readonly replies: Readonly<Record<'bind' | 'describe' | 'execute', ExpectedReply>>
}

/**
 * The prepared statements of one session, by name; '' is the unnamed one. A name exists from its Parse on, since a client
 * may use it before the ParseComplete; the settlement of the message then keeps or undoes that.
 */
export interface StatementBook {
  get(name: string): PreparedStatement | undefined
  /** Registers what a Parse sent makes. */
  declare(statement: PreparedStatement): (how: Settlement) => void
  /** Registers a Close sent. */
  close(name: string): (how: Settlement) => void
  /** What SQL did: PREPARE, DEALLOCATE, DISCARD ALL, or a Query, which drops the unnamed statement. */
  set(statement: PreparedStatement): void
  forget(name: string): void
  /** All but the unnamed one, as DEALLOCATE ALL does. */
  clear(): void
}

/** PostgreSQL keeps prepared statements in a hash table whose keys are cut at NAMEDATALEN. */
function keyOf(name: string): string {
  return name.length > 63 ? name.slice(0, 63) : name
}

export function createStatementBook(): StatementBook {
  const statements = new Map<string, PreparedStatement>()

  function restore(key: string, now: PreparedStatement | undefined, before: PreparedStatement | undefined): void {
    if (statements.get(key) !== now) return
    if (before === undefined) statements.delete(key)
    else statements.set(key, before)
  }

  return {
    get: (name) => statements.get(keyOf(name)),

    declare(statement) {
      const key = keyOf(statement.name)
      const before = statements.get(key)
      // Of a name that exists the server will complain (42P05), unless it lost the statement unseen.
      if (before !== undefined && key !== '') {
        return (how) => {
          if (how === 'done') statements.set(key, statement)
        }
      }
      statements.set(key, statement)
      return (how) => {
        // The unnamed statement is dropped before the new one is looked at.
        if (how === 'failed') restore(key, statement, undefined)
        else if (how === 'skipped') restore(key, statement, before)
      }
    },

    close(name) {
      const key = keyOf(name)
      const before = statements.get(key)
      statements.delete(key)
      return (how) => {
        if (how === 'skipped') restore(key, undefined, before)
      }
    },

    set: (statement) => {
      statements.set(keyOf(statement.name), statement)
    },
    forget: (name) => {
      statements.delete(keyOf(name))
    },
    clear: () => {
      for (const key of [...statements.keys()]) if (key !== '') statements.delete(key)
    },
  }
}
