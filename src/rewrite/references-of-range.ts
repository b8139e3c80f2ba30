import type { RangeVariable } from '../resolve/range-variable.js'
import type { Reference } from '../resolve/reference.js'
import { rangesOfStar } from './star-list.js'

/**
 * Sorts references by the range variable that they use, so that a UNION of thousands of arms takes linear time. Returned
 * are those that may use a range variable: its own, and those that tell of no single one.
 */
export function referencesByRange(references: readonly Reference[]): (range: RangeVariable) => readonly Reference[] {
  const own = new Map<RangeVariable, Reference[]>()
  const others: Reference[] = []
  const add = (range: RangeVariable, reference: Reference): void => {
    const known = own.get(range)
    if (known === undefined) own.set(range, [reference])
    else known.push(reference)
  }
  for (const reference of references) {
    switch (reference.kind) {
      case 'column':
      case 'system-column':
        add(reference.range, reference)
        break
      case 'whole-row':
        // The row of a join alias uses what is inside of it.
        if (reference.range.joined === undefined) add(reference.range, reference)
        else others.push(reference)
        break
      case 'star':
        for (const range of rangesOfStar(reference)) add(range, reference)
        break
      // What they are about has a reference of its own.
      case 'range':
      case 'function-range':
      case 'comparison':
      case 'sort':
      case 'grouping':
      case 'output-name':
        break
      default:
        others.push(reference)
    }
  }
  return (range) => {
    const used = own.get(range) ?? []
    return others.length === 0 ? used : [...others, ...used]
  }
}
