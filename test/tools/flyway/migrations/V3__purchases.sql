ALTER TABLE orders RENAME TO purchases;
ALTER TABLE purchases ALTER COLUMN amount TYPE bigint;
DO $$
BEGIN
  ALTER SEQUENCE orders_id_seq RENAME TO purchases_id_seq;
  ALTER TABLE purchases RENAME CONSTRAINT orders_pkey TO purchases_pkey;
END
$$;
