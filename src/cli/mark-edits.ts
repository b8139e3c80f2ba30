import type { Edit } from '../rewrite/outcome.js'

/**
 * The new text with every edit between two marks; the offsets of edits are bytes of the old text in UTF-8.
 *
 *     SELECT name FROM users  =>  SELECT «label AS name» FROM «people AS users»
 */
export function markEdits(text: string, edits: readonly Edit[], [open, close]: readonly [string, string]): string {
  const bytes = Buffer.from(text, 'utf8')
  const slice = (start: number, end?: number) => bytes.subarray(start, end).toString('utf8')
  let result = ''
  let from = 0
  for (const { start, end, text: replacement } of [...edits].sort((a, b) => a.start - b.start || a.end - b.end)) {
    result += `${slice(from, start)}${open}${Buffer.from(replacement, 'latin1').toString('utf8')}${close}`
    from = end
  }
  return result + slice(from)
}
