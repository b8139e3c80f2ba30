-- Up Migration
ALTER TABLE orders RENAME TO purchases;
ALTER INDEX orders_pkey RENAME TO purchases_pkey;
ALTER TABLE purchases ALTER COLUMN amount TYPE bigint;

-- Down Migration
ALTER TABLE purchases ALTER COLUMN amount TYPE integer;
ALTER INDEX purchases_pkey RENAME TO orders_pkey;
ALTER TABLE purchases RENAME TO orders;
