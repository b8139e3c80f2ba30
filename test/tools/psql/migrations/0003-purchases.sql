\set ON_ERROR_STOP on
BEGIN;
ALTER TABLE orders RENAME TO purchases;
ALTER SEQUENCE orders_id_seq RENAME TO purchases_id_seq;
ALTER INDEX orders_pkey RENAME TO purchases_pkey;
ALTER TABLE purchases RENAME CONSTRAINT orders_user_id_fkey TO purchases_user_id_fkey;
COMMIT;
