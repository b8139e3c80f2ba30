-- +goose Up
ALTER TABLE orders RENAME TO purchases;
ALTER TABLE purchases ALTER COLUMN amount TYPE bigint;
-- +goose StatementBegin
DO $$
BEGIN
  ALTER SEQUENCE orders_id_seq RENAME TO purchases_id_seq;
  ALTER TABLE purchases RENAME CONSTRAINT orders_pkey TO purchases_pkey;
END
$$;
-- +goose StatementEnd

-- +goose Down
ALTER TABLE purchases RENAME CONSTRAINT purchases_pkey TO orders_pkey;
ALTER SEQUENCE purchases_id_seq RENAME TO orders_id_seq;
ALTER TABLE purchases ALTER COLUMN amount TYPE integer;
ALTER TABLE purchases RENAME TO orders;
