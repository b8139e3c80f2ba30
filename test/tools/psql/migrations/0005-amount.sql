\set ON_ERROR_STOP on
ALTER TABLE purchases ALTER COLUMN amount TYPE bigint;
CREATE INDEX CONCURRENTLY purchases_status_idx ON purchases (status);
