import { Buffer } from 'node:buffer'
import type { Node, RangeVar } from 'libpg-query'
import type { ToolStatement } from '../proxy/contracts.js'
import { type ByteString, fromByteString } from '../sql/byte-string.js'
import type { Parser } from '../sql/parse.js'
import { recordedName } from './ledger-entry.js'
import { commandOutsideTransactions } from './migration-text.js'

/** Tables in which the usual tools keep what they have run. */
export const KNOWN_LEDGERS: readonly string[] = [
  'schema_migrations',
  '_prisma_migrations',
  'alembic_version',
  'django_migrations',
  'flyway_schema_history',
  'knex_migrations',
  'knex_migrations_lock',
  'pgmigrations',
  'goose_db_version',
  '__drizzle_migrations',
]

/** Ledgers whose tool writes down a migration before it runs, in a transaction of its own. */
const RECORDED_AHEAD: ReadonlySet<string> = new Set(['_prisma_migrations'])

export interface ToolStatementContext {
  readonly parser: Parser
  readonly ledgers: readonly string[]
  /** True for the name of a function that the database's users made: what it does is not to be seen. */
  isUserFunction(name: string): boolean
}

/** The statements of a migration tool's text; undefined where it does not parse. */
export function readToolStatements(text: ByteString, context: ToolStatementContext): ToolStatement[] | undefined {
  // Bytes that are no UTF-8 are parsed as the characters of the same numbers: only names and literals hold such.
  const source = fromByteString(text) ?? text
  const parsed = context.parser.parse(source)
  if (parsed.kind === 'error') return undefined
  const bytes = Buffer.from(source, 'utf8')
  const plain = bytes.length === text.length
  const made = new Set<string>()
  const isUserFunction = (name: string) => made.has(name) || context.isUserFunction(name)
  return parsed.statements.map(({ node, start, end }) => {
    const slice = bytes.subarray(start, end).toString('utf8')
    const makes = functionMade(node)
    if (makes !== undefined) made.add(makes)
    return {
      ...classify(node, { ...context, isUserFunction }),
      ...(makes === undefined ? {} : { makes }),
      text: plain ? text.slice(start, end) : source === text ? slice : Buffer.from(slice, 'utf8').toString('latin1'),
      offset: [...bytes.subarray(0, start).toString('utf8')].length,
    }
  })
}

type Classified = Pick<ToolStatement, 'kind' | 'alters' | 'records' | 'recordsAhead'>

function classify(node: Node, context: ToolStatementContext): Classified {
  if ('TransactionStmt' in node) return { kind: transactionKind(node.TransactionStmt.kind ?? ''), alters: [] }
  const ledger = ledgerWrite(node, context.ledgers)
  if (ledger !== undefined) return ledger
  if (commandOutsideTransactions(node) !== undefined) return { kind: 'alone', alters: [] }
  const tag = Object.keys(node)[0] ?? ''
  if (CHANGES_SHAPES.has(tag) && !isHarmless(node)) return { kind: 'shape', alters: alteredTables(node) }
  if (mayHideChanges(node, tag, context)) return { kind: 'shape', alters: [] }
  return { kind: 'neutral', alters: [] }
}

function transactionKind(kind: string): ToolStatement['kind'] {
  switch (kind) {
    case 'TRANS_STMT_BEGIN':
    case 'TRANS_STMT_START':
      return 'begin'
    case 'TRANS_STMT_COMMIT':
    case 'TRANS_STMT_COMMIT_PREPARED':
      return 'commit'
    case 'TRANS_STMT_ROLLBACK':
    case 'TRANS_STMT_ROLLBACK_PREPARED':
      return 'rollback'
    case 'TRANS_STMT_PREPARE':
      return 'prepare transaction'
    default:
      return 'neutral'
  }
}

/** Statements after which a relation, a type or a function may be another, or may no longer be used by all. */
const CHANGES_SHAPES: ReadonlySet<string> = new Set([
  'AlterTableStmt',
  'RenameStmt',
  'AlterObjectSchemaStmt',
  'AlterOwnerStmt',
  'DropStmt',
  'DropOwnedStmt',
  'AlterEnumStmt',
  'AlterTypeStmt',
  'AlterDomainStmt',
  'AlterFunctionStmt',
  'AlterSeqStmt',
  'AlterExtensionStmt',
  'CreateStmt',
  'CreateTrigStmt',
  'CreateFunctionStmt',
  'CreatePolicyStmt',
  'AlterPolicyStmt',
  'RuleStmt',
  'ViewStmt',
  'GrantStmt',
  'GrantRoleStmt',
  'AlterDefaultPrivilegesStmt',
  'DoStmt',
  'CallStmt',
])

/** New things that nobody uses yet change nothing for anybody, nor does what only their session sees. */
function isHarmless(node: Node): boolean {
  if ('CreateStmt' in node) {
    const { relation, tableElts, partbound, inhRelations } = node.CreateStmt
    if (relation?.relpersistence === 't') return true
    // A foreign key locks the table that it names, and so does a partition its parent.
    return partbound === undefined && (inhRelations ?? []).length === 0 && !mentions(tableElts, '"CONSTR_FOREIGN"')
  }
  if ('CreateFunctionStmt' in node) return node.CreateFunctionStmt.replace !== true
  if ('ViewStmt' in node) return node.ViewStmt.replace !== true
  if ('CreateTrigStmt' in node) return false
  // A label that is added last is one that no old statement knows.
  if ('AlterEnumStmt' in node) return node.AlterEnumStmt.oldVal === undefined
  if ('GrantStmt' in node) return node.GrantStmt.is_grant === true
  if ('AlterSeqStmt' in node) return !mentions(node.AlterSeqStmt.options, '"as"')
  return false
}

function functionMade(node: Node): string | undefined {
  const name = 'CreateFunctionStmt' in node ? node.CreateFunctionStmt.funcname?.at(-1) : undefined
  return name === undefined ? undefined : stringOf(name)
}

function mentions(value: unknown, text: string): boolean {
  return value !== undefined && JSON.stringify(value).includes(text)
}

function alteredTables(node: Node): string[] {
  if ('AlterTableStmt' in node) return namesOf(node.AlterTableStmt.relation)
  if ('RenameStmt' in node) return namesOf(node.RenameStmt.relation)
  if ('AlterObjectSchemaStmt' in node) return namesOf(node.AlterObjectSchemaStmt.relation)
  if ('DropStmt' in node && /TABLE|VIEW|SEQUENCE|INDEX/.test(node.DropStmt.removeType ?? '')) {
    return (node.DropStmt.objects ?? []).flatMap((object) =>
      'List' in object ? [qualified((object.List.items ?? []).map(stringOf))] : [],
    )
  }
  return []
}

function namesOf(relation: RangeVar | undefined): string[] {
  if (relation?.relname === undefined) return []
  return [qualified(relation.schemaname === undefined ? [relation.relname] : [relation.schemaname, relation.relname])]
}

function qualified(parts: readonly string[]): string {
  return parts.map((part) => `"${part.replaceAll('"', '""')}"`).join('.')
}

function stringOf(node: Node): string {
  return 'String' in node ? (node.String.sval ?? '') : ''
}

/** A statement that writes, locks or makes a ledger; undefined for any other. */
function ledgerWrite(node: Node, ledgers: readonly string[]): Classified | undefined {
  const isLedger = (relation: RangeVar | undefined) => ledgers.includes(relation?.relname ?? '')
  const relation =
    'InsertStmt' in node
      ? node.InsertStmt.relation
      : 'UpdateStmt' in node
        ? node.UpdateStmt.relation
        : 'DeleteStmt' in node
          ? node.DeleteStmt.relation
          : 'CreateStmt' in node
            ? node.CreateStmt.relation
            : undefined
  const locked = 'LockStmt' in node ? (node.LockStmt.relations ?? []) : []
  const isOne = isLedger(relation) || locked.some((one) => 'RangeVar' in one && isLedger(one.RangeVar))
  if (!isOne) return undefined
  const ahead = RECORDED_AHEAD.has(relation?.relname ?? '')
  return { kind: 'ledger', alters: [], ...recordedName(node), ...(ahead ? { recordsAhead: true } : {}) }
}

/** A query that calls a function of the users' own: what it runs is not to be seen in its text. */
function mayHideChanges(node: Node, tag: string, { isUserFunction }: ToolStatementContext): boolean {
  if (!['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'].includes(tag)) return false
  const pending: unknown[] = [node]
  while (pending.length > 0) {
    const value = pending.pop()
    if (typeof value !== 'object' || value === null) continue
    const call = (value as { FuncCall?: { funcname?: Node[] } }).FuncCall
    const name = call?.funcname?.at(-1)
    if (name !== undefined && isUserFunction(stringOf(name))) return true
    pending.push(...Object.values(value))
  }
  return false
}
