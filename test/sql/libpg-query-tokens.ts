import { type ScanToken, scanSync } from 'libpg-query'
import type { Token, TokenKind } from '../../src/sql/token.js'

/** What libpg-query's scanner says of a text. */
export type ReferenceScan =
  | { readonly kind: 'tokens'; readonly tokens: readonly Token[] }
  | { readonly kind: 'error' }
  /** It has no opinion that ours could be held to; `why` is the documented difference. */
  | { readonly kind: 'none'; readonly why: 'control character' | 'encoding of an escape' }

/** libpg-query's tokens in our classes, without comments. `loadModule` must have been awaited. */
export function referenceScan(text: string): ReferenceScan {
  try {
    const tokens = scanSync(text).tokens.filter(({ tokenType }) => tokenType !== SQL_COMMENT && tokenType !== C_COMMENT)
    return {
      kind: 'tokens',
      tokens: tokens.map((token) => ({ kind: kindOf(token), start: token.start, end: token.end })),
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    // libpg-query's wrapper parses its result as JSON, into which the scanner writes control characters as they are, and
    // an error as plain text, of which JSON.parse quotes the first ten characters.
    if (error.message.includes('control character')) return { kind: 'none', why: 'control character' }
    // The server checks what \xNN and \NNN make against the database's encoding, which our scanner does not know.
    if (error.message.includes('"invalid by')) return { kind: 'none', why: 'encoding of an escape' }
    return { kind: 'error' }
  }
}

// Token numbers of gram.y in PostgreSQL 18, as libpg-query numbers them.
const IDENT = 258
const SQL_COMMENT = 275
const C_COMMENT = 276
const KIND_OF_NUMBER: Readonly<Record<number, TokenKind>> = {
  259: 'unicode-quoted',
  260: 'number',
  261: 'string',
  262: 'string',
  263: 'bit-string',
  264: 'bit-string',
  265: 'operator',
  266: 'number',
  267: 'param',
  268: 'punctuation', // ::
  269: 'punctuation', // ..
  270: 'operator', // :=
  271: 'operator', // =>
  272: 'operator', // <=
  273: 'operator', // >=
  274: 'operator', // <> !=
}

function kindOf(token: ScanToken): TokenKind {
  if (token.tokenType === IDENT) return token.text.startsWith('"') ? 'quoted' : 'identifier'
  if (token.tokenType < IDENT)
    return '+-*/%^<>='.includes(String.fromCharCode(token.tokenType)) ? 'operator' : 'punctuation'
  if (token.tokenType > C_COMMENT) return 'keyword'
  const kind = KIND_OF_NUMBER[token.tokenType]
  if (kind === undefined) throw new Error(`token type ${token.tokenType} (${token.text}) is not known`)
  return kind
}
