/** What is to become of a migration. */
export type Expected = 'switched' | 'no version' | 'fails' | 'refused' | 'gives way'

export interface BankMigration {
  /** Each is sent by itself; `migrate` sends one text. */
  readonly statements: readonly string[]
  readonly expected: Expected
  /** `migrate FILE` in place of a tool. */
  readonly rules?: string
  /** `outside`: a connection past the proxy keeps a lock for a while. `idle`: an app's transaction stays open. */
  readonly blocker?: { readonly kind: 'outside' | 'idle'; readonly sql: string }
}

const switched = (...statements: string[]): BankMigration => ({ statements, expected: 'switched' })
const transaction = (...statements: string[]): BankMigration => switched('BEGIN', ...statements, 'COMMIT')
const fails = (...statements: string[]): BankMigration => ({ statements, expected: 'fails' })
const refused = (...statements: string[]): BankMigration => ({ statements, expected: 'refused' })

/** Thirty migrations of the bank, one after the other: five fail, three are refused, two meet a blocker, one would deadlock. */
export const MIGRATIONS: readonly BankMigration[] = [
  transaction('ALTER TABLE accounts RENAME owner TO holder'),
  transaction("ALTER TABLE accounts ADD region text NOT NULL DEFAULT 'eu'"),
  switched('ALTER TABLE accounts RENAME TO wallets'),
  fails('ALTER TABLE nosuch RENAME TO other'),
  transaction('ALTER TABLE wallets ALTER balance TYPE bigint'),
  { statements: ['CREATE INDEX CONCURRENTLY ON wallets (holder)'], expected: 'no version' },
  transaction('ALTER TABLE transfers RENAME amount TO cents', "ALTER TABLE transfers ADD currency text DEFAULT 'EUR'"),
  refused(
    'BEGIN',
    "ALTER TABLE wallets ADD kind text NOT NULL DEFAULT ''",
    'ALTER TABLE wallets ALTER kind DROP DEFAULT',
    'COMMIT',
  ),
  {
    statements: ['ALTER TABLE wallets DROP status'],
    rules: `tables: { wallets: { columns: { status: { dropped: true, type: text, read: "'open'" } } } }`,
    expected: 'switched',
  },
  fails('BEGIN', 'ALTER TABLE wallets RENAME note TO remark', 'ALTER TABL wallets'),
  transaction(
    'ALTER TABLE wallets RENAME holder TO swap',
    'ALTER TABLE wallets RENAME region TO holder',
    'ALTER TABLE wallets RENAME swap TO region',
  ),
  {
    ...switched('ALTER TABLE wallets RENAME TO purses'),
    blocker: { kind: 'outside', sql: 'LOCK TABLE wallets IN ACCESS SHARE MODE' },
  },
  transaction('ALTER TABLE counters ALTER n TYPE bigint'),
  transaction('ALTER TABLE counters RENAME TO tallies', 'ALTER TABLE tallies RENAME client TO teller'),
  fails("DO $$ BEGIN ALTER TABLE tallies RENAME TO t; RAISE EXCEPTION 'no'; END $$"),
  refused('DROP TABLE tallies'),
  {
    statements: ['ALTER TABLE purses RENAME note TO remark'],
    expected: 'gives way',
    blocker: { kind: 'idle', sql: 'SELECT 1 FROM accounts LIMIT 1' },
  },
  switched('DO $$ BEGIN ALTER TABLE purses RENAME note TO remark; END $$'),
  {
    statements: ['BEGIN', 'CREATE INDEX ON tallies (n)', 'ALTER TABLE purses RENAME remark TO comment'],
    expected: 'gives way',
  },
  fails(
    'BEGIN',
    'ALTER TABLE transfers RENAME made TO made_at',
    "INSERT INTO purses (id, region, balance) VALUES (0, 'x', 1)",
  ),
  switched('ALTER TABLE transfers RENAME made TO made_at; ALTER TABLE transfers ADD reason text'),
  { statements: ['CREATE TABLE branches (id int PRIMARY KEY, name text)'], expected: 'no version' },
  refused('ALTER TABLE purses ALTER balance TYPE bigint USING balance * 100'),
  transaction('ALTER TABLE purses ADD branch integer REFERENCES branches'),
  fails('BEGIN', 'ALTER TABLE purses RENAME remark TO comment', 'SELECT pg_sleep(3)'),
  transaction('ALTER TABLE transfers RENAME TO movements', 'ALTER TABLE movements RENAME source TO origin'),
  switched('ALTER TABLE purses ALTER region TYPE varchar'),
  transaction('ALTER TABLE purses RENAME CONSTRAINT accounts_pkey TO purses_pkey'),
  transaction('ALTER TABLE purses RENAME TO accounts', 'ALTER TABLE accounts RENAME remark TO note'),
  transaction(
    'ALTER TABLE accounts RENAME region TO owner',
    'ALTER SEQUENCE transfers_id_seq RENAME TO movements_id_seq',
  ),
]
