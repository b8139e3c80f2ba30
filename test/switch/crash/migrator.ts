import type { Socket } from 'node:net'
import pg from 'pg'
import { encodeMigration } from '../../../src/switch/migration-text.js'
import type { BankMigration } from './bank-migrations.js'

/** How a migration comes to the proxy: as `migrate FILE`, or in a transaction of a tool that keeps a ledger. */
export const WAYS = ['migrate', 'tool'] as const

export type Way = (typeof WAYS)[number]

/** A client that runs a migration, and that may die meanwhile. */
export interface Migrator {
  /** Undefined where it went well. */
  readonly outcome: Promise<Error | undefined>
  /** Its outcome is there. */
  readonly over: boolean
  /** As the system does when the process is killed: closes the socket, or resets it where something was unread. */
  cut(how: 'close' | 'reset'): void
}

export function startMigrator(url: string, way: Way, migration: BankMigration): Migrator {
  const { name, statements, rules } = migration
  const option = way === 'migrate' ? `migrate=${name}` : 'run=on'
  const client = new pg.Client({ connectionString: url, options: `-c hotswap.${option}` })
  client.on('error', () => undefined)
  const texts =
    way === 'migrate'
      ? [
          encodeMigration({
            sql: statements.join(';\n'),
            rules: rules === undefined ? undefined : { file: `${name}.yaml`, text: rules },
          }),
        ]
      : ['BEGIN', ...statements, `INSERT INTO schema_migrations VALUES ('${name}')`, 'COMMIT']
  let over = false
  const run = async () => {
    await client.connect()
    for (const text of texts) await client.query(text)
  }
  const outcome = run()
    .then(
      () => undefined,
      (error: Error) => error,
    )
    .finally(() => {
      over = true
      client.end().catch(() => undefined)
    })
  return {
    outcome,
    get over() {
      return over
    },
    cut(how) {
      const { stream } = (client as unknown as { connection: { stream: Socket } }).connection
      if (how === 'close') stream.destroy()
      else stream.resetAndDestroy()
    },
  }
}
