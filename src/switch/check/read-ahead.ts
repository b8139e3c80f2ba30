import { setImmediate as others } from 'node:timers/promises'
import type { RewriteRequest, Rewriter } from '../../rewrite/outcome.js'
import type { CheckedStatement } from './checked-statement.js'

/** How a recorded statement is asked about: as a client of a version would send it. */
export function requestOf(
  { text, parameterOids }: Pick<CheckedStatement, 'text' | 'parameterOids'>,
  version: number,
  path: readonly string[],
): RewriteRequest {
  return {
    text,
    version,
    path,
    temporary: [],
    standardConformingStrings: true,
    clientEncoding: 'UTF8',
    declaredTypes: parameterOids.length === 0 ? undefined : parameterOids.join(),
  }
}

/** What is read takes some tens of kilobytes a statement until the migration has ended. */
const MOST = 500

/** Statements that are read before traffic has to go on. */
const AT_ONCE = 5

/** Parses statements and looks up their names before traffic is held: what is left for the hold is the migration's own step. */
export async function readAhead(
  statements: readonly CheckedStatement[],
  rewriter: Rewriter,
): Promise<readonly CheckedStatement[]> {
  const read: CheckedStatement[] = []
  for (const statement of statements) {
    const { newest } = statement
    if (newest === undefined || read.length >= MOST) {
      read.push(statement)
      continue
    }
    if (read.length % AT_ONCE === 0) await others()
    const request = { ...requestOf(statement, 0, newest.path), text: newest.text }
    read.push({ ...statement, read: rewriter.readNewest?.(request) })
  }
  return read
}
