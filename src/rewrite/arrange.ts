import type { ByteString } from '../sql/byte-string.js'
import type { Edit, MovedText } from './outcome.js'
import type { PlanContext } from './plan-context.js'
import { byPlace, splice } from './splice.js'

/** Byte offsets into the old text, `end` exclusive. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** New text, or a stretch of the old text with the edits that were made in it. */
export type Part = ByteString | Span

/**
 * Makes the parts stand in place of a stretch of the old text. Old stretches in the order of the text stay where they
 * are, so that positions in them are still known; those that are moved or repeated are written out. Edits outside of the
 * parts are dropped.
 *
 *     a, b, c  =>  c, f(a)        parts: c, ', f(', a, ')'
 */
export function arrange(context: PlanContext, span: Span, parts: readonly Part[]): void {
  const inner = takeEdits(context, span)
  // Stretches may touch: what was inserted between them belongs to the first.
  const placed = new Set<Edit>()
  let written = ''
  let moved: MovedText[] = []
  let at = span.start
  const flush = (to: number) => {
    if (written !== '' || to > at) context.edits.push(edge(span, { start: at, end: to, text: written, moved }))
    written = ''
    moved = []
  }
  for (const part of parts) {
    if (typeof part === 'string') written += part
    else if (part.start < at) {
      const text = render(context, part, inner)
      // Where nothing was edited in it, an error in it has a position.
      if (text.length === part.end - part.start)
        moved.push({ at: written.length, length: text.length, start: part.start })
      written += text
    } else {
      flush(part.start)
      for (const edit of editsWithin(inner, part)) {
        if (!placed.has(edit)) context.edits.push(edit)
        placed.add(edit)
      }
      at = part.end
    }
  }
  flush(span.end)
}

/** An insertion at an end of the span stands outside of what was inserted there before. */
function edge(span: Span, edit: Edit): Edit {
  if (edit.start !== edit.end) return edit
  return { ...edit, encloses: edit.start === span.start ? 'before' : 'after' }
}

function render(context: PlanContext, span: Span, inner: readonly Edit[]): ByteString {
  const text = context.source.text.slice(span.start, span.end)
  const edits = editsWithin(inner, span)
  if (edits.length === 0) return text
  const moved = edits.map((edit) => ({ ...edit, start: edit.start - span.start, end: edit.end - span.start }))
  return splice(text, moved).text
}

/** Removes the edits inside of a stretch from the plan and returns them in the order of the text. */
function takeEdits({ edits }: PlanContext, span: Span): readonly Edit[] {
  const taken: Edit[] = []
  let kept = 0
  for (const edit of edits) {
    if (edit.start >= span.start && edit.end <= span.end) taken.push(edit)
    else edits[kept++] = edit
  }
  edits.length = kept
  return taken.sort(byPlace)
}

/** Those of sorted edits that lie in a stretch. */
function editsWithin(sorted: readonly Edit[], { start, end }: Span): readonly Edit[] {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle]?.start ?? 0) < start) low = middle + 1
    else high = middle
  }
  let last = low
  while (last < sorted.length && (sorted[last]?.start ?? 0) <= end) last++
  return sorted.slice(low, last).filter((edit) => edit.end <= end)
}
