/**
 * A string literal in ASCII: the same in a session of any client_encoding and standard_conforming_strings, as a migrator's
 * may be.
 *
 *     é'\  =>  E'\u00e9''\\'
 */
export function asciiLiteral(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "''")
    .replace(/[\u007f-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return `E'${escaped}'`
}
