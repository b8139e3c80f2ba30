import type { ByteString } from './byte-string.js'
import { isKeywordAt } from './keywords.js'
import { lexemeEnd, lexemeKind } from './lexeme.js'
import { failureMessage } from './lexeme-failure.js'
import { operatorEnd } from './operator-lexeme.js'
import type { Token } from './token.js'
import { skipIgnored } from './white-space.js'

/** Session settings that change where tokens end. */
export interface ScanOptions {
  /** Default true; where false, a backslash escapes in '...' too. */
  readonly standardConformingStrings?: boolean
}

/** Why a text has no tokens. */
export interface ScanError {
  /** Byte offset at which the token that cannot be ended starts. */
  readonly position: number
  readonly message: string
}

/**
 * The tokens of an SQL text, by the rules of PostgreSQL's scan.l, without comments and white space:
 * `a.b -- c` is identifier, punctuation, identifier. A NUL, which no SQL text on the wire has, is a ScanError.
 */
export function scan(text: ByteString, options: ScanOptions = {}): readonly Token[] | ScanError {
  const conforming = options.standardConformingStrings ?? true
  const tokens: Token[] = []
  let start = skipIgnored(text, 0)
  let from = 0
  while (start >= 0 && start < text.length) {
    const kind = lexemeKind(text, start)
    const end = lexemeEnd(text, start, kind, conforming)
    if (end < 0) return { position: start, message: failureMessage(end) }
    if (kind === 'identifier') {
      tokens.push({ kind: isKeywordAt(text, start, end) ? 'keyword' : kind, start, end })
    } else if (kind === 'operator') {
      const first = operatorEnd(text, start, end)
      if (first < 0) return { position: start, message: failureMessage(first) }
      tokens.push({ kind, start, end: first })
      for (let sign = first; sign < end; sign++) tokens.push({ kind, start: sign, end: sign + 1 })
    } else if (text.charCodeAt(start) === 0) {
      return { position: start, message: 'NUL outside quotes' }
    } else {
      tokens.push({ kind, start, end })
    }
    from = end
    start = skipIgnored(text, end)
  }
  return start < 0 ? { position: from, message: failureMessage(start) } : tokens
}

export function isScanError(scanned: readonly Token[] | ScanError): scanned is ScanError {
  return !Array.isArray(scanned)
}
