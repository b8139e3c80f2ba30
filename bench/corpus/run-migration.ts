import type pg from 'pg'
import type { Parser } from '../../src/sql/parse.js'

/** Codes of what only fails because statements share one transaction. */
const TRANSACTION_ONLY = new Set([
  '25001', // CREATE INDEX CONCURRENTLY
  '55P04', // a new enum label is used
  '0A000', // ALTER TYPE ... ADD VALUE on older servers
])

/** Runs a migration in one transaction; where that cannot be, each of its statements by itself. Rejects with the server's error. */
export async function runMigration(client: pg.Client, parser: Parser, sql: string): Promise<void> {
  try {
    await client.query(sql)
    return
  } catch (error) {
    await client.query('ROLLBACK')
    if (!TRANSACTION_ONLY.has((error as pg.DatabaseError).code ?? '')) throw error
  }
  for (const statement of splitStatements(parser, sql)) await client.query(statement)
}

function splitStatements(parser: Parser, sql: string): readonly string[] {
  const parsed = parser.parse(sql)
  if (parsed.kind === 'error') throw new Error(`a migration cannot be split: ${parsed.message}`)
  const bytes = Buffer.from(sql)
  return parsed.statements.map(({ start, end }) => bytes.toString('utf8', start, end))
}
