-- Columns that old INSERTs do not know and that must have a value.
--| tables:
--|   users: { insert: { country: "'DE'", score: 1 + 1 } }
--|   orders: { insert: { channel: lower('WEB') } }
--|   items: { insert: { sku: gen_random_uuid()::text } }
ALTER TABLE users ADD country text NOT NULL DEFAULT 'XX';
ALTER TABLE users ALTER country DROP DEFAULT;
ALTER TABLE users ADD score integer NOT NULL DEFAULT 0;
ALTER TABLE users ALTER score DROP DEFAULT;
ALTER TABLE orders ADD channel text NOT NULL DEFAULT 'old';
ALTER TABLE orders ALTER channel DROP DEFAULT;
ALTER TABLE items ADD sku text NOT NULL DEFAULT 'none';
ALTER TABLE items ALTER sku DROP DEFAULT;
