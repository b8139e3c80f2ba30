import type { Description } from '../../proxy/contracts.js'
import type { ErrorFields } from '../../rewrite/outcome.js'
import type { ReadText } from '../../rewrite/read-text.js'
import type { ByteString } from '../../sql/byte-string.js'
import { isScanError, scan } from '../../sql/scan.js'
import { type Words, wordsOf } from '../../sql/words.js'

/** Under whose name, and with which search_path, a statement is checked. */
export interface StatementContext {
  /** Undefined: the session's own. */
  readonly role: string | undefined
  /** The setting; undefined: the role's default. */
  readonly searchPath: string | undefined
}

/** What was known of a statement before a migration. */
export interface CheckedStatement extends StatementContext {
  readonly text: ByteString
  /** The name of the version that its clients speak. */
  readonly version: string
  /** As Parse declares them, by the client's oids. */
  readonly parameterOids: readonly number[]
  /** False: made here, for a relation of which no statement is known. */
  readonly recorded: boolean
  /** All that its text, as the server gets it, could name. */
  readonly words: Words
  /** All that the client's own text could name. */
  readonly ownWords: Words
  readonly before: Before
  /** Its text as the server gets it, and where that is looked up; absent where it is not described. */
  readonly newest?: { readonly text: ByteString; readonly path: readonly string[] }
  /** Read ahead of the migration. */
  readonly read?: ReadText | undefined
}

/** What became of it before the migration. */
export type Before =
  /** `fields` by the client's oids. `plans`: the planner took it, too. */
  | { readonly kind: 'described'; readonly description: Described; readonly plans: boolean }
  /** Of what the server does not describe. */
  | { readonly kind: 'rewritten' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'failed'; readonly error: ErrorFields }

export type Described = Omit<Extract<Description, { ok: true }>, 'ok'>

/** All that a text could name. */
export function wordsOfText(text: ByteString): Words {
  const tokens = scan(text)
  return isScanError(tokens) ? undefined : wordsOf(text, tokens, [0, tokens.length])
}

const SHOWN = 160

/** `0001-people: SELECT name FROM users`, for messages. */
export function labelOf({ version, text }: Pick<CheckedStatement, 'version' | 'text'>): string {
  const shown = Buffer.from(text, 'latin1').toString('utf8').replace(/\s+/g, ' ')
  return `${version}: ${shown.length > SHOWN ? `${shown.slice(0, SHOWN)}...` : shown}`
}

/** One line for an error of the server. */
export function errorText(error: ErrorFields): string {
  const hint = error.get('H')
  return `${error.get('C')} ${error.get('M')}${hint === undefined ? '' : ` (${hint})`}`
}
