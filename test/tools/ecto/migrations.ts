/** What Ecto generates of a migration module. */
export interface EctoMigration {
  readonly version: bigint
  readonly name: string
  /** `@disable_ddl_transaction true` and `@disable_migration_lock true`: CREATE INDEX CONCURRENTLY would wait for the lock's snapshot. */
  readonly outsideTransaction?: true
  readonly statements: readonly string[]
}

/** The statements as ecto_sql prints them of `rename`, `alter table` and `create index`. */
export const migrations: readonly EctoMigration[] = [
  {
    version: 20260101080000n,
    name: 'create_shop',
    statements: [
      `CREATE TABLE "users" ("id" serial, "name" text NOT NULL, "email" text NOT NULL, "legacy" boolean DEFAULT false NOT NULL, PRIMARY KEY ("id"))`,
      'CREATE UNIQUE INDEX "users_email_key" ON "users" ("email")',
      `CREATE TABLE "orders" ("id" serial, "user_id" integer NOT NULL CONSTRAINT "orders_user_id_fkey" REFERENCES "users"("id"), "amount" integer NOT NULL, "status" text DEFAULT 'new' NOT NULL, "note" text, PRIMARY KEY ("id"))`,
    ],
  },
  {
    version: 20260214090000n,
    name: 'rename_name',
    statements: ['ALTER TABLE "users" RENAME "name" TO "full_name"'],
  },
  {
    version: 20260301101500n,
    name: 'rename_orders',
    statements: [
      'ALTER TABLE "orders" RENAME TO "purchases"',
      'ALTER TABLE purchases RENAME CONSTRAINT orders_user_id_fkey TO purchases_user_id_fkey',
      'ALTER TABLE "purchases" ALTER COLUMN "amount" TYPE bigint, ALTER COLUMN "amount" SET NOT NULL',
    ],
  },
  {
    version: 20260302070000n,
    name: 'add_country',
    statements: [
      `ALTER TABLE "users" ADD COLUMN "country" text DEFAULT 'DE' NOT NULL, DROP COLUMN "legacy"`,
      `COMMENT ON COLUMN "users"."country" IS 'ISO 3166'`,
    ],
  },
  {
    version: 20260303070000n,
    name: 'index_status',
    outsideTransaction: true,
    statements: ['CREATE INDEX CONCURRENTLY "purchases_status_idx" ON "purchases" ("status")'],
  },
]
