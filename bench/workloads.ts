import type { LoadOptions } from './load.js'

/** The schema as it is; the rule below shows an older version of it. */
export const headSchema = `
  CREATE TABLE accounts (account_id integer PRIMARY KEY, owner_name text NOT NULL, amount numeric(12, 2) NOT NULL, country text);
  INSERT INTO accounts SELECT n, 'owner ' || n, n * 1.5, 'DE' FROM generate_series(1, 1000) n;
  ANALYZE accounts;`

export const ruleFile = `
tables:
  ledger:
    to: accounts
    columns:
      id: account_id
      owner: owner_name
      balance: amount
    added: [country]
`

/** One statement in the words of the older version and of the newest. */
export interface Workload {
  readonly name: string
  readonly protocol: LoadOptions['protocol']
  readonly old: string
  readonly head: string
}

export const workloads: readonly Workload[] = [
  {
    name: 'prepared',
    protocol: 'prepared',
    old: 'SELECT owner, balance FROM ledger WHERE id = :id',
    head: 'SELECT owner_name, amount FROM accounts WHERE account_id = :id',
  },
  {
    name: 'simple, texts come again',
    protocol: 'simple',
    old: 'SELECT owner, balance FROM ledger WHERE id = :id',
    head: 'SELECT owner_name, amount FROM accounts WHERE account_id = :id',
  },
  {
    name: 'simple, every text is new',
    protocol: 'simple',
    old: 'SELECT owner, balance, :any AS any FROM ledger WHERE id = :id',
    head: 'SELECT owner_name, amount, :any AS any FROM accounts WHERE account_id = :id',
  },
]
