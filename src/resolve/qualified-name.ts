import { folded } from '../sql/identifier.js'

/**
 * Splits a possibly qualified name inside a string as regclassin does: parts fold to lower case unless quoted.
 * Undefined where it is no such name.
 */
export function splitQualifiedName(text: string): readonly string[] | undefined {
  const names: string[] = []
  const part = /\s*(?:"((?:[^"]|"")+)"|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*))\s*(\.|$)/y
  while (part.lastIndex < text.length) {
    const match = part.exec(text)
    if (match === null) return undefined
    names.push(match[1] !== undefined ? match[1].replaceAll('""', '"') : folded(match[2] ?? ''))
    if (match[3] === '') return names
  }
  return undefined
}
