import type { Column } from '../catalog/catalog.js'
import type { Problem } from '../config/problem.js'
import type { Placed } from '../config/rule-file.js'
import type { Expression } from '../rewrite/mapping.js'
import type { Parser } from '../sql/parse.js'
import { bindExpression } from './bind-expression.js'
import type { Scratch } from './scratch.js'

/** What an expression's columns are. */
export interface RowScope {
  /** SQL text after FROM; empty for nothing. */
  readonly from: string
  readonly columns: readonly string[]
}

/** The old value, in a temporary table of one column. */
export const VALUE: RowScope = { from: 'pg_temp.hotswap_value', columns: ['value'] }

/** No column at all: an expression that may be another value each time. */
export const NOTHING: RowScope = { from: '', columns: [] }

interface BindContext {
  readonly scratch: Scratch
  readonly parser: Parser
  readonly problems: Problem[]
}

/** An expression that must give a column's type; what is wrong with it is added to the problems. */
export async function bindAs(
  { scratch, parser, problems }: BindContext,
  expression: Placed<string>,
  scope: RowScope,
  target: Pick<Column, 'type' | 'typeOid'>,
): Promise<Expression | undefined> {
  const refuse = (message: string) => {
    problems.push({ place: expression.place, message })
    return undefined
  }
  const { from } = scope
  const bound = await bindExpression(scratch, expression.value, { from, literalType: target.type }, parser)
  if (!bound.ok) return refuse(bound.message)
  if (!isOfType(bound.type.oid, target.typeOid)) {
    return refuse(
      `expected an expression of type ${target.type}, got ${bound.type.name}; cast it: (${expression.value})::${target.type}`,
    )
  }
  if (bound.volatile.length > 0 && scope !== NOTHING) {
    return refuse(
      `expected an expression that is not volatile: ${bound.volatile.join(', ')}() may give another answer each time; where it does not, declare it STABLE or IMMUTABLE`,
    )
  }
  const unknown = bound.expression.find((part) => typeof part !== 'string' && !scope.columns.includes(part.column))
  if (unknown === undefined || typeof unknown === 'string') return bound.expression
  return refuse(
    unknown.column === '*'
      ? 'the expression may not refer to whole rows'
      : `the expression may not refer to the system column "${unknown.column}"`,
  )
}

const TEXT = 25
const VARCHAR = 1043

/** Equal, or text where varchar is wanted and the reverse, which are the same values. */
function isOfType(given: number, wanted: number): boolean {
  const texts = [TEXT, VARCHAR]
  return given === wanted || (texts.includes(given) && texts.includes(wanted))
}
