import { serverMajor } from './database.js'

/** The first major version of PostgreSQL that knows what a text holds. */
const FIRST: readonly (readonly [RegExp, number])[] = [
  [/\bMERGE\b/i, 15],
  [/\bNULLS NOT DISTINCT\b/i, 15],
]

/** True where the shared server is too old for the grammar of a text. */
export async function isTooNew(sql: string): Promise<boolean> {
  const needed = FIRST.filter(([words]) => words.test(sql)).map(([, major]) => major)
  return Math.max(0, ...needed) > (await serverMajor())
}
