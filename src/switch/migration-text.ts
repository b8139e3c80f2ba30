import type { Node } from 'libpg-query'
import type { ClientError } from '../proxy/contracts.js'
import type { Parser } from '../sql/parse.js'

/** What a migrator's Query holds. */
export interface MigrationText {
  /** The file's SQL, unchanged, so that positions in errors are the file's own. */
  readonly sql: string
  /** The rule file that came with it (`migrate FILE.sql --rules RULE.yaml`). */
  readonly rules: { readonly file: string; readonly text: string } | undefined
}

// The rules travel behind the SQL, in a comment that any server would ignore.
const trailer = /\n\/\* hotswap\.rules ([A-Za-z0-9+/=]+) \*\/$/

/** The text of the Query by which `migrate` sends a file and its rules. */
export function encodeMigration({ sql, rules }: MigrationText): string {
  if (rules === undefined) return sql
  return `${sql}\n/* hotswap.rules ${Buffer.from(JSON.stringify(rules)).toString('base64')} */`
}

/** Takes the Query apart again. */
export function decodeMigration(text: string): MigrationText {
  const match = trailer.exec(text)
  if (match === null) return { sql: text, rules: undefined }
  const rules: unknown = JSON.parse(Buffer.from(match[1] ?? '', 'base64').toString('utf8'))
  const { file, text: yaml } = rules as { file: unknown; text: unknown }
  return { sql: text.slice(0, match.index), rules: { file: String(file), text: String(yaml) } }
}

/** Why a file cannot run in the one transaction of a switch; undefined where it can. */
export function refuseMigration(sql: string, parser: Parser): (ClientError & { position?: number }) | undefined {
  const parsed = parser.parse(sql)
  if (parsed.kind === 'error') {
    const position = parsed.position === undefined ? {} : { position: parsed.position }
    return { sqlstate: '42601', message: parsed.message, ...position }
  }
  if (parsed.statements.length === 0) return { sqlstate: '42601', message: 'the migration holds no statement' }
  for (const { node, start } of parsed.statements) {
    const refusal = refuseStatement(node)
    if (refusal !== undefined) return { ...refusal, position: characterPosition(sql, start) }
  }
  return undefined
}

function refuseStatement(node: Node): ClientError | undefined {
  if ('TransactionStmt' in node) {
    const kind = node.TransactionStmt.kind ?? ''
    if (/SAVEPOINT|RELEASE|ROLLBACK_TO/.test(kind)) return undefined
    return {
      sqlstate: '25001',
      message: 'a migration may not begin or end a transaction',
      hint: 'Take BEGIN, COMMIT and ROLLBACK out of the file: the whole file runs in one transaction.',
    }
  }
  if ('CopyStmt' in node && node.CopyStmt.is_from === true && node.CopyStmt.filename === undefined) {
    return {
      sqlstate: '0A000',
      message: 'COPY FROM STDIN cannot run in a migration',
      hint: 'Load the data by INSERT, or with psql before or after the migration.',
    }
  }
  const command = commandOutsideTransactions(node)
  if (command === undefined) return undefined
  return {
    sqlstate: '25001',
    message: `${command} cannot run in a migration, which is one transaction`,
    hint: 'It changes nothing that old statements name: run it on its own, before or after, with psql.',
  }
}

/** The command's name where PostgreSQL refuses it inside a transaction block (PreventInTransactionBlock). */
export function commandOutsideTransactions(node: Node): string | undefined {
  if ('IndexStmt' in node && node.IndexStmt.concurrent === true) return 'CREATE INDEX CONCURRENTLY'
  if ('DropStmt' in node && node.DropStmt.concurrent === true) return 'DROP INDEX CONCURRENTLY'
  if ('ReindexStmt' in node && JSON.stringify(node.ReindexStmt.params ?? []).includes('"concurrently"')) {
    return 'REINDEX CONCURRENTLY'
  }
  if ('VacuumStmt' in node && node.VacuumStmt.is_vacuumcmd === true) return 'VACUUM'
  if ('AlterTableStmt' in node && JSON.stringify(node.AlterTableStmt.cmds ?? []).includes('"concurrent":true')) {
    return 'DETACH PARTITION CONCURRENTLY'
  }
  if ('AlterSystemStmt' in node) return 'ALTER SYSTEM'
  if ('CreatedbStmt' in node) return 'CREATE DATABASE'
  if ('DropdbStmt' in node) return 'DROP DATABASE'
  if ('CreateTableSpaceStmt' in node) return 'CREATE TABLESPACE'
  if ('DropTableSpaceStmt' in node) return 'DROP TABLESPACE'
  if ('CreateSubscriptionStmt' in node) return 'CREATE SUBSCRIPTION'
  return 'DropSubscriptionStmt' in node ? 'DROP SUBSCRIPTION' : undefined
}

/** A byte offset as a 1-based position in characters. */
function characterPosition(text: string, offset: number): number {
  return [...Buffer.from(text, 'utf8').subarray(0, offset).toString('utf8')].length + 1
}
