import { type Generation, headIndex } from '../../src/rewrite/generation.js'
import type { Outcome, RewriteRequest, Rewriter } from '../../src/rewrite/outcome.js'
import { createRewriter } from '../../src/rewrite/rewriter.js'
import type { Parser } from '../../src/sql/parse.js'

/**
 * Asks of each statement whether a switch would have found the same text, which reads it before the last step is known and
 * carries it over that step alone. Gives what is wrong with that.
 */
export function createReadAhead(
  generation: Generation,
  rewriter: Rewriter,
  parser: Parser,
): (request: RewriteRequest, outcome: Outcome) => string | undefined {
  const { versions, steps } = generation
  const before = { ...generation, versions: versions.slice(0, -1), steps: steps.slice(0, -1) }
  if (headIndex(before) < 0) return () => undefined
  const earlier = createRewriter(before, { parser })
  return (request, outcome) => {
    const known = earlier.rewrite(request)
    if (known.kind === 'refused') return undefined
    const text = known.kind === 'unchanged' ? request.text : known.text
    const read = earlier.readNewest?.({ ...request, text })
    const ahead = read === undefined ? undefined : rewriter.rewriteRead?.(read)
    if (ahead === undefined) return undefined
    const whole = outcome.kind === 'unchanged' ? request.text : outcome.text
    return outcome.kind !== 'refused' && ahead === whole ? undefined : `read ahead, it becomes ${ahead}\n  not ${whole}`
  }
}
