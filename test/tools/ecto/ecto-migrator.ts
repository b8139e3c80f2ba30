import pg from 'pg'
import type { EctoMigration } from './migrations.js'

/**
 * Runs migrations as Ecto.Migrator does: the ledger is locked in a transaction of one connection, where the versions are
 * read, while each migration runs in a transaction of another one. Postgrex prepares everything, under names or without.
 */
export async function runEctoMigrations(url: string, migrations: readonly EctoMigration[]): Promise<void> {
  const [locker, runner] = [await connect(url), await connect(url)]
  try {
    await ask(
      runner,
      'CREATE TABLE IF NOT EXISTS "schema_migrations" ("version" bigint, "inserted_at" timestamp(0), PRIMARY KEY ("version"))',
    )
    for (const migration of migrations) {
      const locks = migration.outsideTransaction === undefined
      if (locks) {
        await ask(locker, 'begin')
        await ask(locker, 'LOCK TABLE "schema_migrations" IN SHARE UPDATE EXCLUSIVE MODE')
      }
      const done = await ask(locker, 'SELECT s0."version"::bigint FROM "schema_migrations" AS s0')
      if (!done.some(({ version }) => version === String(migration.version))) await runMigration(runner, migration)
      if (locks) await ask(locker, 'commit')
    }
  } finally {
    await Promise.all([locker.end(), runner.end()])
  }
}

async function runMigration(
  runner: pg.Client,
  { version, outsideTransaction, statements }: EctoMigration,
): Promise<void> {
  if (outsideTransaction === undefined) await ask(runner, 'begin')
  for (const statement of statements) await ask(runner, statement)
  await ask(runner, 'INSERT INTO "schema_migrations" ("version","inserted_at") VALUES ($1,$2)', [version, new Date()])
  if (outsideTransaction === undefined) await ask(runner, 'commit')
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

let prepared = 0
async function ask(client: pg.Client, text: string, values: readonly unknown[] = []): Promise<{ version?: string }[]> {
  prepared += 1
  return (await client.query({ text, values: [...values], name: `ecto_${prepared}` })).rows
}
