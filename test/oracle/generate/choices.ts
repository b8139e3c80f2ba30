/**
 * Decisions read off a list of numbers, so that fast-check can shrink a statement by shrinking the list: 0, and what
 * follows the list's end, is always the simplest decision.
 */
export interface Choices {
  /** A number from 0 to `limit` - 1. */
  below(limit: number): number
  /** The first item is the simplest. */
  pick<T>(items: readonly [T, ...T[]]): T
  /** As `pick`, of a list that may be empty. */
  pickAny<T>(items: readonly T[]): T | undefined
  /** False is the simplest. */
  chance(percent: number): boolean
  /** From `least` to `most` items, each made by `make`. */
  list<T>(least: number, most: number, make: (index: number) => T): T[]
  /** A part of the items, in their order; each stays with the given chance. */
  some<T>(items: readonly T[], percent: number): T[]
}

export function choicesOf(numbers: readonly number[]): Choices {
  let at = 0
  const next = () => numbers[at++] ?? 0
  const choices: Choices = {
    below: (limit) => next() % limit,
    pick: (items) => items[choices.below(items.length)] ?? items[0],
    pickAny: (items) => (items.length === 0 ? undefined : items[choices.below(items.length)]),
    chance: (percent) => next() % 100 >= 100 - percent,
    list: (least, most, make) => Array.from({ length: least + choices.below(most - least + 1) }, (_, i) => make(i)),
    some: (items, percent) => items.filter(() => choices.chance(percent)),
  }
  return choices
}
