CREATE INDEX CONCURRENTLY purchases_status_idx ON purchases (status);
