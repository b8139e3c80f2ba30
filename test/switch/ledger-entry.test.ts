import { beforeAll, expect, test } from 'vitest'
import { toByteString } from '../../src/sql/byte-string.js'
import { loadParser, type Parser } from '../../src/sql/parse.js'
import { boundName } from '../../src/switch/ledger-entry.js'
import { KNOWN_LEDGERS, readToolStatements } from '../../src/switch/tool-statement.js'

let parser: Parser
beforeAll(async () => {
  parser = await loadParser()
})

const entries: readonly (readonly [tool: string, sql: string, records: object | undefined])[] = [
  ['Rails', `INSERT INTO "schema_migrations" ("version") VALUES ('20260101')`, { name: '20260101' }],
  ['Ecto', 'INSERT INTO "schema_migrations" ("version","inserted_at") VALUES ($1,$2)', { parameter: 1 }],
  ['node-pg-migrate', `INSERT INTO "public"."pgmigrations" (name, run_on) VALUES ('1_a-b', NOW())`, { name: '1_a-b' }],
  [
    'Alembic',
    "UPDATE alembic_version SET version_num='8f2c' WHERE alembic_version.version_num = '77'",
    { name: '8f2c' },
  ],
  [
    'Alembic',
    "INSERT INTO alembic_version (version_num) VALUES ('77') RETURNING alembic_version.version_num",
    { name: '77' },
  ],
  [
    'Django',
    `INSERT INTO "django_migrations" ("app", "name", "applied") VALUES ('shop', '0002_name', '2026-01-01'::timestamptz) RETURNING "django_migrations"."id"`,
    { name: 'shop.0002_name' },
  ],
  ['goose', 'INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, $2)', { parameter: 1 }],
  [
    'Flyway',
    'INSERT INTO "public"."flyway_schema_history" ("installed_rank","version","description","type","script") VALUES ($1,$2,$3,$4,$5)',
    { parameter: 5 },
  ],
  [
    'Prisma',
    `INSERT INTO "_prisma_migrations" ("id","checksum","logs","migration_name") VALUES ($1,$2,$3,$4)`,
    { parameter: 4 },
  ],
  ['Prisma', `UPDATE "_prisma_migrations" SET "applied_steps_count" = 1 WHERE "id" = $1`, undefined],
  ['knex', 'insert into "knex_migrations" ("batch", "migration_time", "name") values ($1, $2, $3)', { parameter: 3 }],
  ['knex', 'update "knex_migrations_lock" set "is_locked" = $1 where "is_locked" = $2', undefined],
  ['a hand', "INSERT INTO schema_migrations VALUES ('20261123')", { name: '20261123' }],
  ['a hand', "INSERT INTO schema_migrations VALUES (true, 'not a name', 1)", undefined],
]

test.each(entries)('the entry that %s makes: %s', (_, sql, records) => {
  const context = { parser, ledgers: KNOWN_LEDGERS, isUserFunction: () => false }
  const statements = readToolStatements(toByteString(sql), context)
  expect(statements).toMatchObject([{ kind: 'ledger' }])
  expect(statements?.[0]?.records).toEqual(records)
})

test('a bound name is a text, or an integer of either length', () => {
  const bigint = Buffer.alloc(8)
  bigint.writeBigInt64BE(20260101080000n)
  expect(boundName(bigint)).toBe('20260101080000')
  expect(boundName(Buffer.from([0, 0, 0, 7]))).toBe('7')
  expect(boundName(Buffer.from('V2__full_name.sql'))).toBe('V2__full_name.sql')
  expect(boundName(Buffer.from('no name'))).toBeUndefined()
})
