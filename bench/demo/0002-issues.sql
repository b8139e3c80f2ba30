-- tickets become tracker.issues, under load.
ALTER TABLE tickets RENAME TO issues;
ALTER TABLE issues RENAME COLUMN title TO subject;
ALTER TABLE issues RENAME COLUMN author_id TO reporter_id;
ALTER TABLE comments RENAME COLUMN text TO message;

-- description and body change places.
ALTER TABLE issues RENAME COLUMN description TO other;
ALTER TABLE issues RENAME COLUMN body TO description;
ALTER TABLE issues RENAME COLUMN other TO body;

-- A column that the old INSERTs do not know, and that has no default: see the rule file.
ALTER TABLE issues ADD COLUMN channel text NOT NULL DEFAULT 'unknown';
ALTER TABLE issues ALTER COLUMN channel DROP DEFAULT;

CREATE SCHEMA tracker;
ALTER TABLE issues SET SCHEMA tracker;
