import type { ByteString } from '../sql/byte-string.js'
import { isScanError, scan } from '../sql/scan.js'

const LONGEST = 200

/** A statement without its literals, for logs and lists: `select * from t where a = 'x'` -> `select * from t where a = ?`. */
export function queryShape(text: ByteString): string {
  const head = text.slice(0, 4 * LONGEST)
  const tokens = scan(head)
  // A literal that does not end, here or because the text was cut: show only what surely is none.
  const end = isScanError(tokens) ? tokens.position : head.length
  const whole = isScanError(tokens) ? scan(head.slice(0, end)) : tokens
  if (isScanError(whole)) return '?'
  let shape = ''
  let at = 0
  for (const token of whole) {
    if (token.kind !== 'string' && token.kind !== 'bit-string' && token.kind !== 'number') continue
    shape += `${head.slice(at, token.start)}?`
    at = token.end
  }
  shape = withoutComments(shape + head.slice(at, end))
  return shape.length > LONGEST ? `${shape.slice(0, LONGEST)}...` : shape
}

/** Comments can hold anything. White space becomes one blank. */
function withoutComments(text: string): string {
  return text
    .replace(/--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
}
