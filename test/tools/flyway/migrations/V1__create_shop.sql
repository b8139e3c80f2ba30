CREATE TABLE users (
  id serial PRIMARY KEY,
  name text NOT NULL,
  email text NOT NULL UNIQUE,
  legacy boolean NOT NULL DEFAULT false
);
CREATE TABLE orders (
  id serial PRIMARY KEY,
  user_id integer NOT NULL REFERENCES users (id),
  amount integer NOT NULL,
  status text NOT NULL DEFAULT 'new',
  note text
);
