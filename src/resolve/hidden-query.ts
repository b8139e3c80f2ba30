import type { FuncCall, Node } from 'libpg-query'
import type { ResolveContext } from './context.js'
import { lookUpRelation } from './namespace.js'
import { splitQualifiedName } from './qualified-name.js'

/** Functions that run queries in strings: of pg_catalog, and of PostgreSQL's own extension tablefunc. */
export const QUERY_FUNCTIONS: ReadonlySet<string> = new Set([
  ...['query_to_xml', 'query_to_xmlschema', 'query_to_xml_and_xmlschema', 'ts_stat', 'ts_rewrite'],
  ...['crosstab', 'crosstab2', 'crosstab3', 'crosstab4', 'connectby'],
])

/** Functions that show a table by its name and its columns' names. */
export const TABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  ...['table_to_xml', 'table_to_xmlschema', 'table_to_xml_and_xmlschema'],
])

/** Reports the queries and tables that such a function has in its strings. */
export function resolveHiddenQuery(context: ResolveContext, name: string, node: FuncCall): void {
  if (!QUERY_FUNCTIONS.has(name) && !TABLE_FUNCTIONS.has(name)) return
  for (const argument of node.args ?? []) {
    const text = stringIn(argument)
    if (text === undefined) continue
    const names = TABLE_FUNCTIONS.has(name) ? (splitQualifiedName(text) ?? []) : []
    const relation = lookUpRelation(context.namespace, names.at(-2), names.at(-1) ?? '')
    if (relation !== undefined) context.references.push({ kind: 'hidden-query', node, relation })
    else if (names.length === 0) context.references.push({ kind: 'hidden-query', node, sql: text })
  }
}

function stringIn(node: Node): string | undefined {
  if ('TypeCast' in node && node.TypeCast.arg !== undefined) return stringIn(node.TypeCast.arg)
  return 'A_Const' in node ? node.A_Const.sval?.sval : undefined
}
