import type { Node } from 'libpg-query'
import type { Expression } from '../rewrite/mapping.js'
import { type ByteString, fromByteString, toByteString } from '../sql/byte-string.js'
import type { Parser } from '../sql/parse.js'

/** The name that the only column of the view has. */
export const PINNED_COLUMN = 'hotswap_expression'

/**
 * An expression from the text of a view `SELECT (expression) AS hotswap_expression FROM ...`, as pg_get_viewdef prints it
 * while search_path is pg_catalog alone: what has no schema there is PostgreSQL's own, and is given pg_catalog, since a
 * session's search_path may hold others of that name before it. A whole row is the place `*`. IS DISTINCT FROM, CASE x WHEN and the like take no schema.
 *
 *     (first || ' '::text) || last  =>  {first} OPERATOR(pg_catalog.||) ' '::pg_catalog.text ...
 */
export function pinExpression(definition: string, parser: Parser): Expression {
  const bytes = toByteString(definition)
  // A CASE begins on a line of its own.
  const start = bytes.search(/(?<=^\s*SELECT\s+)\S/)
  const end = bytes.lastIndexOf(` AS ${PINNED_COLUMN}`)
  const parsed = parser.parse(definition)
  if (parsed.kind === 'error' || end < start) throw new Error(`a view that cannot be read: ${definition}`)
  const edits: Edit[] = []
  collectEdits(parsed.statements[0]?.node, bytes, edits)
  const parts: Expression[number][] = []
  let at = start
  for (const edit of edits.filter((edit) => edit.start >= start && edit.end <= end).sort((a, b) => a.start - b.start)) {
    if (edit.start > at) parts.push(bytes.slice(at, edit.start))
    parts.push(edit.part)
    at = edit.end
  }
  if (at < end) parts.push(bytes.slice(at, end))
  return joinTexts(['(', ...parts, ')'])
}

interface Edit {
  readonly start: number
  readonly end: number
  readonly part: Expression[number]
}

function collectEdits(node: unknown, bytes: ByteString, edits: Edit[]): void {
  if (node === null || typeof node !== 'object') return
  for (const [key, value] of Object.entries(node)) {
    if (!Array.isArray(node)) {
      const edit = editOf({ [key]: value } as unknown as Node, bytes)
      if (edit !== undefined) edits.push(edit)
      // A cast holds its type without a tag.
      if (key === 'typeName') edits.push(...typeEdit(value as Extract<Node, { TypeName: unknown }>['TypeName']))
    }
    collectEdits(value, bytes, edits)
  }
}

const IDENTIFIER = /"(?:[^"]|"")*"|[a-z_][a-z0-9_$]*/y

function editOf(node: Node, bytes: ByteString): Edit | undefined {
  if ('ColumnRef' in node) {
    const { fields = [], location: start = 0 } = node.ColumnRef
    let end = start
    let name = ''
    for (const [index, field] of fields.entries()) {
      if (index > 0) end += 1
      if ('A_Star' in field) return { start, end: end + 1, part: { column: '*' } }
      IDENTIFIER.lastIndex = end
      name = IDENTIFIER.exec(bytes)?.[0] ?? ''
      end += name.length
    }
    return { start, end, part: { column: identifierIn(name) } }
  }
  if ('FuncCall' in node) {
    const { funcname = [], location = 0 } = node.FuncCall
    return funcname.length === 1 ? { start: location, end: location, part: 'pg_catalog.' } : undefined
  }
  if ('CollateClause' in node) {
    const { collname = [], location = 0 } = node.CollateClause
    const at = location + 'COLLATE '.length
    return collname.length === 1 ? { start: at, end: at, part: 'pg_catalog.' } : undefined
  }
  if (!('A_Expr' in node)) return undefined
  const { kind = '', name = [], location = 0 } = node.A_Expr
  if (!OPERATOR_KINDS.has(kind) || name.length !== 1) return undefined
  const operator = name[0] !== undefined && 'String' in name[0] ? (name[0].String.sval ?? '') : ''
  if (!bytes.startsWith(operator, location)) return undefined
  return { start: location, end: location + operator.length, part: `OPERATOR(pg_catalog.${operator})` }
}

const OPERATOR_KINDS: ReadonlySet<string> = new Set(['AEXPR_OP', 'AEXPR_OP_ANY', 'AEXPR_OP_ALL'])

function typeEdit({ names = [], location = 0 }: { names?: readonly unknown[]; location?: number }): Edit[] {
  return names.length === 1 ? [{ start: location, end: location, part: 'pg_catalog.' }] : []
}

function identifierIn(token: ByteString): string {
  const name = token.startsWith('"') ? token.slice(1, -1).replaceAll('""', '"') : token
  return fromByteString(name) ?? name
}

function joinTexts(parts: Expression): Expression {
  const joined: Expression[number][] = []
  for (const part of parts) {
    const last = joined.at(-1)
    if (typeof part === 'string' && typeof last === 'string') joined[joined.length - 1] = last + part
    else joined.push(part)
  }
  return joined
}
