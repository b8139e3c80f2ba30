-- +goose NO TRANSACTION
-- +goose Up
CREATE INDEX CONCURRENTLY purchases_status_idx ON purchases (status);

-- +goose Down
DROP INDEX CONCURRENTLY purchases_status_idx;
