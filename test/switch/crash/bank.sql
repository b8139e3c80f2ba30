-- Version 1 of a bank: what its tellers know, for ever. Owners and notes look different, so that nobody takes one for the other.
CREATE TABLE accounts (
  id integer PRIMARY KEY,
  owner text NOT NULL,
  note text NOT NULL,
  balance integer NOT NULL,
  status text NOT NULL DEFAULT 'open'
);
CREATE TABLE transfers (
  id serial PRIMARY KEY,
  ref text NOT NULL UNIQUE,
  source integer NOT NULL REFERENCES accounts,
  target integer NOT NULL REFERENCES accounts,
  amount integer NOT NULL
);
CREATE TABLE counters (client integer PRIMARY KEY, n integer NOT NULL);
CREATE TABLE schema_migrations (version text PRIMARY KEY);
INSERT INTO accounts (id, owner, note, balance) SELECT i, 'owner-' || i, 'note-' || i || '-0', 1000 FROM generate_series(0, 39) AS i;
