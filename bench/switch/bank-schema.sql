-- Version 1 of a bank: what its tellers know, for ever.
CREATE TABLE accounts (
  id integer PRIMARY KEY,
  owner text NOT NULL,
  balance integer NOT NULL,
  status text NOT NULL DEFAULT 'open',
  note text
);
CREATE TABLE transfers (
  id serial PRIMARY KEY,
  source integer NOT NULL REFERENCES accounts,
  target integer NOT NULL REFERENCES accounts,
  amount integer NOT NULL,
  made timestamp NOT NULL DEFAULT now()
);
CREATE TABLE counters (client integer PRIMARY KEY, n integer NOT NULL);
INSERT INTO accounts (id, owner, balance) SELECT i, 'owner-' || i, 1000 FROM generate_series(0, 199) AS i;
