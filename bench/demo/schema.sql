-- Version 1, which the ticket app knows and will never know better.
CREATE TABLE users (
  id integer PRIMARY KEY,
  name text NOT NULL
);

CREATE TABLE tickets (
  id serial PRIMARY KEY,
  title text NOT NULL,
  description text NOT NULL,
  body text,
  priority integer NOT NULL DEFAULT 1,
  author_id integer NOT NULL REFERENCES users,
  UNIQUE (author_id, title)
);

CREATE TABLE comments (
  id serial PRIMARY KEY,
  ticket_id integer NOT NULL REFERENCES tickets ON DELETE CASCADE,
  text text NOT NULL
);
CREATE INDEX ON comments (ticket_id);

CREATE TABLE counters (
  author_id integer PRIMARY KEY REFERENCES users,
  opened integer NOT NULL
);

INSERT INTO users SELECT n, 'author ' || n FROM generate_series(0, 7) n;
