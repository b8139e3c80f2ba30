import pg from 'pg'
import type { Expression } from '../rewrite/mapping.js'
import type { Parser } from '../sql/parse.js'
import { PINNED_COLUMN, pinExpression } from './pin-expression.js'
import type { Scratch } from './scratch.js'

/** An expression as the server understands it, or what is wrong with it, as a sentence. */
export type BoundExpression =
  | {
      readonly ok: true
      readonly expression: Expression
      readonly type: ExpressionType
      /** Functions that may give another answer each time. */
      readonly volatile: readonly string[]
    }
  | { readonly ok: false; readonly message: string }

export interface ExpressionType {
  readonly oid: number
  /** As format_type prints it. */
  readonly name: string
}

/** What an expression may refer to: `FROM` this, SQL text; empty for nothing. */
export interface BindScope {
  readonly from: string
  /** Where the expression is a literal without a type, it is taken as this one; SQL text. */
  readonly literalType: string
}

/**
 * Lets the server read an expression, as the only column of a temporary view: names are found as the connection's
 * search_path has it, once and for all, and what is printed names their schemas.
 */
export async function bindExpression(
  scratch: Scratch,
  sql: string,
  { from, literalType }: BindScope,
  parser: Parser,
): Promise<BoundExpression> {
  const { query } = scratch
  const text = isLiteral(sql, parser) ? `(${sql})::${literalType}` : sql
  const attempted = await scratch.attempt(async () => {
    await query(
      `CREATE TEMPORARY VIEW hotswap_view AS SELECT (${text}) AS ${PINNED_COLUMN}${from === '' ? '' : ` FROM ${from}`}`,
    )
    const rows = await query(describeView)
    return rows[0] ?? []
  })
  if (!attempted.ok) {
    const { message, hint } = attempted.error
    return { ok: false, message: hint === undefined ? message : `${message} (${hint})` }
  }
  const [definition = '', typeOid, typeName, tree, volatile] = attempted.value
  const refused = REFUSED.find(([flag]) => tree?.includes(`${flag} true`))
  if (refused !== undefined) return { ok: false, message: `the expression may not hold ${refused[1]}` }
  return {
    ok: true,
    expression: pinExpression(definition ?? '', parser),
    type: { oid: Number(typeOid), name: typeName ?? '' },
    volatile: JSON.parse(volatile ?? '[]') as string[],
  }
}

const REFUSED = [
  [':hasAggs', 'an aggregate'],
  [':hasWindowFuncs', 'a window function'],
  [':hasTargetSRFs', 'a function that returns a set'],
  [':hasSubLinks', 'a subquery'],
] as const

// One statement: set_config runs before the rest, because its result is what the view is looked up by.
const describeView = `
WITH path AS MATERIALIZED (SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true) AS set),
view AS MATERIALIZED (
  SELECT c.oid, r.ev_action::text AS tree
  FROM path
  JOIN pg_catalog.pg_class c ON c.relname = 'hotswap_view' AND path.set IS NOT NULL
    AND c.relnamespace = pg_catalog.pg_my_temp_schema()
  JOIN pg_catalog.pg_rewrite r ON r.ev_class = c.oid
)
SELECT pg_catalog.pg_get_viewdef(view.oid), a.atttypid, pg_catalog.format_type(a.atttypid, NULL), view.tree,
  (SELECT pg_catalog.json_agg(DISTINCT p.proname)
   FROM pg_catalog.regexp_matches(view.tree, ':(?:funcid|opfuncid|aggfnoid|winfnoid) ([0-9]+)', 'g') AS used (oid)
   JOIN pg_catalog.pg_proc p ON p.oid = used.oid[1]::pg_catalog.oid
   WHERE p.provolatile = 'v')
FROM view JOIN pg_catalog.pg_attribute a ON a.attrelid = view.oid AND a.attnum = 1
`

/** 'text', NULL: what takes the type of its surroundings. */
function isLiteral(sql: string, parser: Parser): boolean {
  const parsed = parser.parse(`SELECT (${sql})`)
  if (parsed.kind === 'error') return false
  const node = parsed.statements[0]?.node
  if (node === undefined || !('SelectStmt' in node)) return false
  const target = node.SelectStmt.targetList?.[0]
  const value = target !== undefined && 'ResTarget' in target ? target.ResTarget.val : undefined
  return (
    value !== undefined && 'A_Const' in value && (value.A_Const.isnull === true || value.A_Const.sval !== undefined)
  )
}

/** `first text COLLATE ...`: how a temporary table stands for a relation, or for `value`. */
export function columnDefinition(name: string, type: string, collation: string | undefined): string {
  return `${pg.escapeIdentifier(name)} ${type}${collation === undefined ? '' : ` COLLATE ${collation}`}`
}
