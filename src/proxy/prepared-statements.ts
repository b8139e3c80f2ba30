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
  /** The end of the Parse as it came: parameter types, by the client's oids. */
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
 * may use it before the ParseComplete: so what was sent and is not answered yet is laid over what the server has confirmed,
 * and its settlement decides whether it becomes part of that.
 */
export interface StatementBook {
  get(name: string): PreparedStatement | undefined
  /** Registers what a Parse makes when it is sent. */
  declare(statement: PreparedStatement): (how: Settlement) => void
  /** Registers a Close when it is sent. */
  close(name: string): (how: Settlement) => void
  /**
   * Registers that SQL which is sent will drop statements, undefined for all of them: they count as dropped until it is
   * answered. To be called then; what it has in fact done is told by the functions below.
   */
  expectDrop(names: readonly (string | undefined)[]): () => void
  /** What SQL has done: PREPARE, DEALLOCATE, DISCARD ALL; or a Query that ended, which dropped the unnamed statement. */
  set(statement: PreparedStatement): void
  forget(name: string): void
  /** All but the unnamed one, as DEALLOCATE ALL does. */
  clear(): void
}

/** What a message that is not answered yet will make of a name. */
interface Change {
  /** Undefined: closed. */
  readonly statement: PreparedStatement | undefined
  /** The name is taken, so the server will complain (42P05): until it does not, the old statement is meant. */
  readonly conflicting: boolean
}

/** PostgreSQL keeps prepared statements in a hash table whose keys are cut at NAMEDATALEN. */
function keyOf(name: string): string {
  return name.length > 63 ? name.slice(0, 63) : name
}

export function createStatementBook(): StatementBook {
  const confirmed = new Map<string, PreparedStatement>()
  /** By name, the oldest first. */
  const unanswered = new Map<string, Change[]>()

  function get(key: string): PreparedStatement | undefined {
    const change = unanswered.get(key)?.findLast((one) => !one.conflicting)
    return change === undefined ? confirmed.get(key) : change.statement
  }

  function add(key: string, change: Change): void {
    const changes = unanswered.get(key)
    if (changes === undefined) unanswered.set(key, [change])
    else changes.push(change)
  }

  function remove(key: string, change: Change): void {
    const changes = unanswered.get(key)
    if (changes === undefined) return
    if (changes.length === 1) unanswered.delete(key)
    else changes.splice(changes.indexOf(change), 1)
  }

  return {
    get: (name) => get(keyOf(name)),

    declare(statement) {
      const key = keyOf(statement.name)
      const change = { statement, conflicting: key !== '' && get(key) !== undefined }
      add(key, change)
      return (how) => {
        remove(key, change)
        if (how === 'done') confirmed.set(key, statement)
        // The unnamed statement is dropped before the new one is looked at.
        else if (how === 'failed' && key === '') confirmed.delete(key)
      }
    },

    close(name) {
      const key = keyOf(name)
      const change = { statement: undefined, conflicting: false }
      add(key, change)
      return (how) => {
        remove(key, change)
        if (how === 'done') confirmed.delete(key)
      }
    },

    expectDrop(names) {
      const change = { statement: undefined, conflicting: false }
      const named = names.flatMap((name) => (name === undefined ? [] : [keyOf(name)]))
      const all = names.includes(undefined) ? [...confirmed.keys(), ...unanswered.keys()] : []
      const keys = new Set([...named, ...all.filter((key) => key !== '')])
      for (const key of keys) add(key, change)
      return () => {
        for (const key of keys) remove(key, change)
      }
    },

    set: (statement) => {
      confirmed.set(keyOf(statement.name), statement)
    },
    forget: (name) => {
      confirmed.delete(keyOf(name))
    },
    clear: () => {
      for (const key of [...confirmed.keys()]) if (key !== '') confirmed.delete(key)
    },
  }
}
