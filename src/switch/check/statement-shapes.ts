import type { Node } from 'libpg-query'
import { taggedNode } from '../../resolve/node.js'
import { type ByteString, fromByteString, toByteString } from '../../sql/byte-string.js'
import type { Parser } from '../../sql/parse.js'
import { isScanError, scan } from '../../sql/scan.js'
import { neutralLiteral } from './fold-literals.js'

/** One statement without its values. */
export interface StatementShape {
  readonly text: ByteString
  /** False for what PostgreSQL cannot describe (COPY, TRUNCATE): of that only a refusal can be known beforehand. */
  readonly describable: boolean
}

const DESCRIBABLE = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'])

/** Others that name relations, and that running apps send again and again. */
const OTHERS = new Set([
  'CopyStmt',
  'CreateTableAsStmt',
  'DeclareCursorStmt',
  'ExplainStmt',
  'LockStmt',
  'PrepareStmt',
  'RefreshMatViewStmt',
  'TruncateStmt',
  'VacuumStmt',
])

/**
 * The statements of a text, each with neutral values in place of its literals, so that PostgreSQL describes it alike. What
 * is no value stays: places in ORDER BY and GROUP BY, lengths of types, names in strings, fields of EXTRACT.
 *
 *     BEGIN; SELECT name FROM users WHERE age > 17 ORDER BY 1  =>  SELECT name FROM users WHERE age > 1 ORDER BY 1
 */
export function statementShapes(text: ByteString, parser: Parser): readonly StatementShape[] {
  const decoded = fromByteString(text)
  const parsed = decoded === undefined ? undefined : parser.parse(decoded)
  if (parsed?.kind !== 'parsed') return []
  const tokens = scan(text)
  if (isScanError(tokens)) return []
  return parsed.statements.flatMap(({ node, start, end }): StatementShape[] => {
    const tag = Object.keys(node)[0] ?? ''
    const describable = DESCRIBABLE.has(tag) && !('SelectStmt' in node && node.SelectStmt.intoClause !== undefined)
    if (!describable && !OTHERS.has(tag) && !DESCRIBABLE.has(tag)) return []
    const literals = readLiterals(node)
    let shape = ''
    let at = start
    for (const token of tokens) {
      if (token.start < start || token.end > end) continue
      const neutral = neutralLiteral(text, token)
      if (neutral === undefined || literals.kept.has(token.start)) continue
      const instead = token.kind === 'string' ? (literals.strings.get(token.start) ?? "''") : neutral
      shape += text.slice(at, token.start) + instead
      at = token.end
    }
    shape = (shape + text.slice(at, end)).trim()
    return [{ text: toByteString(fromByteString(shape) ?? shape), describable }]
  })
}

interface Literals {
  /** Offsets of literals that are no values. */
  readonly kept: ReadonlySet<number>
  /** What stands for a string, by its offset; strings that are no expressions are not here. */
  readonly strings: ReadonlyMap<number, string>
}

interface FoundLiterals {
  readonly kept: Set<number>
  readonly strings: Map<number, string>
}

function readLiterals(node: Node): Literals {
  const found: FoundLiterals = { kept: new Set(), strings: new Map() }
  walk(node, found)
  return found
}

// Functions whose arguments in strings are names, and those whose first argument is a word of the grammar.
const NAME_FUNCTIONS =
  /^(?:nextval|currval|setval|to_reg\w+|pg_get_serial_sequence|pg_\w*size|has_\w+_privilege|row_security_active)$/
const WORD_FUNCTIONS = /^(?:extract|normalize|is_normalized)$/
const NAME_TYPES = /^reg(?:class|type|proc|procedure|oper|operator|role|namespace|config|dictionary|collation)$/

function walk(value: unknown, found: FoundLiterals): void {
  if (Array.isArray(value)) {
    for (const one of value) walk(one, found)
    return
  }
  if (typeof value !== 'object' || value === null) return
  const tagged = taggedNode(value)
  if (tagged === undefined) {
    for (const one of Object.values(value)) walk(one, found)
    return
  }
  const { tag, body } = tagged
  if (tag === 'A_Const') {
    const at = (body.location as number | undefined) ?? 0
    if ('sval' in body && !found.strings.has(at)) found.strings.set(at, 'NULL')
    return
  }
  readSpecial(tag, body, found)
  walk(Object.values(body), found)
}

function readSpecial(tag: string, body: Record<string, unknown>, found: FoundLiterals): void {
  switch (tag) {
    case 'TypeCast': {
      const { arg, typeName, location } = body as { arg?: unknown; typeName?: TypeNameBody; location?: number }
      keepAll(typeName?.typmods, found)
      const name = lastName(typeName?.names)
      const at = constantAt(arg)
      if (at === undefined) return
      if (NAME_TYPES.test(name)) found.kept.add(at)
      // date '2020-01-01' takes no NULL.
      else if (location === -1) found.strings.set(at, typedLiteral(name))
      return
    }
    case 'FuncCall': {
      const { funcname, args = [] } = body as { funcname?: unknown[]; args?: unknown[] }
      const name = lastName(funcname)
      if (NAME_FUNCTIONS.test(name)) keepStrings(args, found)
      else if (WORD_FUNCTIONS.test(name)) keepStrings(args.slice(0, 2), found)
      return
    }
    case 'SortBy':
      keepAll([body.node], found)
      return
    case 'SelectStmt':
      keepAll(body.groupClause, found)
      keepAll(body.distinctClause, found)
      return
    case 'JsonTable':
    case 'JsonTableColumn':
      keepStrings([(body.pathspec as { string?: unknown } | undefined)?.string], found)
      return
    case 'ColumnDef':
      keepAll((body.typeName as TypeNameBody | undefined)?.typmods, found)
  }
}

interface TypeNameBody {
  readonly names?: readonly unknown[]
  readonly typmods?: unknown
}

function lastName(names: readonly unknown[] = []): string {
  const last = names.at(-1) as { String?: { sval?: string } } | undefined
  return last?.String?.sval ?? ''
}

function constantAt(node: unknown): number | undefined {
  const constant = (node as { A_Const?: { location?: number } } | undefined)?.A_Const
  return constant === undefined ? undefined : (constant.location ?? 0)
}

function keepAll(nodes: unknown, { kept }: FoundLiterals): void {
  if (!Array.isArray(nodes)) return
  for (const node of nodes) {
    const at = constantAt(node)
    if (at !== undefined) kept.add(at)
  }
}

/** Constants, also under casts: 'users'::text::regclass. */
function keepStrings(nodes: readonly unknown[], found: FoundLiterals): void {
  for (const node of nodes) {
    const cast = (node as { TypeCast?: { arg?: unknown } } | undefined)?.TypeCast
    const at = constantAt(node)
    if (at !== undefined && 'sval' in ((node as { A_Const: object }).A_Const ?? {})) found.kept.add(at)
    if (cast !== undefined) keepStrings([cast.arg], found)
  }
}

const TYPED: Readonly<Record<string, string>> = {
  date: "'2000-01-01'",
  timestamp: "'2000-01-01'",
  timestamptz: "'2000-01-01'",
  time: "'00:00'",
  timetz: "'00:00'",
  interval: "'0'",
  json: "'null'",
  jsonb: "'null'",
  uuid: "'00000000-0000-0000-0000-000000000000'",
  bool: "'t'",
  int2: "'1'",
  int4: "'1'",
  int8: "'1'",
  numeric: "'1'",
  float4: "'1'",
  float8: "'1'",
  inet: "'0.0.0.0'",
  cidr: "'0.0.0.0'",
}

/** What a literal of a type may hold that says nothing; of other types the empty string, which some of them refuse. */
function typedLiteral(type: string): string {
  return TYPED[type] ?? "''"
}
