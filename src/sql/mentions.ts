import type { ByteString } from './byte-string.js'
import { identifierName } from './identifier.js'
import { scan } from './scan.js'
import { splitName } from './split-name.js'

/** Whether any token of the text, read as a name, is one of these; true where that cannot be told. (Slow stand-in.) */
export function mentions(text: ByteString, names: ReadonlySet<string>): boolean {
  const tokens = scan(text)
  if (!('length' in tokens)) return true
  for (const token of tokens) {
    if (token.kind === 'unicode-quoted') return true
    if (token.kind === 'identifier' || token.kind === 'keyword' || token.kind === 'quoted') {
      if (token.end - token.start > 63) return true
      if (names.has(identifierName(text, token))) return true
    }
    if (token.kind === 'string' && splitName(text.slice(token.start, token.end)).some((n) => names.has(n))) return true
  }
  return false
}
