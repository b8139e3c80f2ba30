import type { Catalog } from '../catalog/catalog.js'
import type { Reference } from '../resolve/reference.js'
import { resolveStatement } from '../resolve/statement.js'
import { type ByteString, fromByteString, isAscii } from '../sql/byte-string.js'
import type { ParsedStatement, Parser } from '../sql/parse.js'
import { scan } from '../sql/scan.js'
import type { Token } from '../sql/token.js'
import type { RewriteRequest } from './outcome.js'
import type { PlannedRefusal } from './plan-context.js'
import { offsetOfPosition } from './splice.js'

/** A text as a step reads it: all that does not hang on what the step changes. */
export interface ReadText {
  readonly kind: 'read'
  readonly text: ByteString
  readonly catalog: Catalog
  readonly request: RewriteRequest
  readonly tokens: readonly Token[]
  readonly statements: readonly ReadStatement[]
}

export interface ReadStatement extends ParsedStatement {
  /** All that it names, looked up in `catalog`. */
  readonly references: readonly Reference[]
}

/** Why a text has no statements to speak of. `unreadable`: not even whether it has. */
export type Unread = { readonly kind: 'unreadable' } | { readonly kind: 'failed'; readonly refusal: PlannedRefusal }

/** Parses a text and looks up its names; `request` says how, its own text apart. */
export function readText(
  parser: Parser,
  catalog: Catalog,
  text: ByteString,
  request: RewriteRequest,
): ReadText | Unread {
  const { standardConformingStrings } = request
  // The parser takes a backslash in '...' as itself, as standard_conforming_strings has it.
  const escapes = !standardConformingStrings && text.includes('\\')
  const readable = (request.clientEncoding === 'UTF8' || isAscii(text)) && !escapes
  const decoded = readable ? fromByteString(text) : undefined
  if (decoded === undefined) return { kind: 'unreadable' }
  const parsed = parser.parse(decoded)
  if (parsed.kind === 'error') {
    const { message, position } = parsed
    if (position === undefined) return { kind: 'failed', refusal: { sqlstate: '54001', message } }
    return { kind: 'failed', refusal: { sqlstate: '42601', message, at: offsetOfPosition(text, position) } }
  }
  const tokens = scan(text, { standardConformingStrings })
  if (!Array.isArray(tokens)) return { kind: 'failed', refusal: UNREADABLE }
  const namespace = { catalog, ...request }
  const statements = parsed.statements.map((statement) => {
    return { ...statement, references: resolveStatement(statement.node, namespace) }
  })
  return { kind: 'read', text, catalog, request, tokens, statements }
}

export const UNREADABLE: PlannedRefusal = {
  sqlstate: '0A000',
  message: 'the text of this statement cannot be read, and it names something that a migration changed',
  hint: 'Set client_encoding to UTF8, and keep standard_conforming_strings on.',
}
